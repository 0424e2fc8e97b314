"""The HTTP protocol of a server that takes files: more bytes and more time for forms, and for
nothing else.

Who posts a form may take `FORM_S` seconds, though no longer than other requests without a byte.
"""

import asyncio
from typing import ClassVar

from shared.blobs.files_form import HEAD_BYTES_MAX
from shared.blobs.files_signing import UPLOAD_PATH
from shared.blobs.port import FORM_BYTES_MAX, FORM_S
from shared.bounded_http import BoundedHttp


class UploadHttp(BoundedHttp):
    """One connection's requests, forms with a file among them."""

    form_s: ClassVar[float] = FORM_S
    """How long a form may take to come, from the end of the request's head."""
    silence_s: ClassVar[float] = 10.0
    """How long nothing may come of a form while we would read it."""
    form_bytes: ClassVar[int] = FORM_BYTES_MAX + 2 * HEAD_BYTES_MAX
    """The whole request, with its own head and that of the form."""

    _silence: asyncio.TimerHandle | None = None
    _heard_at = 0.0
    """When the last bytes came, by the loop's clock."""

    def data_received(self, data: bytes) -> None:
        """Take a read of the socket."""
        self._heard_at = self.loop.time()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """Give a form its bounds."""
        super().on_headers_complete()
        form = self.parser.get_method() == b"POST" and self.url == UPLOAD_PATH.encode()
        if form and self._in_body:
            self._disarm()
            self.request_bytes = self.form_bytes
            self._deadline = self.loop.call_later(self.form_s, self._expire)
            self._silence = self.loop.call_later(self.silence_s, self._end_silence)

    def on_message_complete(self) -> None:
        """The next request has the bounds of any."""
        super().on_message_complete()
        self.request_bytes = type(self).request_bytes

    def on_response_complete(self) -> None:
        """What is left of a form that is answered comes soon, or not at all: nobody reads it."""
        super().on_response_complete()
        if self._silence is not None and self.cycle.response_complete:
            self._disarm()
            self._arm()

    def _disarm(self) -> None:
        super()._disarm()
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None

    def _end_silence(self) -> None:
        """Cut, unless something came since, or we are the ones who do not read."""
        now = self.loop.time()
        if self.flow.read_paused:
            self._heard_at = now
        rest_s = self._heard_at + self.silence_s - now
        if rest_s > 0:
            self._silence = self.loop.call_later(rest_s, self._end_silence)
        else:
            self._disarm()
            self._expire()

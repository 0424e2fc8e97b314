"""The HTTP protocol of every server of ours: uvicorn's own, with bounds and deadlines of requests.

Parsing stays httptools' job, which refuses what two readers could take in two ways. Added here is
what it lets pass, and what uvicorn leaves to a proxy: how long a request may take to come and how
large it may be. A websocket's handshake is such a request too.
"""

import asyncio
from http import HTTPStatus
from typing import ClassVar, NoReturn

from httptools import HttpParserError, HttpParserUpgrade
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Unacceptable(Exception):
    """Ends the parsing of a request that is answered with an error and closed."""


class BoundedHttp(HttpToolsProtocol):
    """One connection's requests; a request that breaks a bound never reaches the application.

    A subclass may set other bounds.
    """

    request_s: ClassVar[float] = 10.0
    """How long a request may take to come, from its first byte, or on a new connection from its
    beginning, to its last."""
    target_bytes: ClassVar[int] = 8_192
    head_bytes: ClassVar[int] = 16_384
    """Names and values of all headers, and as much unparsed."""
    headers_max: ClassVar[int] = 100
    pipelined_max: ClassVar[int] = 16
    """How many requests may wait behind the one that is being answered. Hardly anybody sends any,
    and a single read has room for thousands."""
    request_bytes: int = 1_048_576
    """The whole request as it came. Routes have narrower bounds for bodies; this one also holds for
    what no route ever gets: framing, trailers, and the rest after an early answer."""

    _deadline: asyncio.TimerHandle | None = None
    _came = 0
    """Bytes of the request that is being read."""
    _in_body = False
    _offered = False
    """Whether what was read is a head with an offer that is not taken."""
    _header_bytes = 0
    _status = HTTPStatus.BAD_REQUEST
    """What a request that cannot be parsed is answered with."""

    # From the transport.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a first request."""
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take a read of the socket; after it at most one request is unfinished."""
        self._came += len(data)
        self._arm()
        self._unset_keepalive_if_required()
        try:
            self._parse(data)
        except HttpParserError:
            self._answer(self._status)  # one that we refused, or one that cannot be parsed
        if self.transport.is_closing():
            return
        if self._in_body and self._came > self.request_bytes:
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        elif not self._in_body and self._came > self.head_bytes:
            self._answer(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def _parse(self, data: bytes) -> None:
        """Feed the parser, which stops behind any head that offers to change the protocol.

        It takes what follows for that protocol, a body too; uvicorn leaves out as much of it as has
        come and parses the rest as a request. So an offer that is not taken is as if never made:
        the head is read once more without it.
        """
        while data:
            try:
                self.parser.feed_data(data)
                return
            except HttpParserUpgrade as stopped:
                (end,) = stopped.args
                data = data[end:]
                if self._should_upgrade():
                    if data:
                        self._answer(HTTPStatus.BAD_REQUEST)  # nobody has accepted yet
                    else:
                        self.handle_websocket_upgrade()
                    return
                data = self._head_without_offer() + data

    def _head_without_offer(self) -> bytes:
        lines = [self.parser.get_method() + b" " + self.url]
        lines[0] += b" HTTP/" + self.parser.get_http_version().encode()
        lines += [name + b": " + value for name, value in self.headers if name != b"upgrade"]
        return b"\r\n".join(lines) + b"\r\n\r\n"

    # From the parser.

    def on_message_begin(self) -> None:
        """Begin to read a request; its first bytes may have come behind the one before."""
        super().on_message_begin()
        self._arm()
        self._header_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Take a piece of the request's target."""
        super().on_url(url)
        if len(self.url) > self.target_bytes:
            self._refuse(HTTPStatus.REQUEST_URI_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, or a trailer."""
        super().on_header(name, value)
        self._header_bytes += len(name) + len(value)
        if len(self.headers) > self.headers_max or self._header_bytes > self.head_bytes:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_headers_complete(self) -> None:
        """Start the application, unless a proxy may have read this request in another way."""
        values = [value for name, value in self.headers if name == b"host"]
        if self.parser.get_method() == b"CONNECT":
            self._refuse(HTTPStatus.NOT_IMPLEMENTED)  # another offer to change the protocol
        version = self.parser.get_http_version()
        if version not in ("1.0", "1.1"):
            self._refuse(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
        if len(values) > 1 or not (values or version == "1.0"):
            self._refuse(HTTPStatus.BAD_REQUEST)
        codings = [value for name, value in self.headers if name == b"transfer-encoding"]
        if codings and (
            version == "1.0" or [coding.strip().lower() for coding in codings] != [b"chunked"]
        ):
            self._refuse(HTTPStatus.BAD_REQUEST)  # httptools says so after the start, if at all
        if len(self.pipeline) >= self.pipelined_max:
            self._refuse(HTTPStatus.TOO_MANY_REQUESTS)
        self._offered = self.parser.should_upgrade() and not self._should_upgrade()
        if not self._offered:
            self._in_body = True
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is whole, unless it will be read again."""
        if self._offered:
            return
        self._disarm()
        self._came = 0
        self._in_body = False
        super().on_message_complete()

    # Inside.

    def _refuse(self, status: HTTPStatus) -> NoReturn:
        """Stop the parser."""
        self._status = status
        raise Unacceptable

    def _answer(self, status: HTTPStatus) -> None:
        head = f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        self.transport.write(f"{head}content-length: 0\r\nconnection: close\r\n\r\n".encode())
        self.transport.close()

    def _arm(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.request_s, self._expire)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _expire(self) -> None:
        """Cut: whoever sends a byte now and then would not hear an answer either."""
        self._deadline = None
        self.transport.abort()

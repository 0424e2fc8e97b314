"""A form as it comes: `multipart/form-data`, piece by piece, its fields first and the file last.

No I/O: take what came, give what of the file is in it. What would leave two readers of two minds is
refused: a part without a name or with two, a field that says how it is encoded, a file that is not
the last.
"""

import re
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

FILE: Final = "file"
"""The name of the part that is the file."""

HEAD_BYTES_MAX: Final = 16_384
"""All that comes before the file. Ours has less than one kilobyte."""

PARTS_MAX: Final = 16
"""Ours has five. A file that is full of lines like a boundary is none, and takes the parser up to a
second for each megabyte."""

_PART_HEADERS: Final = {b"content-disposition", b"content-type"}
_DISPOSITION: Final = re.compile(
    r'form-data; ?name="(?P<name>[^"]+)"(?P<file>; ?filename="[^"]*")?'
)
"""As browsers write it, who write a quotation mark as %22: nothing is said twice or in two ways."""


class Malformed(Exception):
    """No form, or none that ends in its file."""


class FormReader:
    """Reads one form. Raises `Malformed`."""

    def __init__(self, content_type: str) -> None:
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data" or not options.get(b"boundary"):
            raise Malformed
        self.fields: list[tuple[str, str]] = []
        """Name and value of every field so far, in their order."""
        self.in_file = False
        """Whether the fields are complete, as the file has begun."""
        self.complete = False
        """Whether the form has come to its end."""
        self._came = 0
        self._boundary = b"\r\n--" + options[b"boundary"]
        self._boundaries = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._name = self._value = b""
        self._field = ""
        self._content = bytearray()
        """Of the part that is read."""
        try:
            self._parser = MultipartParser(
                options[b"boundary"],
                {
                    "on_part_begin": self._on_part_begin,
                    "on_header_begin": self._on_header_begin,
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers_finished,
                    "on_part_data": self._on_part_data,
                    "on_part_end": self._on_part_end,
                    "on_end": self._on_end,
                },
            )
        except FormParserError:
            raise Malformed from None

    def feed(self, data: bytes) -> bytes:
        """Read on, and answer the bytes of the file in it."""
        self._came += len(data)
        self._boundaries += data.count(self._boundary)
        if self._boundaries > PARTS_MAX:
            raise Malformed
        try:
            self._parser.write(data)
        except FormParserError:
            raise Malformed from None
        if not self.in_file:
            if self._came > HEAD_BYTES_MAX:
                raise Malformed
            return b""
        piece = bytes(self._content)
        self._content.clear()
        return piece

    # From the parser.

    def _on_part_begin(self) -> None:
        if self.in_file:
            raise Malformed  # something behind the file
        self._headers.clear()

    def _on_header_begin(self) -> None:
        self._name = self._value = b""

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers.append((self._name.lower(), self._value))

    def _on_headers_finished(self) -> None:
        headers = dict(self._headers)
        if len(headers) < len(self._headers) or not headers.keys() <= _PART_HEADERS:
            raise Malformed
        said = _DISPOSITION.fullmatch(_text(headers.get(b"content-disposition", b"")))
        if said is None or (said["file"] is not None) != (said["name"] == FILE):
            raise Malformed
        self._field = said["name"]
        self.in_file = self._field == FILE

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._content += data[start:end]

    def _on_part_end(self) -> None:
        if not self.in_file:
            self.fields.append((self._field, _text(bytes(self._content))))
            self._content.clear()

    def _on_end(self) -> None:
        self.complete = self.in_file


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Malformed from None

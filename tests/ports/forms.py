"""Forms as an attacker writes them, byte by byte."""

from typing import NamedTuple

from shared.blobs.port import UploadForm

BOUNDARY = "boundary-of-a-test"


class Part(NamedTuple):
    """One part of a form: what stands before its content, and the content."""

    headers: str
    content: bytes


def field(name: str, value: str) -> Part:
    return Part(f'Content-Disposition: form-data; name="{name}"', value.encode())


def file(content: bytes, *, name: str = "photo.png") -> Part:
    headers = f'Content-Disposition: form-data; name="file"; filename="{name}"'
    return Part(f"{headers}\r\nContent-Type: image/png", content)


def fields_of(form: UploadForm) -> list[Part]:
    """The form's own fields, in their order."""
    return [field(name, value) for name, value in form.fields.items()]


def encoded(parts: list[Part], *, end: str = f"--{BOUNDARY}--\r\n") -> bytes:
    """The body of a form."""
    body = b""
    for part in parts:
        body += f"--{BOUNDARY}\r\n{part.headers}\r\n\r\n".encode() + part.content + b"\r\n"
    return body + end.encode()

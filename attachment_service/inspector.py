"""`python -I -m attachment_service.inspector`: looks at one file, in a process of its own.

`inspection` starts it and reads what it says. It has no environment and opens nothing; what it
writes to its standard error is read by nobody.
"""

import sys
from typing import BinaryIO

import msgspec

from attachment_service import sandbox
from attachment_service.inspect import Found, inspect
from attachment_service.job import LINE_BYTES_MAX, Job, Ready, Result
from attachment_service.kinds import KINDS, Check
from attachment_service.raster import rehearse
from attachment_service.verdicts import Rejected


def main(said: BinaryIO, answer: BinaryIO) -> None:
    """Read a job from *said*, and write to *answer* what came of it."""
    job = msgspec.json.decode(said.readline(LINE_BYTES_MAX), type=Job)
    if KINDS[job.content_type].check is Check.RASTER:
        rehearse(job.content_type)
    network = sandbox.enter()
    _say(answer, Ready(network))
    data = said.read(job.length)
    if len(data) != job.length:
        raise EOFError("whoever gave the job is gone")
    try:
        found = inspect(job.content_type, job.size, data, draw=job.draw)
    except Rejected as rejected:
        _say(answer, Result(rejected.reason))
    else:
        _say(answer, _announced(found), found.image or b"", found.thumbnail or b"")


def _announced(found: Found) -> Result:
    image = len(found.image) if found.image is not None else None
    small = len(found.thumbnail) if found.thumbnail is not None else None
    return Result(None, image, small, found.width, found.height)


def _say(answer: BinaryIO, what: Ready | Result, *following: bytes) -> None:
    answer.write(msgspec.json.encode(what) + b"\n")
    for piece in following:
        answer.write(piece)
    answer.flush()


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)

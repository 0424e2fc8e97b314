"""RFC 6455 by proof: the cases of the Autobahn test suite, driven by `kosoku`.

It runs in a process of its own, because it changes the interpreter it runs in.
"""

import asyncio
import sys
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from websockets.frames import Frame, Opcode

from chat_gateway.direct import DirectProtocol
from tests.chat_gateway.echo import running

KOSOKU: Final = Path(sys.executable).with_name("kosoku")
PATIENCE_S: Final = 100.0
AT_ONCE: Final = 8
AGAIN_MAX: Final = 30
"""More than so many do not fail by a stall."""

PROTOCOL: Final = ("1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*")
"""Frames, pings, reserved bits, opcodes, fragments, UTF-8, closes; a large text in fragments."""
LARGE: Final = ("9.*",)
"""Messages of up to 16 MiB, in up to 65,536 fragments."""
COMPRESSION: Final = ("12.*", "13.*")


class Verdict(NamedTuple):
    """How a case ended."""

    exchange: str
    close: str
    code: int | None
    """Of the server's close frame."""

    @property
    def is_unheard(self) -> bool:
        """Whether the client gave up waiting: for any answer, or for the connection's end."""
        return (self.exchange == "FAILED" and self.code is None) or self.close in (
            "UNCLEAN",
            "FAILED BY CLIENT",
        )


class CaseFile(msgspec.Struct, rename="camel"):
    """A case in the index that `kosoku` writes."""

    behavior: str
    behavior_close: str
    remote_close_code: int | None


async def verdicts(port: int, reports: Path, *cases: str) -> dict[str, Verdict]:
    """How each case ended against the echo at *port*; the full story of each is in *reports*.

    Most cases give up after a second in which nothing came. On a machine that stood still for one
    that says nothing of the server, so what was given up is tried again, alone.
    """
    found = await _verdicts(port, reports, AT_ONCE, *cases)
    unheard = [case for case, end in found.items() if end.is_unheard]
    if 0 < len(unheard) <= AGAIN_MAX:
        found |= await _verdicts(port, reports / "again", 1, *unheard)
    return found


async def _verdicts(port: int, reports: Path, at_once: int, *cases: str) -> dict[str, Verdict]:
    trial = await asyncio.create_subprocess_exec(
        KOSOKU,
        *(f"127.0.0.1:{port}", "--outdir", str(reports), "--parallelism", str(at_once)),
        *(f"--include={case}" for case in cases),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            output, _ = await trial.communicate()
    finally:
        if trial.returncode is None:
            trial.kill()
            await trial.wait()
    # What it wrote counts, not how it ended: before Python 3.14 a native thread that wants the
    # interpreter while that is being taken down aborts the process, when all is said and done.
    index = reports / "index.json"
    assert index.exists(), output.decode()
    (found,) = msgspec.json.decode(index.read_bytes(), type=dict[str, dict[str, CaseFile]]).values()
    return {
        case: Verdict(end.behavior, end.behavior_close, end.remote_close_code)
        for case, end in found.items()
    }


def beyond_ok(found: dict[str, Verdict]) -> dict[str, Verdict]:
    """Those of which there is something to say."""
    return {case: end for case, end in found.items() if end[:2] != ("OK", "OK")}


LATE: Final = {f"6.4.{number}": Verdict("NON-STRICT", "OK", 1007) for number in (1, 2, 3, 4)}
"""Text that is no UTF-8 is refused, but at the end of its message and not with the first such
fragment: it is judged whole."""
UNDEFINED: Final = {
    "7.1.6": Verdict("INFORMATIONAL", "INFORMATIONAL", 1000),
    "7.13.1": Verdict("INFORMATIONAL", "INFORMATIONAL", 1002),
    "7.13.2": Verdict("INFORMATIONAL", "INFORMATIONAL", 1002),
}
"""What the RFC leaves open: 256 KiB with a close right behind them, and close codes of 5000 up."""


class Generous(DirectProtocol):
    """Takes what the cases ask for: large messages, any number of fragments, and binary."""

    message_bytes = 32 * 1024 * 1024
    fragments = sys.maxsize
    _binary = False

    def _take_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.BINARY and not self.close_sent:
            self._binary = True
            self._take_fragment(frame)
        else:
            super()._take_frame(frame)

    def _take_text(self, payload: bytes) -> None:
        if self._binary:
            self._binary = False
            self._ask().send_binary(payload)
            self._write_from_library()
        else:
            super()._take_text(payload)


async def test_every_case_without_compression_is_passed(tmp_path: Path) -> None:
    """None fails, and none ends uncleanly."""
    async with running(protocol=Generous) as server:
        found = await verdicts(server.port, tmp_path, *PROTOCOL, *LARGE)

    assert len(found) == 301
    assert beyond_ok(found) == LATE | UNDEFINED


async def test_no_case_gets_compression(tmp_path: Path) -> None:
    """Though uvicorn is set to offer it."""
    async with running(protocol=Generous, ws_per_message_deflate=True) as server:
        found = await verdicts(server.port, tmp_path, *COMPRESSION)

    assert len(found) == 216
    assert set(found.values()) == {Verdict("UNIMPLEMENTED", "OK", 1000)}


BINARY_REFUSED: Final = {
    f"1.2.{number}": Verdict("FAILED", "FAILED", 1003) for number in range(1, 9)
}
"""Binary is no part of the chat's protocol: the cases want it back and get a close frame."""


async def test_in_service_only_binary_and_what_is_too_long_are_refused(tmp_path: Path) -> None:
    """The limits of a gateway break no other case."""
    async with running() as server:
        found = await verdicts(server.port, tmp_path, *PROTOCOL)

    too_long = {"7.1.6": Verdict("INFORMATIONAL", "INFORMATIONAL", 1009)}
    assert len(found) == 247
    assert beyond_ok(found) == LATE | UNDEFINED | BINARY_REFUSED | too_long


HASTY: Final = {
    case: Verdict("NON-STRICT", "OK", 1002)
    for case in ("3.2", "3.3", "3.4", "4.1.3", "4.1.4", "4.1.5", "4.2.3", "4.2.4", "4.2.5", "5.15")
}
"""What came before a broken frame may be lost with it: the close frame overtakes its answer."""
CLOSED_WITHIN_A_MESSAGE: Final = {"7.1.5": Verdict("FAILED", "WRONG CODE", 1002)}
"""`websockets` takes a close frame between two fragments for an error."""


async def test_another_server_differs_where_it_is_named(tmp_path: Path) -> None:
    """The same endpoint on uvicorn's own class: the rest it takes as ours does."""
    async with running(protocol="websockets-sansio", ws_max_size=Generous.message_bytes) as server:
        found = await verdicts(server.port, tmp_path, *PROTOCOL)

    differing = {case: end for case, end in beyond_ok(found).items() if end != HASTY.get(case)}
    assert len(found) == 247
    assert differing == LATE | UNDEFINED | BINARY_REFUSED | CLOSED_WITHIN_A_MESSAGE

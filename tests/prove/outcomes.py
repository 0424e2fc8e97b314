"""Checks of what each attempt was told: one outcome while its connection lives, and a true one."""

from collections.abc import Iterator
from typing import Final

import msgspec

from shared.contracts.errors import ErrorCode
from shared.contracts.ids import ClientId
from tests.prove.evidence import Check, Evidence, Violation, events_of
from tests.prove.history import Answered, Barred, Closed, Done, Opened, Sent

EARNED: Final = frozenset({ErrorCode.NOT_FOUND, ErrorCode.READ_ONLY})
"""What an honest edit or delete may be refused for: the message went first, or time is over."""


class _Attempt(msgspec.Struct):
    ref: int
    retry: bool
    answered: bool = False
    shown: bool = False

    @property
    def open(self) -> bool:
        return not (self.answered or self.shown)


def check_outcomes(evidence: Evidence) -> Iterator[Violation]:
    """`outcome`, `unwarranted`, `dropped` and `barred`, connection by connection."""
    for client in evidence.clients:
        yield from _Walk(evidence, client).found


def check_settled(evidence: Evidence) -> Iterator[Violation]:
    """`unsettled`: in the end everything typed was shown, or refused for good."""
    settled = evidence.acknowledged().keys() | evidence.used_up()
    for typed in evidence.typed.values():
        if typed.id not in settled:
            yield Violation("unsettled", typed.client, f"{typed.kind} {typed.id} has no outcome")


class _Walk:
    """Follows one client's attempts from connection to connection."""

    def __init__(self, evidence: Evidence, client: str) -> None:
        self.found: list[Violation] = []
        self._evidence = evidence
        self._client = client
        self._attempts: dict[ClientId, list[_Attempt]] = {}
        """The attempts of this connection, oldest first."""
        self._opened_at = 0.0
        self._token_ends: float | None = None
        for record in evidence.clients[client]:
            self._follow(record)

    def _follow(self, record: Done) -> None:
        match record:
            case Opened(at=at, token_ends=token_ends):
                self._opened_at, self._token_ends = at, token_ends
                self._attempts.clear()
            case Sent(id=id_, ref=ref, retry=retry):
                self._attempts.setdefault(id_, []).append(_Attempt(ref, retry))
            case Answered():
                self._answer(record)
            case Closed():
                self._close(record)
            case Barred(code=code) if not self._evidence.is_shut_out(self._client):
                self._report("barred", f"the own order was not opened: {code}")
            case _:
                for event in events_of(record):
                    if event.client_id in self._attempts:
                        self._show(event.client_id)

    def _show(self, id_: ClientId) -> None:
        """An event is the outcome of every attempt under its id that has none yet."""
        for attempt in self._attempts[id_]:
            attempt.shown |= attempt.open

    def _answer(self, answer: Answered) -> None:
        if answer.id is None:
            if not answer.retry:
                self._report("unwarranted", f"a frame without outcome was refused: {answer.code}")
            return
        attempts = self._attempts.get(answer.id, ())
        attempt = next((one for one in attempts if one.ref == answer.ref), None)
        if attempt is None:
            self._report("outcome", f"{answer.id} was answered but not asked: {answer.outcome}")
            return
        # A retry's own answer may cross the event of the try before it, unless it denies the event.
        crossing = attempt.retry and answer.outcome == "unknown"
        if attempt.answered or (attempt.shown and not crossing):
            self._report("outcome", f"{answer.id} has a second outcome: {answer.outcome}")
        attempt.answered = True
        self._judge(answer, attempt)

    def _judge(self, answer: Answered, attempt: _Attempt) -> None:
        if answer.outcome != "refused":
            return
        if answer.retry:
            if attempt.retry:
                self._report(
                    "outcome",
                    f"{answer.id} may be in the log, yet was refused for now: {answer.code}",
                )
            return
        typed = self._evidence.typed.get(answer.id) if answer.id else None
        if typed is None or typed.kind == "message" or answer.code not in EARNED:
            self._report("unwarranted", f"{answer.id} was refused for good: {answer.code}")

    def _close(self, closed: Closed) -> None:
        if self._evidence.is_faulty(self._client, self._opened_at, closed.at):
            return
        if self._token_ends is not None and self._token_ends <= closed.at:
            return
        if closed.why not in ("left", "barred"):  # being barred is judged by itself
            self._report(
                "dropped",
                f"connection {closed.connection} ended unharmed: {closed.why} {closed.code}",
            )
        for id_, attempts in self._attempts.items():
            if any(attempt.open for attempt in attempts):
                self._report("outcome", f"{id_} got no outcome on a connection that lived")

    def _report(self, check: Check, what: str) -> None:
        self.found.append(Violation(check, self._client, what))

"""What a user wrote that is not settled: kept until its event or a final refusal comes.

An attempt has its id from before the first try, and its body never changes, so every further try is
the same thing said again. What is tried again goes out in the order typed, and only when everything
in flight has an outcome: else a later message could overtake the one that is asked for again.
"""

import msgspec

from shared.contracts import frames
from shared.contracts.ids import ClientId

WINDOW = 32
"""How many attempts may be in flight: what a server queues behind a look-up."""


class _Pending(msgspec.Struct):
    frame: frames.Attempt
    in_flight_since: float | None = None
    may_be_logged: bool = False
    """Whether an earlier try may be in the log, so that this is to be looked up first."""


class Outbox:
    """The unsettled attempts of one client to one order, in the order typed."""

    def __init__(self) -> None:
        self._pending: dict[ClientId, _Pending] = {}
        self._hold_until: float | None = None
        """Set while something has to be tried again; nothing goes out before."""

    def __len__(self) -> int:
        return len(self._pending)

    def __contains__(self, id_: ClientId) -> bool:
        return id_ in self._pending

    def add(self, frame: frames.Attempt) -> None:
        """Keep what was just typed. Its `ref` and `retry` are set when it goes out."""
        self._pending[frame.id] = _Pending(frame)

    def take(self, now: float, first_ref: int) -> list[frames.Attempt]:
        """What is to be sent now, numbered from *first_ref* on; it is in flight from here on."""
        in_flight = sum(1 for p in self._pending.values() if p.in_flight_since is not None)
        if self._hold_until is not None:
            if in_flight or now < self._hold_until:
                return []
            self._hold_until = None
        taken: list[frames.Attempt] = []
        for pending in self._pending.values():
            if in_flight + len(taken) >= WINDOW:
                break
            if pending.in_flight_since is None:
                pending.in_flight_since = now
                taken.append(
                    msgspec.structs.replace(
                        pending.frame, ref=first_ref + len(taken), retry=pending.may_be_logged
                    )
                )
        return taken

    def settle(self, id_: ClientId) -> None:
        """The event came, or a refusal that is final."""
        self._pending.pop(id_, None)

    def try_again(self, id_: ClientId, at: float, *, may_be_logged: bool) -> None:
        """Unknown, or refused for now: send it again, not before *at*."""
        pending = self._pending.get(id_)
        if pending is None:
            return
        pending.in_flight_since = None
        pending.may_be_logged |= may_be_logged
        self._hold_until = max(at, self._hold_until or at)

    def disconnect(self) -> None:
        """The connection is gone; whatever was in flight may be in the log."""
        for pending in self._pending.values():
            if pending.in_flight_since is not None:
                pending.in_flight_since = None
                pending.may_be_logged = True
        self._hold_until = None

    def waiting_since(self) -> float | None:
        """Since when the oldest attempt in flight waits for its outcome."""
        return min(
            (p.in_flight_since for p in self._pending.values() if p.in_flight_since is not None),
            default=None,
        )

"""Who gets in: how many connections may come, and how many may be open.

A connection costs most while it comes: a handshake, a token to verify, joins that read the store.
So the pace of new ones is bounded, for each address and in all, and whoever is beyond it hears a
503 before the upgrade, which costs next to nothing. After that it is counted by its address until
it says who it is, then by its user.
"""

from collections import Counter
from typing import Final, Literal, TypeVar

import msgspec

from chat_gateway.limits import LIFTED
from shared.contracts.frames import Limits
from shared.contracts.ids import UserId
from shared.rates import Buckets, TokenBucket

Turned = Literal["pace", "silent"]
"""Why nobody more is let in now: too many come at once, or too many say nothing."""

K = TypeVar("K")


class Caps(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for connections before anything is known of their user."""

    silent_per_address: int = 50
    """Connections of one address that have not said who they are yet."""
    silent_max: int = 2_000
    """The same for the whole process: at 25 KB each, 50 MB."""
    arrivals_per_s: float = 500.0
    """New connections a second. One with its hello and a join takes about a millisecond of the one
    core, so whoever is connected already keeps half of it while everybody comes back."""
    arrivals_burst: float = 1_000.0
    """So many may come at once: two seconds' work."""
    address_arrivals_per_s: float = 100.0
    """The same for one address, so that one that comes and goes takes a fifth of all there is and
    the rest is left for others. An office behind one address is in within seconds."""
    address_arrivals_burst: float = 400.0


LIFTED_CAPS: Final = Caps(
    silent_per_address=LIFTED,
    silent_max=LIFTED,
    arrivals_per_s=LIFTED,
    arrivals_burst=LIFTED,
    address_arrivals_per_s=LIFTED,
    address_arrivals_burst=LIFTED,
)


class Admission:
    """How many connections may come, and be open: by address and in all, then by user."""

    def __init__(self, limits: Limits, caps: Caps | None = None) -> None:
        self.turned_away: Counter[Turned] = Counter()
        """Handshakes answered 503 since the start."""
        self._sockets_per_user = limits.sockets_per_user
        self._caps = caps = caps or Caps()
        self._arrivals = TokenBucket(caps.arrivals_per_s, caps.arrivals_burst, 0.0)
        self._by_address: Buckets[str] = Buckets(
            caps.address_arrivals_per_s, caps.address_arrivals_burst
        )
        self._silent: Counter[str] = Counter()
        self._silent_total = 0
        self._users: Counter[UserId] = Counter()

    def admit(self, address: str, now: float) -> "Ticket | None":
        """One more connection, at *now* in seconds of a steady clock; null if it must come back."""
        caps = self._caps
        if (
            self._silent[address] >= caps.silent_per_address
            or self._silent_total >= caps.silent_max
        ):
            self.turned_away["silent"] += 1
            return None
        # The address first: what it has too many of uses up nothing of what is there for others.
        if self._by_address.take(address, 1, now) or self._arrivals.take(1, now):
            self.turned_away["pace"] += 1
            return None
        self._silent[address] += 1
        self._silent_total += 1
        return Ticket(self, address)

    def spoke(self, address: str) -> None:
        """A connection said who it is, or is gone before it did."""
        self._silent_total -= 1
        _take_one(self._silent, address)

    def enter(self, user_id: UserId) -> bool:
        """One more connection of a user; false if there are too many."""
        if self._users[user_id] >= self._sockets_per_user:
            return False
        self._users[user_id] += 1
        return True

    def leave(self, user_id: UserId) -> None:
        """One connection of a user fewer."""
        _take_one(self._users, user_id)


class Ticket:
    """What one connection holds of an `Admission`: first its address's place, then its user's."""

    __slots__ = ("_address", "_admission", "_user_id")

    def __init__(self, admission: Admission, address: str) -> None:
        self._admission = admission
        self._address: str | None = address
        """Whose place is held, until it is known whose connection it is."""
        self._user_id: UserId | None = None
        """Whose it is; both are null once nothing is held."""

    def enter(self, user_id: UserId) -> bool:
        """The connection said who it is; false, and nothing changes, if this user has too many."""
        if not self._admission.enter(user_id):
            return False
        self.leave()
        self._user_id = user_id
        return True

    def leave(self) -> None:
        """The connection is gone. Further calls do nothing."""
        address, user_id = self._address, self._user_id
        self._address = self._user_id = None
        if address is not None:
            self._admission.spoke(address)
        if user_id is not None:
            self._admission.leave(user_id)


def _take_one(counter: Counter[K], key: K) -> None:
    """One fewer; nothing is kept of what comes down to none."""
    counter[key] -= 1
    if not counter[key]:
        del counter[key]

"""Rates and caps: what one user, one address and one process may ask for.

A rate is a bucket of tokens: it holds `burst` of them and gains `rate` a second, so a quiet user
may be quick for a while. Nothing here waits; who is refused is told when to come back.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

import msgspec

from shared.contracts.frames import Limits
from shared.contracts.ids import UserId

BUCKETS_MAX: Final = 50_000
"""Users remembered at a time, some 10 MB; whoever is forgotten starts with a full bucket."""

JOIN_COST: Final = 5.0
"""A join reads from the store and answers with up to 200 KiB: it counts as this many frames."""

FLOOD_REFUSALS: Final = 1_000
FLOOD_WINDOW_S: Final = 10.0
"""More refusals for the rate than this within the window, and the connection is closed. Whoever
empties a long outbox at once gets one for each of its messages before the first is read; who heeds
`retry_after_ms` from then on never comes near."""

SILENT_PER_ADDRESS: Final = 50
"""Connections of one address that have not said who they are yet."""
SILENT_MAX: Final = 2_000
"""The same for the whole process: at 25 KB each, 50 MB."""

LIFTED: Final = 1_000_000_000
"""What stands for no limit; what clients are told is a number they can count with."""

K = TypeVar("K")


def lifted(limits: Limits) -> Limits:
    """*limits* without rates, and without caps on how many of a thing there may be."""
    return msgspec.structs.replace(
        limits,
        orders_per_connection=LIFTED,
        sockets_per_user=LIFTED,
        messages_per_s=LIFTED,
        messages_burst=LIFTED,
        frames_per_s=LIFTED,
        frames_burst=LIFTED,
    )


class TokenBucket:
    """Tokens that come back with time."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        """*rate*: tokens a second; *burst*: how many it holds, and begins with."""
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = now

    def take(self, cost: float, now: float) -> float:
        """Take *cost* tokens; 0 if they were there, else nothing is taken, and the answer is in how
        many seconds they will be."""
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens >= cost:
            self._tokens -= cost
            return 0.0
        return (cost - self._tokens) / self._rate


class Rates:
    """The buckets of a gateway's users: what one does on all connections counts together."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._messages: OrderedDict[UserId, TokenBucket] = OrderedDict()
        self._frames: OrderedDict[UserId, TokenBucket] = OrderedDict()

    def message(self, user_id: UserId, now: float) -> float:
        """One more attempt to write: 0, or the seconds to wait."""
        limits = self._limits
        return _bucket(
            self._messages, user_id, limits.messages_per_s, limits.messages_burst, now
        ).take(1, now)

    def frame(self, user_id: UserId, now: float, cost: float = 1.0) -> float:
        """One more frame of any other kind: 0, or the seconds to wait."""
        limits = self._limits
        return _bucket(self._frames, user_id, limits.frames_per_s, limits.frames_burst, now).take(
            cost, now
        )


def _bucket(
    buckets: OrderedDict[UserId, TokenBucket],
    user_id: UserId,
    rate: float,
    burst: float,
    now: float,
) -> TokenBucket:
    bucket = buckets.get(user_id)
    if bucket is None:
        bucket = buckets[user_id] = TokenBucket(rate, burst, now)
        if len(buckets) > BUCKETS_MAX:
            buckets.popitem(last=False)
    buckets.move_to_end(user_id)
    return bucket


class Flood:
    """Whether one connection goes on and on though it is refused."""

    __slots__ = ("_refusals", "_since")

    def __init__(self) -> None:
        self._since = 0.0
        self._refusals = 0

    def refused(self, now: float) -> bool:
        """Note one refusal for the rate; tell whether it is one too many."""
        if now - self._since > FLOOD_WINDOW_S:
            self._since = now
            self._refusals = 0
        self._refusals += 1
        return self._refusals > FLOOD_REFUSALS


class Admission:
    """How many connections may be open: by user once known, by address and in all before."""

    def __init__(
        self,
        limits: Limits,
        *,
        silent_per_address: int = SILENT_PER_ADDRESS,
        silent_max: int = SILENT_MAX,
    ) -> None:
        self._sockets_per_user = limits.sockets_per_user
        self._silent_per_address = silent_per_address
        self._silent_max = silent_max
        self._silent: Counter[str] = Counter()
        self._silent_total = 0
        self._users: Counter[UserId] = Counter()

    def admit(self, address: str) -> "Ticket | None":
        """One more connection that has said nothing yet; null if there are too many such."""
        if (
            self._silent[address] >= self._silent_per_address
            or self._silent_total >= self._silent_max
        ):
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

    __slots__ = ("_admission", "_held")

    def __init__(self, admission: Admission, address: str) -> None:
        self._admission = admission
        self._held: Callable[[], None] | None = partial(admission.spoke, address)
        """Gives back what is held now; null once that is done."""

    def enter(self, user_id: UserId) -> bool:
        """The connection said who it is; false, and nothing changes, if this user has too many."""
        if not self._admission.enter(user_id):
            return False
        self.leave()
        self._held = partial(self._admission.leave, user_id)
        return True

    def leave(self) -> None:
        """The connection is gone. Further calls do nothing."""
        held, self._held = self._held, None
        if held is not None:
            held()


def _take_one(counter: Counter[K], key: K) -> None:
    """One fewer; nothing is kept of what comes down to none."""
    counter[key] -= 1
    if not counter[key]:
        del counter[key]

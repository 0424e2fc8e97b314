"""Rates and caps: what one user, one address and one process may ask for.

Token buckets, after the sum of what was taken: a bucket holds `burst` tokens and gains `rate` a
second, so a quiet user may be quick for a while. Nothing here waits; who is refused is told when to
come back.
"""

from collections import Counter, OrderedDict, deque
from typing import Final

from shared.contracts.frames import Limits
from shared.contracts.ids import UserId

BUCKETS_MAX: Final = 50_000
"""Users remembered at a time, some 10 MB; whoever is forgotten starts with a full bucket."""

JOIN_COST: Final = 5.0
"""A join reads from the store and answers with up to 200 KiB: it counts as this many frames."""

FLOOD_REFUSALS: Final = 100
FLOOD_WINDOW_S: Final = 10.0
"""More refusals for the rate than this within the window, and the connection is closed: a client
that heeds `retry_after_ms` never comes near."""

SILENT_PER_ADDRESS: Final = 50
"""Connections of one address that have not said who they are yet."""
SILENT_MAX: Final = 2_000
"""The same for the whole process: at 25 KB each, 50 MB."""


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

    def __init__(self) -> None:
        self._refused: deque[float] = deque(maxlen=FLOOD_REFUSALS + 1)

    def refused(self, now: float) -> bool:
        """Note one refusal for the rate; tell whether it is one too many."""
        self._refused.append(now)
        return len(self._refused) > FLOOD_REFUSALS and now - self._refused[0] <= FLOOD_WINDOW_S


class Admission:
    """How many connections may be open: by user once known, by address and in all before."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._silent: Counter[str] = Counter()
        self._users: Counter[UserId] = Counter()

    def admit(self, address: str) -> bool:
        """One more connection that has said nothing yet; false if there are too many such."""
        if self._silent[address] >= SILENT_PER_ADDRESS or self._silent.total() >= SILENT_MAX:
            return False
        self._silent[address] += 1
        return True

    def spoke(self, address: str) -> None:
        """A connection said who it is, or is gone before it did."""
        self._silent[address] -= 1
        if self._silent[address] <= 0:
            del self._silent[address]

    def enter(self, user_id: UserId) -> bool:
        """One more connection of a user; false if there are too many."""
        if self._users[user_id] >= self._limits.sockets_per_user:
            return False
        self._users[user_id] += 1
        return True

    def leave(self, user_id: UserId) -> None:
        """One connection fewer."""
        self._users[user_id] -= 1
        if self._users[user_id] <= 0:
            del self._users[user_id]

"""How much of everything is measured: a full run stays under 25 minutes, a quick one shows that
all of it works."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, get_args

import msgspec

Kind = Literal[
    "idle",
    "crowd",
    "storm",
    "rooms",
    "pairs",
    "latency",
    "archived",
    "processes",
    "growth",
    "memory",
]
KINDS: Final[Sequence[Kind]] = get_args(Kind)

OURS: Final = "ours"
NAMES: Final[Mapping[str, str]] = {
    OURS: "Order Chat",
    "centrifugo": "Centrifugo + Redis",
    "plain": "Starlette + uvicorn",
    "socketio": "Socket.IO + Redis",
    "channels": "Django Channels + Redis, pub/sub",
    "channels-queue": "Django Channels + Redis, its default",
}
"""Who is measured, by the name on the command line; in this order, on the page too."""

PAIRS: Final = 200
"""Connections that talk as fast as they can, in orders of two."""
ROOMS: Final = 1_000
ROOM: Final = 50
"""Connections in large orders, and how many each order has."""
WINDOW: Final = 16
ROOM_RATE: Final = 500
GROWTH_RATE: Final = 2_000


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers and seconds of one run of the benchmark."""

    runs: int = 3
    """Of each kind of saturation; latency has two more."""
    pairs_s: float = 6.0
    crowd_s: float = 3.0
    warm_s: float = 3.0
    """Before the first run on a server; before the others a second."""
    crowd: int = 5_000
    """Connections of the crowd, which is idle, talks, and is cut."""
    at_once: int = 500
    """Connections that come back at the same time."""
    idle_s: float = 26.0
    """Longer than the time from one heartbeat to the next, which is 20 or 25 s everywhere."""
    forgotten_s: float = 65.0
    """After this the gateway asks again whether a user takes part: it remembers that for 60 s."""
    latency_s: float = 20.0
    peers_latency_s: float = 4.0
    soak_s: float = 300.0
    slice_s: float = 10.0
    catch_up_s: float = 25.0
    """So long the archiver is watched."""
    remembered: int = 25
    """Orders that remember all they can."""
    growth_s: float = 3.0
    orders: Sequence[int] = (25, 250, 2_500)
    members: Sequence[int] = (2, 10, 50, 100)
    silent: Sequence[int] = (0, 500, 5_000)
    partitions: Sequence[int] = (1, 4, 16, 64)

    def cost_s(self, kind: Kind, peer: str) -> float:
        """About how long that takes, openings included."""
        ours = peer == OURS
        runs = self.runs
        opening = 2 + self.crowd / 1_000
        match kind:
            case "idle":
                return opening + self.idle_s + 5
            case "crowd":
                return runs * (self.crowd_s + 1) + self.warm_s
            case "storm":
                return opening + (self.forgotten_s - self.idle_s if ours else 0) + 3
            case "rooms":
                return runs * (self.crowd_s + 1) + self.warm_s + 4
            case "pairs":
                caught_up = self.catch_up_s + 6 if ours else 0
                return runs * (self.pairs_s + 1) + self.warm_s + 2 + caught_up
            case "latency":
                each = self.latency_s if ours else self.peers_latency_s
                return (runs + 2) * (each + 1) + 3 + (self.soak_s + 3 if ours else 0)
            case "archived":
                return self.latency_s + 6
            case "processes":
                return 4 * (self.pairs_s + 3) + 20
            case "memory":
                return opening + 55 + self.remembered
            case "growth":
                points = len(self.orders) + len(self.members) + len(self.silent)
                opened = 2 * sum(self.orders) + sum(self.silent)
                logs = len(self.partitions) * (self.growth_s + 10)
                return points * (self.growth_s + 2) + opened / 1_000 + logs + 8


FULL: Final = Plan()
QUICK: Final = Plan(
    runs=1,
    pairs_s=2.0,
    crowd_s=1.0,
    warm_s=1.0,
    crowd=400,
    at_once=100,
    idle_s=2.0,
    forgotten_s=3.0,
    latency_s=2.0,
    peers_latency_s=1.0,
    soak_s=5.0,
    slice_s=1.0,
    catch_up_s=5.0,
    remembered=4,
    growth_s=1.0,
    orders=(25, 100),
    members=(2, 10),
    silent=(0, 200),
    partitions=(1, 16),
)

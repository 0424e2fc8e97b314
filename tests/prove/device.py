"""What a client keeps from one connection to the next."""

import random
import time
from collections.abc import Callable

import msgspec

from shared.contracts.ids import OrderId, UserId
from tests.prove.history import History, Opened, Stamp
from tests.prove.outbox import Outbox
from tests.prove.view import View


class Device(msgspec.Struct):
    """A user's device with one order open."""

    name: str
    user_id: UserId
    order_id: OrderId
    token: str
    history: History
    random: random.Random
    view: View = msgspec.field(default_factory=View)
    outbox: Outbox = msgspec.field(default_factory=Outbox)
    clock: Callable[[], float] = time.time
    """What the device takes for the time of day. Its ids begin with that; nothing else shows it."""
    wants_all: bool = False
    """Whether to page back until the screen holds everything."""
    token_ends: float | None = None
    """When the token ends, in the time records carry; null: not soon."""

    def opened(self, stamp: Stamp) -> Opened:
        """What is written down when a connection is open."""
        return Opened(
            **stamp, order_id=self.order_id, user_id=self.user_id, token_ends=self.token_ends
        )

"""What a client keeps from one connection to the next."""

import random

import msgspec

from shared.contracts.ids import OrderId, UserId
from tests.prove.history import History
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
    wants_all: bool = False
    """Whether to page back until the screen holds everything."""

"""Who may connect at all, on a real server: the pace of handshakes (attack 30)."""

import asyncio
import random
from typing import Final

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from chat_gateway.admission import Admission, Caps, Ticket
from chat_gateway.endpoint import COME_BACK_S, ChatEndpoint
from chat_gateway.socket import Socket
from shared.contracts.frames import Limits
from tests.chat_gateway.echo import Echo, Running, raw_client, running

CAPS: Final = Caps(arrivals_burst=5, arrivals_per_s=50)
STORM: Final = 60
BACK_OFF_S: Final = 0.05
"""The first wait of a client that heeds the protocol, ten times as hasty as it may be."""
PATIENCE_S: Final = 30.0


class Guest(Echo):
    """A receiver that gives its ticket back at the end, as a session does."""

    def __init__(self, socket: Socket, ticket: Ticket) -> None:
        super().__init__(socket)
        self.ticket = ticket

    def lost(self) -> None:
        self.ticket.leave()
        super().lost()


def app(admission: Admission) -> Starlette:
    endpoint = ChatEndpoint(Guest, admission, frozenset())
    return Starlette(routes=[WebSocketRoute("/", endpoint.__call__)])


async def test_connections_beyond_the_pace_hear_503_before_the_upgrade() -> None:
    """With a time to come back; and nothing of them is left here."""
    admission = Admission(Limits(), Caps(arrivals_burst=3, arrivals_per_s=0.001))
    async with running(app=app(admission)) as server:
        answers = []
        for _ in range(5):
            async with raw_client(server.port) as client:
                answers.append(client.answer)

    statuses = [answer.split()[1] for answer in answers]
    assert statuses == [b"101"] * 3 + [b"503"] * 2
    (after_s,) = (
        int(line.split(b":")[1])
        for line in answers[-1].splitlines()
        if line.lower().startswith(b"retry-after:")
    )
    assert COME_BACK_S[0] <= after_s <= COME_BACK_S[1]
    assert admission.turned_away == {"pace": 2}


async def test_those_who_come_back_with_patience_all_get_in() -> None:
    """A storm at many times the pace; each waits a random time, twice as long after each failure.
    All are in within a few times what the pace allows, and none was let in faster."""
    admission = Admission(Limits(), CAPS)
    async with running(app=app(admission)) as server:
        began = asyncio.get_running_loop().time()
        async with asyncio.timeout(PATIENCE_S):
            tries = await asyncio.gather(*(come_back(server) for _ in range(STORM)))
        lasted_s = asyncio.get_running_loop().time() - began

    # How many is a slow machine's doing, whose handshakes take as long as the pace allows.
    assert sum(tries) - STORM == admission.turned_away["pace"] > 0
    assert lasted_s >= (STORM - CAPS.arrivals_burst) / CAPS.arrivals_per_s


async def come_back(server: Running) -> int:
    """Connect as an honest client does; how many tries it took."""
    tries = 0
    while True:
        try:
            async with connect(server.url, compression=None, proxy=None) as socket:
                await socket.send("in")
                assert await socket.recv() == "in"
                return tries + 1
        except InvalidStatus as refused:
            if refused.response.status_code != 503:
                raise
        await asyncio.sleep(random.uniform(0, BACK_OFF_S * 2**tries))
        tries += 1

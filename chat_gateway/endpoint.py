"""The websocket endpoint: who may connect at all, before anything is said."""

import random
import time
from collections.abc import Callable
from typing import Final

from starlette.responses import Response
from starlette.websockets import WebSocket

from chat_gateway.admission import Admission, Ticket
from chat_gateway.origins import may_connect
from chat_gateway.socket import Receiver, Socket, serve

COME_BACK_S: Final = (5, 15)
"""When to try again after a 503: whoever says nothing is gone by then. Spread, so that those who
were sent away together do not come back together."""

MakeSession = Callable[[Socket, Ticket], Receiver]


class ChatEndpoint:
    """`/v1/chat`: checks origin and room, accepts, and hands the socket to a new session."""

    def __init__(
        self, open_session: MakeSession, admission: Admission, origins: frozenset[str]
    ) -> None:
        """*open_session* makes a session that ends its ticket when its connection is lost.

        *origins*: allowed beside the gateway's own, each as a browser sends it.
        """
        self._open_session = open_session
        self._admission = admission
        self._origins = origins

    async def __call__(self, websocket: WebSocket) -> None:
        """Answer a handshake: 403 to a foreign origin, 503 where too many come, else a session."""
        if not may_connect(websocket, self._origins):
            await websocket.close()  # before the handshake is accepted, this is an HTTP 403
            return
        ticket = self._admission.admit(
            websocket.client.host if websocket.client else "", time.monotonic()
        )
        if ticket is None:
            after_s = random.randint(*COME_BACK_S)  # noqa: S311 (no secret)
            answer = Response(status_code=503, headers={"Retry-After": str(after_s)})
            await websocket.send_denial_response(answer)
            return
        try:
            await websocket.accept()
            await serve(websocket, lambda socket: self._open_session(socket, ticket))
        except BaseException:
            ticket.leave()  # there may be no session to do it
            raise

"""The websocket endpoint: who may connect at all, before anything is said."""

from collections.abc import Callable

from starlette.websockets import WebSocket

from chat_gateway.socket import Receiver, Socket, serve

MakeSession = Callable[[Socket], Receiver]


class ChatEndpoint:
    """`/v1/chat`: checks the origin, accepts, and hands the socket to a new session."""

    def __init__(self, open_session: MakeSession, origins: frozenset[str]) -> None:
        """*origins*: allowed beside the gateway's own, each as a browser sends it."""
        self._open_session = open_session
        self._origins = origins

    async def __call__(self, websocket: WebSocket) -> None:
        """Answer a handshake: 403 to a foreign origin, else a session."""
        if not self._may_connect(websocket):
            await websocket.close()  # before the handshake is accepted, this is an HTTP 403
            return
        await websocket.accept()
        await serve(websocket, self._open_session)

    def _may_connect(self, websocket: WebSocket) -> bool:
        """No origin (no browser), the gateway's own host, or one on the list, exactly."""
        sent = websocket.headers.getlist("origin")
        if not sent:
            return True
        if len(sent) > 1:
            return False
        # A proxy may have taken the TLS off, so https is fine on ws; http on wss never is.
        schemes = {"https"} if websocket.url.scheme == "wss" else {"http", "https"}
        own = {f"{scheme}://{websocket.headers.get('host', '')}" for scheme in schemes}
        return sent[0] in own | self._origins

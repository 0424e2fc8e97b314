"""Which pages may connect, and the gateway's own origin as they see it."""

from starlette.requests import HTTPConnection


def may_connect(connection: HTTPConnection, allowed: frozenset[str]) -> bool:
    """Whether a websocket of this request's origin is let in.

    No origin (no browser), the gateway's own host, or one of *allowed*, as browsers send it.
    """
    sent = connection.headers.getlist("origin")
    if not sent:
        return True
    if len(sent) > 1:
        return False
    # A proxy may have taken the TLS off, so https is fine on http; http on https never is.
    schemes = {_scheme(connection), "https"}
    return sent[0] in allowed | {f"{scheme}://{_host(connection)}" for scheme in schemes}


def own_origin(connection: HTTPConnection) -> str:
    """The gateway's origin as this request named it; `https` where a trusted proxy says so."""
    return f"{_scheme(connection)}://{_host(connection)}"


def _scheme(connection: HTTPConnection) -> str:
    return "https" if connection.scope["scheme"] in ("https", "wss") else "http"


def _host(connection: HTTPConnection) -> str:
    return connection.headers.get("host", "")

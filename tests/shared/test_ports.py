"""Ports of several processes: shared by ours alone, and evenly."""

import select
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from shared.ports import Sockets, hold_port, own_port, port_of, share_port

HOST = "127.0.0.1"
TAKEN = "^port [0-9]+ of ORDER_CHAT_HOST: Address already in use$"
CONNECTIONS = 40


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def kept(opened: ExitStack, sockets: Sockets) -> Sockets:
    """*sockets*, closed after the test."""
    for one in sockets:
        opened.enter_context(closing(one))
    return sockets


def held(opened: ExitStack) -> int:
    """A port that is held."""
    return port_of(kept(opened, hold_port(HOST, 0)))


def test_connections_are_spread_over_all_who_share_a_port(opened: ExitStack) -> None:
    """Each by itself, without anybody who hands them out; the holder gets none."""
    port = held(opened)
    listening = [*kept(opened, share_port(HOST, port)), *kept(opened, share_port(HOST, port))]

    got: Counter[socket.socket] = Counter()
    for _ in range(CONNECTIONS):
        kept(opened, [socket.create_connection((HOST, port))])
        (one,), _, _ = select.select(listening, [], [], 5)
        kept(opened, [one.accept()[0]])
        got[one] += 1

    assert sum(got.values()) == CONNECTIONS
    assert min(got[one] for one in listening) >= 5  # fewer once in a million times


@pytest.mark.parametrize("sharing", [0, 2])
def test_a_held_port_is_nobody_else_s(opened: ExitStack, sharing: int) -> None:
    """Neither another supervisor's nor a lone server's, before anybody listens or after."""
    port = held(opened)
    for _ in range(sharing):
        kept(opened, share_port(HOST, port))

    with pytest.raises(OSError, match=TAKEN):
        hold_port(HOST, port)
    with pytest.raises(OSError, match=TAKEN):
        own_port(HOST, port)


def test_a_port_that_others_share_is_not_held(opened: ExitStack) -> None:
    """They would take connections of ours, and we of theirs."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    kept(opened, share_port(HOST, port))

    with pytest.raises(OSError, match=TAKEN):
        hold_port(HOST, port)


def test_what_is_left_of_closed_connections_is_no_hindrance(opened: ExitStack) -> None:
    """A restart does not wait for the minute the kernel remembers them; and who comes a moment
    later is refused all the same."""
    before, *_ = own_port(HOST, 0)
    port = port_of([before])
    client = kept(opened, [socket.create_connection((HOST, port))])[0]
    before.accept()[0].close()  # who closes first has to remember
    assert client.recv(1) == b""
    client.close()
    before.close()

    kept(opened, hold_port(HOST, port))

    with pytest.raises(OSError, match=TAKEN):
        hold_port(HOST, port)
    kept(opened, share_port(HOST, port))


def test_a_host_that_nobody_knows_is_an_error_of_one_line() -> None:
    """Which setting it is, and not what it says."""
    with pytest.raises(OSError, match=r"^port 0 of ORDER_CHAT_HOST: [^\n]+$"):
        own_port("nobody.invalid", 0)

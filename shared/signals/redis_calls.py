"""Calls to a Redis that may be gone, slow or mute: whatever it does, each ends soon."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, TypeVar

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as NotAnswered

from shared.signals.port import SignalsUnavailable

CONNECTIONS_MAX: Final = 32
UNDER_WAY_MAX: Final = 1_000
"""Calls under way at one time, those that wait for a connection too."""
CALL_S_MAX: Final = 1.0
"""How long anybody waits for an answer. The call itself may take some time-outs more."""
PROBE_AFTER_S: Final = 1.0
"""After a call that got no answer all are refused so long; then one tries again."""
CLOSE_S_MAX: Final = 3.0

T = TypeVar("T")


class Calls:
    """Carries out calls on *client*, which becomes its own."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._connections = asyncio.Semaphore(CONNECTIONS_MAX)
        self._under_way: set[asyncio.Task[object]] = set()
        self._down = False
        self._refusing_until = 0.0
        """In the event loop's time."""
        self._closed = False

    async def run(self, act: Callable[[Redis], Awaitable[T]]) -> T:
        """What *act* answers. Raises `SignalsUnavailable`, also for what Redis refuses.

        Whoever waits here may be cancelled, the call is not: cut off between command and answer, a
        connection would hand that answer to whoever used it next, unless its library takes care.
        """
        if self._closed or len(self._under_way) >= UNDER_WAY_MAX:
            raise SignalsUnavailable("closed" if self._closed else "too many calls are under way")
        call = asyncio.create_task(self._call(act))
        self._under_way.add(call)
        call.add_done_callback(self._forget)
        done, _ = await asyncio.wait({call}, timeout=CALL_S_MAX)
        if not done:
            raise SignalsUnavailable("no answer in time")
        return call.result()

    async def close(self) -> None:
        """Refuse all calls; end when those under way have, and let go of the connections."""
        self._closed = True
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=CLOSE_S_MAX)
        with suppress(RedisError):  # a path that is mute is not closed in an orderly way
            await self._client.aclose()

    async def _call(self, act: Callable[[Redis], Awaitable[T]]) -> T:
        async with self._connections:
            self._refuse_while_down()  # here, since that may have changed while waiting
            try:
                answer = await act(self._client)
            except (NotConnected, NotAnswered, OSError) as error:
                self._down = True
                self._refuse_for_a_while()
                raise SignalsUnavailable(type(error).__name__) from error
            except RedisError as error:  # an answer, and one that came in time
                self._down = False
                raise SignalsUnavailable(type(error).__name__) from error
            self._down = False
            return answer

    def _refuse_while_down(self) -> None:
        if not self._down:
            return
        if asyncio.get_running_loop().time() < self._refusing_until:
            raise SignalsUnavailable("down")
        self._refuse_for_a_while()  # this call finds out, and nobody waits with it

    def _refuse_for_a_while(self) -> None:
        self._refusing_until = asyncio.get_running_loop().time() + PROBE_AFTER_S

    def _forget(self, call: asyncio.Task[object]) -> None:
        self._under_way.discard(call)
        if not call.cancelled():
            call.exception()  # seen, though nobody may wait for it any more

"""Signals over Redis: for gateways in many processes and on many machines.

Everything may be lost at any moment: keys expire by themselves, and what is published is heard by
whoever listens then. `redis_calls` bounds what callers wait, `redis_channels` keeps listening.
"""

import asyncio
from typing import Final
from urllib.parse import unquote, urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff

from shared.contracts.ids import OrderId, UserId
from shared.signals.port import Listener
from shared.signals.redis_calls import CONNECTIONS_MAX, Calls
from shared.signals.redis_channels import Channels

SOCKET_S_MAX: Final = 0.3
"""Time to connect, and to wait for a command's answer; the library's own would be five seconds."""
RETRIES: Final = 1
"""The library's own would be ten. One is for a connection that ended while it was idle."""
CANCELS_MAX: Final = 5
CANCEL_AGAIN_S: Final = 0.5
KEYS: Final = "order_chat:"

# Who has an order open: a sorted set for each order, its members user and place with a line feed
# between them, which neither has, its scores the server's time in ms when each is over. A script
# makes a change and its answer one step. The key is over with the last of its members.
_WHO_IS_HERE: Final = """
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local here = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf')
"""
# ZADD before all other writes: a server without memory to spare refuses no later one of a script.
_APPEAR: Final = (
    _WHO_IS_HERE
    + """
local user, place, ttl = unpack(ARGV)
redis.call('ZADD', KEYS[1], string.format('%.0f', now + ttl), user .. place)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2]
redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', last))
for _, member in ipairs(here) do
    if string.sub(member, 1, #user) == user then return 0 end
end
return 1
"""
)
_DISAPPEAR: Final = (
    _WHO_IS_HERE
    + """
local user, place = unpack(ARGV)
redis.call('ZREM', KEYS[1], user .. place)
for _, member in ipairs(here) do
    if string.sub(member, 1, #user) == user and member ~= user .. place then return 0 end
end
return 1
"""
)
_PRESENT: Final = _WHO_IS_HERE + "return here"


class RedisSignals:
    """`shared.signals.port.Signals` for all processes that use the same database of a Redis."""

    def __init__(self, client: Redis, database: int) -> None:
        self._calls = Calls(client)
        # Published messages know nothing of databases: without its number, installations that
        # share a server would hear each other.
        prefix = f"{KEYS}{database}:"
        self._prefix = prefix
        self._channels = Channels(client.connection_pool.make_connection, prefix)
        self._appear = client.register_script(_APPEAR)
        self._disappear = client.register_script(_DISAPPEAR)
        self._present = client.register_script(_PRESENT)
        self._listening = asyncio.create_task(self._channels.run())

    @classmethod
    def open(cls, url: str) -> "RedisSignals":
        """Signals over the server at `redis://[[user]:password@]host[:port][/database]`, or over
        TLS with `rediss://`. Close them.

        The server need not be there: signals are down until it is. Raises `ValueError` for an
        address that is not one, without repeating it.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port or 6379
            database = int(parts.path.removeprefix("/") or 0)
        except ValueError:
            host = None  # and nothing of the text, which may hold a password, in the error
        if host is None or parts.query or parts.fragment or database < 0:
            raise ValueError(
                "ORDER_CHAT_SIGNALS_URL: a Redis is named as "
                "redis://[[user]:password@]host[:port][/database], or with rediss:// for TLS"
            )
        client = Redis(
            host=host,
            port=port,
            db=database,
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            ssl=parts.scheme == "rediss",
            socket_timeout=SOCKET_S_MAX,
            socket_connect_timeout=SOCKET_S_MAX,
            retry=Retry(ExponentialWithJitterBackoff(base=0.01, cap=0.1), RETRIES),
            max_connections=CONNECTIONS_MAX,
            protocol=2,  # `redis_channels` reads replies in this form
            driver_info=None,  # would cost each connection a round trip
        )
        return cls(client, database)

    async def publish(self, channel: str, payload: bytes) -> None:
        """Hand *payload* to the server, which hands it on."""
        await self._calls.run(lambda client: client.publish(self._prefix + channel, payload))

    async def subscribe(self, channel: str, listener: Listener) -> None:
        """Call *listener* for what is published to *channel*, once the server knows."""
        await self._channels.subscribe(channel, listener)

    async def unsubscribe(self, channel: str, listener: Listener) -> None:
        """Stop calling *listener* for *channel*."""
        await self._channels.unsubscribe(channel, listener)

    # A call that is tried again may have been carried out the first time: then somebody appears
    # whom nobody is told of. The next renewal of another place, or the next join, shows it.

    async def appear(self, order_id: OrderId, user_id: UserId, place: str, ttl_s: float) -> bool:
        """Note for *ttl_s* seconds of the server's time that a user has an order open."""
        keys, arguments = [self._key(order_id)], (f"{user_id}\n", place, int(ttl_s * 1000))
        return bool(await self._calls.run(lambda _: self._appear(keys, arguments)))

    async def disappear(self, order_id: OrderId, user_id: UserId, place: str) -> bool:
        """Forget it for *place*."""
        keys, arguments = [self._key(order_id)], (f"{user_id}\n", place)
        return bool(await self._calls.run(lambda _: self._disappear(keys, arguments)))

    async def present(self, order_id: OrderId) -> set[UserId]:
        """Who has the order open anywhere."""
        keys = [self._key(order_id)]
        members = await self._calls.run(lambda _: self._present(keys))
        return {UserId(member.partition(b"\n")[0].decode()) for member in members}

    async def ping(self) -> None:
        """Raise `SignalsUnavailable` if the server does not answer now."""
        await self._calls.run(lambda client: client.ping())

    async def close(self) -> None:
        """Let go of all connections."""
        self._channels.close()
        await self._end_listening()
        await self._calls.close()

    async def _end_listening(self) -> None:
        # Before Python 3.12 `asyncio.wait_for`, by which the library sends, loses a cancellation
        # that comes in the moment a send is through: then another is needed.
        for _ in range(CANCELS_MAX):
            self._listening.cancel()
            done, _ = await asyncio.wait({self._listening}, timeout=CANCEL_AGAIN_S)
            if done:
                break

    def _key(self, order_id: OrderId) -> str:
        return f"{self._prefix}here:{order_id}"

"""A member of a consumer group, which divides the partitions and keeps how far each is done.

Nothing is read through it: its members read with readers, from where they please.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import KafkaError

from shared.log.kafka_client import (
    METADATA_MAX_AGE_MS,
    START_TIMEOUT_S,
    Tether,
    on_heartbeat,
    reading,
    stop,
)

logger = logging.getLogger("order_chat.log")

SESSION_S: Final = 8.0
"""A member that was not heard of for so long is taken for dead. With a heartbeat and the joining of
the others its partitions have a new member within 15 s."""
HEARTBEAT_S: Final = 2.0
REBALANCE_S: Final = 6.0
"""How long the others wait for a member that does not join again."""
REQUEST_TIMEOUT_S: Final = 8.0
"""The answer to who joins comes when all have joined: later than `REBALANCE_S` at worst."""
COMMIT_EVERY_S: Final = 1.0
COMMIT_TIMEOUT_S: Final = 5.0
JOIN_AGAIN_S: Final = 5.0
STUCK_AFTER_S: Final = 60.0
"""aiokafka's membership can end without a word (A10, aiokafka#1154): then it is begun anew."""


class KafkaShare:
    """`shared.log.port.Share` as a member of a consumer group, by the classic protocol: aiokafka
    knows no other (A16).

    Without a static member id: a member that leaves is replaced at once, and one that is restarted
    under the same id would not leave.
    """

    def __init__(
        self,
        servers: Sequence[str],
        topic: str,
        group: str,
        *,
        on_close: Callable[["KafkaShare"], None],
    ) -> None:
        self._servers = servers
        self._topic = topic
        self._group = group
        self._on_close = on_close
        self._membership: _Membership | None = None
        self._noted: dict[int, int] = {}
        """What is to be committed."""
        self._living: asyncio.Task[None] | None = None

    @property
    def held(self) -> frozenset[int]:
        """The partitions that are this member's now; none once it must be taken for dead."""
        return frozenset() if self._membership is None else self._membership.held

    @property
    def is_stuck(self) -> bool:
        """Whether it has not been a member of its group for too long."""
        return self._membership is None or self._membership.is_stuck

    async def join(self) -> None:
        """Ask for a part. Raises `OSError`."""
        self._membership = await self._join()
        self._living = asyncio.create_task(self._live())

    def note(self, partition: int, offset: int) -> None:
        """Commit *offset* for *partition* before long; the newest alone, and only while held."""
        self._noted[partition] = offset

    async def noted(self, partition: int) -> int | None:
        """The group's committed offset of *partition*. Raises `OSError`."""
        if self._membership is None:
            raise OSError("the group does not answer")
        return await self._membership.committed(partition)

    async def close(self) -> None:
        """Commit what was noted and leave the group: the others share what was held at once."""
        self._on_close(self)
        if self._living is not None:
            self._living.cancel()
            await asyncio.wait([self._living])
        if self._membership is not None:
            await self._commit(self._membership)
        await self._leave()

    async def _live(self) -> None:
        """Stay a member, whatever happens to a membership; commit what was noted."""
        while True:
            await asyncio.sleep(COMMIT_EVERY_S)
            try:
                if self._membership is None:
                    self._membership = await self._join()
                await self._membership.check()
            except OSError as error:
                logger.error("a share is given up", extra={"reason": str(error)})
                await self._leave()
                await asyncio.sleep(JOIN_AGAIN_S)
            else:
                await self._commit(self._membership)

    async def _commit(self, membership: "_Membership") -> None:
        noted, self._noted = self._noted, {}
        held = {partition: noted[partition] for partition in noted.keys() & membership.held}
        if held:
            await membership.commit(held)

    async def _join(self) -> "_Membership":
        membership = _Membership(self._servers, self._topic, self._group)
        try:
            await membership.join()
        except BaseException:
            await membership.leave()
            raise
        return membership

    async def _leave(self) -> None:
        membership, self._membership = self._membership, None
        if membership is not None:
            await membership.leave()


class _Membership(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """One consumer in the group, from its joining to its end."""

    def __init__(self, servers: Sequence[str], topic: str, group: str) -> None:
        self._topic = topic
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=list(servers),
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="latest",  # nothing is read; "none" would complain of that
            partition_assignment_strategy=(StickyPartitionAssignor,),
            session_timeout_ms=_ms(SESSION_S),
            heartbeat_interval_ms=_ms(HEARTBEAT_S),
            rebalance_timeout_ms=_ms(REBALANCE_S),
            request_timeout_ms=_ms(REQUEST_TIMEOUT_S),
            metadata_max_age_ms=METADATA_MAX_AGE_MS,
        )
        self._tether = Tether(self._consumer._client)
        self._assigned: frozenset[int] = frozenset()
        self._seen_at = asyncio.get_running_loop().time()
        """When the group last took it for a member."""

    @property
    def held(self) -> frozenset[int]:
        """What was assigned to it, unless the others must have taken it for dead by now."""
        return self._assigned if self._unseen_s < SESSION_S else frozenset()

    @property
    def is_stuck(self) -> bool:
        """Whether aiokafka seems to have given up."""
        return self._unseen_s > STUCK_AFTER_S

    async def join(self) -> None:
        """Connect, and ask for a part. Raises `OSError`."""
        with reading("no part in the log could be asked for"):
            async with asyncio.timeout(START_TIMEOUT_S):
                await self._consumer.start()
        on_heartbeat(self._consumer, self._seen)
        self._consumer.subscribe([self._topic], listener=self)

    async def check(self) -> None:
        """Raise `OSError` if the membership has ended."""
        if self.is_stuck:
            raise OSError("the group does not answer")
        # While the group is dividing the partitions this waits for its end. In a task of its own:
        # what aiokafka says of an end may be the cancellation of one of its tasks.
        asking = asyncio.create_task(self._consumer.getmany())
        await asyncio.wait([asking], timeout=COMMIT_EVERY_S)
        if not asking.done():
            asking.cancel()
        elif asking.cancelled() or asking.exception() is not None:
            raise OSError("aiokafka has ended the membership")

    async def commit(self, offsets: Mapping[int, int]) -> None:
        """Commit *offsets*, if the group still takes it for a member (A11)."""
        named = {TopicPartition(self._topic, number): at for number, at in offsets.items()}
        try:
            async with asyncio.timeout(COMMIT_TIMEOUT_S):
                await self._consumer.commit(named)
        except (KafkaError, TimeoutError) as error:
            logger.info("nothing committed", extra={"error": type(error).__name__})

    async def committed(self, partition: int) -> int | None:
        """What the group has committed for *partition*. Raises `OSError`."""
        with reading("what the group has committed cannot be read"):
            async with asyncio.timeout(COMMIT_TIMEOUT_S):
                offset: int | None = await self._consumer.committed(
                    TopicPartition(self._topic, partition)
                )
                return offset

    async def leave(self) -> None:
        """Leave the group, so that the others need not wait, and disconnect."""
        await stop(self._consumer, self._tether)

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Nothing yet: what stays with this member is not to be dropped for a moment. What does not
        stay has its new member when this one is told."""

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """From now on these are held, and no others."""
        self._consumer.pause(*assigned)
        self._assigned = frozenset(place.partition for place in assigned)
        self._seen()

    @property
    def _unseen_s(self) -> float:
        return asyncio.get_running_loop().time() - self._seen_at

    def _seen(self) -> None:
        self._seen_at = asyncio.get_running_loop().time()


def _ms(seconds: float) -> int:
    return round(seconds * 1000)

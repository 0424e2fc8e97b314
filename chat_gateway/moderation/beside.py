"""A consumer beside a gateway in one process: whatever happens to it, the chat goes on."""

import asyncio
import logging
from typing import Final

from chat_gateway.moderation.consumer import Consumer

logger = logging.getLogger("order_chat.moderation")

BUDGET_S: Final = 0.05
"""How long a text may keep the rules busy: the chat stands still meanwhile."""
REST: Final = 3.0
"""A quarter of a core is enough for a thousand messages a second; in a flood verdicts come later,
and messages do not."""
RESTART_S: Final = (1.0, 5.0, 30.0)
"""Pauses before it is started again; the last one repeats."""
WELL_S: Final = 60.0
"""Who ran for so long is started again as after the first time."""


async def keep_running(consumer: Consumer) -> None:
    """Run a consumer for as long as the process lives, and start it again when it ends."""
    loop, ends = asyncio.get_running_loop(), 0
    while True:
        began = loop.time()
        try:
            await consumer.run()
        except Exception as error:
            logger.error("moderation ended and is started again", exc_info=error)
        ends = 1 if loop.time() - began > WELL_S else ends + 1
        await asyncio.sleep(RESTART_S[min(ends, len(RESTART_S)) - 1])

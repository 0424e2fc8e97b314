"""What holds for every test."""

from collections.abc import Iterator

import pytest
from blockbuster import blockbuster_ctx

PACKAGES = ("shared", "chat_gateway", "order_service", "attachment_service", "deploy")


@pytest.fixture(scope="session", autouse=True)
def _nothing_blocks_the_event_loop() -> Iterator[None]:
    """A blocking call made by our packages while an event loop runs in the thread is an error."""
    with blockbuster_ctx([*PACKAGES]) as blockbuster:
        # Not made by us, but in our functions: whoever measures coverage notes a line there, and
        # may have to wait for another thread that notes one too.
        lock = blockbuster.functions["threading.Lock.acquire"]
        lock.can_block_in("coverage/collector.py", "lock_data")
        yield

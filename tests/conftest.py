"""What holds for every test."""

from collections.abc import Iterator

import pytest
from blockbuster import blockbuster_ctx

PACKAGES = ("shared", "chat_gateway", "order_service", "attachment_service", "deploy")


@pytest.fixture(scope="session", autouse=True)
def _nothing_blocks_the_event_loop() -> Iterator[None]:
    """A blocking call made by our packages while an event loop runs in the thread is an error."""
    with blockbuster_ctx([*PACKAGES]):
        yield

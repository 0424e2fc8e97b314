"""Unsafe settings stop the start; with `dev` each is a warning that says which."""

import io
import logging
from collections.abc import Iterator

import pytest

from shared.logs import handler_for
from shared.risk import Risk, UnsafeSettings, refuse

ONE_COPY = Risk("replication factor of chat.timeline is 1, must be 3")
SHORT = Risk("retention.ms of chat.timeline is 1000", loses=False)


@pytest.fixture
def told() -> io.StringIO:
    """What the process tells its operator."""
    return io.StringIO()


@pytest.fixture(autouse=True)
def _logging_to(told: io.StringIO) -> Iterator[None]:
    logger = logging.getLogger("order_chat.risk")
    handler = handler_for(told)
    logger.addHandler(handler)
    yield
    logger.removeHandler(handler)


def test_what_can_lose_something_stops_the_start() -> None:
    """Each is named on a line of its own, and so is the way around."""
    with pytest.raises(UnsafeSettings) as stopped:
        refuse([ONE_COPY, SHORT, ONE_COPY], dev=False)

    first, second, hint = str(stopped.value).splitlines()
    assert (first, second) == (ONE_COPY.text, ONE_COPY.text)
    assert "ORDER_CHAT_DEV" in hint


def test_what_loses_nothing_is_a_warning(told: io.StringIO) -> None:
    """It is told, and the start goes on."""
    refuse([SHORT], dev=False)

    assert SHORT.text in told.getvalue()


def test_on_a_desk_everything_is_a_warning(told: io.StringIO) -> None:
    """Loudly: one line for each, with what it is."""
    refuse([ONE_COPY, SHORT], dev=True)

    lines = told.getvalue().splitlines()
    assert [ONE_COPY.text in lines[0], SHORT.text in lines[1]] == [True, True]


def test_nothing_unsafe_is_not_mentioned(told: io.StringIO) -> None:
    """No risks, no words."""
    refuse([], dev=False)

    assert told.getvalue() == ""

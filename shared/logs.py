"""What a process says of itself: each record one line on one stream, JSON for machines.

`{"time", "level", "event", "logger", …}`, time in UTC, all of it ASCII: whatever a client puts into
an id or a header is escaped and cannot end a line, colour a terminal or pass for a record. A person
at a terminal gets the same in columns.

Records carry ids, counts and names of classes. Text that comes with an exception is left out, since
it may quote what somebody sent; its class and the places it passed stay.
"""

import json
import logging
import traceback
from collections.abc import MutableMapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TextIO

import structlog
from structlog.stdlib import ExtraAdder, ProcessorFormatter
from structlog.types import Processor

FIELDS: Final = frozenset(
    {"partition", "records", "sessions", "reason", "error"}
    | {"number", "pid", "port", "code", "pause_s"}
)
"""What a record may carry in `extra`: nothing of it is a message's, a token's or a person's."""

PLACES_MAX: Final = 20
"""Innermost frames shown of an exception."""

_ROOT: Final = Path(__file__).parent.parent
_TALKATIVE: Final = {
    # They name every address they ask, and so who asks about whom; or every connection.
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "websockets": logging.WARNING,
    # It warns of every form it cannot read, and quotes from it.
    "python_multipart": logging.ERROR,
    # It says several times a second that a broker is away; our adapter says so once.
    "aiokafka": logging.CRITICAL,
}

_Event = MutableMapping[str, Any]


def configure_logs(stream: TextIO) -> None:
    """Send every record of this process, warnings of Python's own included, to *stream*.

    To be called once, by whoever owns the process.
    """
    root = logging.getLogger()
    root.handlers = [handler_for(stream)]
    root.setLevel(logging.INFO)
    for name, level in _TALKATIVE.items():
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(True)


def handler_for(stream: TextIO) -> logging.Handler:
    """A handler that writes a line for each record: readable at a terminal, JSON elsewhere."""
    for_people = stream.isatty()
    renderer: Processor = structlog.dev.ConsoleRenderer() if for_people else _as_json
    time_key = "timestamp" if for_people else "time"  # where the console's columns look for it
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[
                structlog.processors.TimeStamper(fmt="iso", key=time_key),
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                ExtraAdder(FIELDS),
            ],
            processors=[
                ProcessorFormatter.remove_processors_meta,
                _first_line,
                _exception_without_its_text,
                *([_escaped] if for_people else []),
                renderer,
            ],
        )
    )
    return handler


def _first_line(_: Any, __: str, event: _Event) -> _Event:
    """asyncio adds the repr of what failed, and so the texts of exceptions, on lines of their own;
    a warning's next line is source code."""
    if event.get("logger") in ("asyncio", "py.warnings"):
        event["event"] = str(event["event"]).partition("\n")[0]
    return event


def _exception_without_its_text(_: Any, __: str, event: _Event) -> _Event:
    """What was raised, what that came from, and where; never what it says."""
    raised = event.pop("exc_info", None)
    event.pop("stack_info", None)
    error = raised[1] if isinstance(raised, tuple) else raised
    if isinstance(error, BaseException):
        event["raised"] = " from ".join(type(one).__qualname__ for one in _chain(error))
        event["at"] = _places(error.__traceback__)
    return event


def _chain(error: BaseException) -> list[BaseException]:
    """An exception and its causes, which may go in a circle."""
    chain: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in chain:
        chain.append(following)
        hidden = following.__suppress_context__
        following = following.__cause__ or (None if hidden else following.__context__)
    return chain


def _places(trace: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(trace)[-PLACES_MAX:]
    return [f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames]


def _short(file: str) -> str:
    path = Path(file)
    return str(path.relative_to(_ROOT)) if path.is_relative_to(_ROOT) else path.name


def _as_json(_: Any, __: str, event: _Event) -> str:
    head = {name: event.pop(name, None) for name in ("time", "level", "event", "logger")}
    return json.dumps({**head, **event}, default=lambda value: type(value).__name__)


def _escaped(_: Any, __: str, event: _Event) -> _Event:
    """Nothing in a record moves the cursor."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = "".join(
                one if one.isprintable() else one.encode("unicode_escape").decode() for one in value
            )
    return event

"""The widget's page lists what the widget has: no name is missing, and none is made up."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Final

from chat_gateway.widget_files import FOLDER
from tests.chat_gateway.test_widget_files import GZIPPED_BYTES_MAX
from tests.docs.pages import DOCS, blocks, table

PAGE: Final = "widget.md"
ELEMENTS: Final = {"order-chat": "order-chat.js", "order-messages": "order-messages.js"}
VIEW: Final = "view/*.js"
BOUNDS: Final[Mapping[str, tuple[str, str, int]]] = {
    "rows of messages in the page at once": ("state/rows.js", "ROWS_MAX", 1),
    "conversations that search and filters look through": ("link/inbox.js", "LINES_SOUGHT", 1),
    "tries of a message before the reader is asked": ("state/outbox.js", "TRIES_MAX", 1),
    "tries of a file that do not bring it further before the reader is asked": (
        "state/uploads.js",
        "TRIES_MAX",
        1,
    ),
    "time for which what was not sent is kept": ("link/outgoing.js", "KEPT_MS", 86_400_000),
    "wait for a token": ("link/tokens.js", "PATIENCE_MS", 1_000),
    "wait for setToken": ("embedding.js", "TOKEN_PATIENCE_MS", 1_000),
    "wait for a language": ("words/words.js", "PATIENCE_MS", 1_000),
    "time without connection before the banner": (VIEW, "BANNER_AFTER_MS", 1_000),
    "pause between two tries to connect": ("state/*.js", "MAX_MS", 1_000),
    "note of a report": (VIEW, "NOTE_CHARS_MAX", 1),
}
"""What the page calls a bound, where it stands in the sources, and the page's unit of it."""
SIZE: Final = "all modules together, each compressed"


def test_every_attribute_is_listed() -> None:
    """Of either element: those it observes, and the one that styles go by."""
    told = {
        (element, name)
        for name, of, *_ in table(PAGE, "attribute", "of", "default", "meaning")
        for element in elements(of)
    }

    styled = set(re.findall(r":host\(\[([a-z-]+)=", source(VIEW)))
    shared = observed("embedding.js") | styled
    assert told == {
        (element, name)
        for element, module in ELEMENTS.items()
        for name in shared | observed(module)
    }


def test_every_method_is_there() -> None:
    """What a page may call is what both elements have."""
    told = [re.sub(r"\(.*", "", row[0]) for row in table(PAGE, "method", "what it does")]

    methods = re.findall(r"^  (\w+)\([^)]*\) \{$", source("embedding.js"), re.MULTILINE)
    assert set(told) <= set(methods)
    assert "set orderId(" in source("order-messages.js")
    assert "export { watchUnread }" in source("order-chat.js")


def test_every_event_is_listed() -> None:
    """By the element that tells it."""
    told = {
        (element, name)
        for name, of, *_ in table(PAGE, "event", "of", "detail", "when")
        for element in elements(of)
    }

    assert told == {
        (element, name)
        for element, module in ELEMENTS.items()
        for name in re.findall(r'"(order-\w+:\w+)"', source("embedding.js") + source(module))
    }


def test_every_property_is_listed_with_its_values() -> None:
    """In light and in dark."""
    told = {row[0]: row[1:3] for row in table(PAGE, "property", "light", "dark", "where")}

    view = source(VIEW)
    pairs = re.findall(r'\$\{shown\("([\w-]+)", "([^"]+)", "([^"]+)"\)\}', view)
    singles = re.findall(r"var\(--order-chat-(\w+), ([^)]+)\)", view)
    assert told == {f"--order-chat-{name}": (light, dark) for name, light, dark in pairs} | {
        f"--order-chat-{name}": (value, value) for name, value in singles
    }


def test_every_part_is_listed() -> None:
    """What a page may style from outside, and no other."""
    told = {row[0] for row in table(PAGE, "part", "what it is")}

    pattern = re.compile(r'\bpart(?:: |\.add\()"([\w-]+)"')
    assert told == {name for module in modules() for name in pattern.findall(module)}


def test_every_language_is_listed() -> None:
    """English, and each that has a file, with its direction."""
    rows = table(PAGE, "language", "file", "direction")

    files = sorted((FOLDER / "words").glob("*.json"))
    words = {f"words/{path.name}": json.loads(path.read_text()) for path in files}
    assert rows == [
        ("en", "built in", "ltr"),
        *((said["lang"], path, said["dir"]) for path, said in words.items()),
    ]


def test_every_kind_of_text_is_listed() -> None:
    """By what its keys begin with; the example of another language has keys of ours alone."""
    told = {row[0] for row in table(PAGE, "keys", "what they say")}
    (example,) = blocks(PAGE, "json")

    english = dict(re.findall(r'^  "([\w.]+)": (["{])', source("words/en.js"), re.MULTILINE))
    assert told == {f"{key.partition('.')[0]}." for key in english}
    messages = json.loads(example.text)["messages"]
    assert {key: "{" if isinstance(text, dict) else '"' for key, text in messages.items()} == {
        key: english[key] for key in messages
    }


def test_every_card_is_explained() -> None:
    """Under the title that the reader sees."""
    told = [row[:2] for row in table(PAGE, "code", "title", "what it means, and what to do")]

    titles = re.findall(r'"panel\.title_(\w+)": "([^"]+)"', source("words/en.js"))
    assert sorted(told) == sorted((code, title) for code, title in titles if code != "other")


def test_everything_that_is_kept_is_listed() -> None:
    """Databases by their whole name, the rest by what its name begins with."""
    rows = table(PAGE, "where", "name begins with", "what", "until")
    told = {(where, name) for places, name, *_ in rows for where in places.split(", ")}

    outbox, uploads = source("link/outgoing.js"), source("files/attaching.js")
    databases = [constant(outbox, "NAME"), constant(uploads, "NAME")]
    assert {name for where, name in told if where == "IndexedDB"} == set(databases)
    drafts = re.findall(r"new Draft\(`([\w-]+ )", source(VIEW))
    assert {name for where, name in told if where == "localStorage"} == {
        *drafts,
        constant(outbox, "NOTE"),
    }
    locks = re.findall(r"this\.#name = `([\w-]+) ", source("link/session.js"))
    assert {name for where, name in told if where == "Web Locks"} == {*locks, databases[1]}
    assert {name for where, name in told if where == "BroadcastChannel"} == set(locks)
    stores = re.compile(r"indexedDB\.open|localStorage\.setItem|sessionStorage|document\.cookie")
    assert sum(len(stores.findall(module)) for module in modules()) == 4


def test_every_bound_is_the_code_s() -> None:
    """In the unit that the page has it in."""
    told = {row[0]: int(row[1].partition(" ")[0]) for row in table(PAGE, "what", "bound")}

    bounds = {what: number(module, name) // unit for what, (module, name, unit) in BOUNDS.items()}
    assert told == {SIZE: GZIPPED_BYTES_MAX} | bounds


def test_every_module_that_is_named_is_there() -> None:
    """Who opens the sources finds what the page speaks of."""
    part = (DOCS / PAGE).read_text().partition("## For who opens the source")[2]
    there = {path.name for path in FOLDER.rglob("*.js")}

    assert set(re.findall(r"`(?:\w+/)?([\w-]+\.js)`", part)) <= there


def source(modules: str) -> str:
    """Modules of the widget as they are written."""
    return "".join(path.read_text() for path in sorted(FOLDER.glob(modules)))


def modules() -> Iterator[str]:
    """All of them, without comments that stand alone."""
    for path in sorted(FOLDER.rglob("*.js")):
        yield re.sub(r"(?m)^\s*(//|/?\*).*$", "", path.read_text())


def observed(module: str) -> set[str]:
    """The attributes an element observes by itself."""
    (listed,) = re.findall(r"observedAttributes = \[([^\]]+)\]", source(module))
    return set(re.findall(r'"([\w-]+)"', listed))


def constant(module: str, name: str) -> str:
    """A constant that is a text."""
    (value,) = re.findall(rf'^const {name} = "([^"]+)";', module, re.MULTILINE)
    return str(value)


def number(module: str, name: str) -> int:
    """A constant that is a number, or a product of some."""
    (product,) = re.findall(rf"const {name} = ([\d_ *]+);", source(module))
    return math.prod(int(factor) for factor in product.split(" * "))


def elements(of: str) -> list[str]:
    """The elements a row is about."""
    return list(ELEMENTS) if of == "both" else [of]

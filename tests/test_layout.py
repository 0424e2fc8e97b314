"""The layout's rules: who may import whom, and which file is home to which vendor library."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SERVICES = {"chat_gateway", "order_service", "attachment_service"}
MONGO = (
    "shared/mongo.py",
    "shared/store/mongo*.py",
    "order_service/adapters/mongo.py",
    "attachment_service/adapters/mongo.py",
)
HOMES = {
    "aiokafka": ("shared/log/kafka*.py",),
    "motor": ("shared/mongo.py",),
    "pymongo": MONGO,
    "bson": MONGO,
    "redis": ("shared/signals/redis*.py",),
    "minio": ("shared/blobs/minio*.py",),
    "urllib3": ("shared/blobs/minio*.py",),
    "python_multipart": ("shared/blobs/files_form.py",),
    "PIL": ("attachment_service/raster.py", "attachment_service/thumbnail.py"),
    "pypdfium2": ("attachment_service/thumbnail.py",),
    "pure_magic_rs": ("attachment_service/inspect.py",),
}
WIDGET = ROOT / "chat_gateway" / "widget"
MARKUP = re.compile(
    r"\b(innerHTML|outerHTML|insertAdjacentHTML|setHTMLUnsafe|document\.write|eval\(|new Function)"
)
CONTRACTS_MAY = {"__future__", "msgspec", "shared"}


def imports(file: Path) -> Iterator[str]:
    """The dotted names of all modules a file imports."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            yield node.module or ""


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_services_never_import_each_other(service: str) -> None:
    """A service stands on `shared` alone; `deploy` puts services together."""
    others = (SERVICES - {service}) | {"deploy", "tests"}

    wrong = [(f, name) for f in sources(service) for name in imports(f) if top(name) in others]

    assert wrong == []


def test_shared_knows_no_service() -> None:
    """What all stand on imports none of them."""
    above = SERVICES | {"deploy", "tests"}

    wrong = [(f, name) for f in sources("shared") for name in imports(f) if top(name) in above]

    assert wrong == []


def test_contracts_need_the_standard_library_and_msgspec_alone() -> None:
    """Any program can take the wire without taking our dependencies."""
    import sys

    allowed = CONTRACTS_MAY | sys.stdlib_module_names
    files = sources("shared/contracts")

    wrong = [(f, name) for f in files for name in imports(f) if top(name) not in allowed]
    foreign = [
        (f, name)
        for f in files
        for name in imports(f)
        if top(name) == "shared" and not name.startswith("shared.contracts")
    ]

    assert wrong + foreign == []


def test_a_vendor_library_has_one_home() -> None:
    """An engine's client is imported where its adapter is, so that it can be replaced there."""
    packages = [*SERVICES, "shared", "deploy"]

    wrong = [
        (f, name)
        for package in packages
        for f in sources(package)
        for name in imports(f)
        if top(name) in HOMES
        if not any(f.relative_to(ROOT).match(home) for home in HOMES[top(name)])
    ]

    assert wrong == []


# The widget's modules.


def module_imports(file: Path) -> list[str]:
    """What a module of the widget imports, as it is written."""
    text = re.sub(r"//[^\n]*|/\*.*?\*/", "", file.read_text(), flags=re.DOTALL)
    return re.findall(r"\b(?:from|import)\s*\(?\s*[\"'`]([^\"'`]+)[\"'`]", text)


def modules(folder: str = "") -> list[Path]:
    return sorted((WIDGET / folder).rglob("*.js"))


def test_the_widget_imports_its_own_files_alone() -> None:
    """Each by a relative path, so that it is of the same version; and each is there."""
    wrong = [
        (f, name)
        for f in modules()
        for name in module_imports(f)
        if not name.startswith(("./", "../")) or (f.parent / name).resolve() not in modules()
    ]

    assert wrong == []


def test_the_widget_s_state_stands_on_nothing() -> None:
    """What is shown is decided without a page, a clock or a network, and tested so."""
    state = modules("state")

    wrong = [
        (f, name)
        for f in state
        for name in module_imports(f)
        if (f.parent / name).resolve() not in state
    ]

    assert wrong == []


def test_nothing_becomes_markup_or_code_in_the_widget() -> None:
    """Texts of others go in as text; there is no other way in."""
    wrong = [(f, found[0]) for f in modules() if (found := MARKUP.search(f.read_text()))]

    assert wrong == []


def top(name: str) -> str:
    return name.partition(".")[0]

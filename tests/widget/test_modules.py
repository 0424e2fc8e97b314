"""The browser's modules: each test file passes by node's own runner, each module is sound alone."""

import re
import subprocess
from pathlib import Path

import pytest

from attachment_service.verdicts import SENTENCES
from chat_gateway.widget_files import WidgetFiles

HERE = Path(__file__).parent
WIDGET = HERE.parents[1] / "chat_gateway/widget"
TESTS = sorted(HERE.glob("*.test.mjs"))
MODULES = sorted(WIDGET.rglob("*.js"))
IMPORTED = re.compile(r"""(?:\bfrom|\bimport)\s*\(?\s*["']([^"']+)["']""")

PARSE = """
import { readFileSync } from "node:fs";
import { SourceTextModule } from "node:vm";
for (const identifier of process.argv.slice(1)) {
  try {
    new SourceTextModule(readFileSync(identifier, "utf8"), { identifier });
  } catch (error) {
    console.log(`${identifier}: ${error.message}`);
  }
}
"""


def name_of(path: Path) -> str:
    """What a case is called."""
    return path.relative_to(WIDGET if WIDGET in path.parents else HERE).as_posix()


def node(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run node, which must be installed."""
    return subprocess.run(
        ["node", *arguments], capture_output=True, text=True, timeout=120, check=False
    )


def imports_of(path: Path) -> list[str]:
    """What a module imports, types in its comments included."""
    return IMPORTED.findall(path.read_text())


@pytest.mark.parametrize("path", TESTS, ids=name_of)
def test_modules_pass_their_own_tests(path: Path) -> None:
    """`node --test` finds nothing wrong, and finds something to test."""
    run = node("--test", "--test-reporter=tap", path)

    assert run.returncode == 0, run.stdout + run.stderr
    assert "# pass 0\n" not in run.stdout


def test_modules_parse() -> None:
    """Each as a module, in one process: a process for each takes minutes."""
    run = node("--experimental-vm-modules", "--input-type=module", "-e", PARSE, *MODULES)

    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout == ""


def test_modules_parse_as_they_are_sent(tmp_path: Path) -> None:
    """What is left out of them on their way was not needed."""
    files = WidgetFiles.read()
    sent = []
    for path in MODULES:
        found = files.get(name_of(path))
        assert found is not None
        sent.append(tmp_path / name_of(path).replace("/", "."))
        sent[-1].write_bytes(found.content)

    run = node("--experimental-vm-modules", "--input-type=module", "-e", PARSE, *sent)

    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout == ""


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_module_imports_what_is_there(path: Path) -> None:
    """By relative paths with their extensions, as a browser needs them, within the widget."""
    targets = [(path.parent / imported).resolve() for imported in imports_of(path)]

    assert all(imported.startswith(("./", "../")) for imported in imports_of(path))
    assert [target for target in targets if target not in MODULES] == []


def test_a_rejected_file_is_told_in_the_servers_words() -> None:
    """In English the widget says of a file what the service says of it."""
    english = (WIDGET / "words/en.js").read_text()

    said = dict(re.findall(r'"files\.(\w+)": "(.*)",', english))

    assert {reason.value: said.get(reason.value) for reason in SENTENCES} == {
        reason.value: sentence for reason, sentence in SENTENCES.items()
    }

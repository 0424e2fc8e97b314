"""`python -m chat_gateway.moderation --check`: a verdict for each line."""

import json
import subprocess
import sys
from pathlib import Path

LINES = (
    '{"messages": ["nice work"], "label": "innocent"}\n'
    '{"messages": ["it is", "anna@k.de", "thanks"]}\n'
)
VERDICTS = [{"hit": False, "rule": None}, {"hit": True, "rule": "contact.email"}]


def check(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """The command, with no environment at all."""
    return subprocess.run(
        [sys.executable, "-m", "chat_gateway.moderation", "--check", *arguments],
        input=given,
        capture_output=True,
        text=True,
        env={},
        check=False,
    )


def test_each_line_gets_its_verdict(tmp_path: Path) -> None:
    """True if any of its messages, with those before it, breaks a rule."""
    file = tmp_path / "said.jsonl"
    file.write_text(LINES)

    done = check(str(file))

    assert [json.loads(line) for line in done.stdout.splitlines()] == VERDICTS
    assert (done.returncode, done.stderr) == (0, "")


def test_a_line_that_is_none_is_named() -> None:
    """What came before it was printed."""
    done = check("-", given=LINES + '{"messages": "no list"}\n')

    assert [json.loads(line) for line in done.stdout.splitlines()] == VERDICTS
    assert done.returncode == 2
    assert done.stderr.startswith("moderation: line 3: ")
    assert done.stderr.count("\n") == 1


def test_rules_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    """Before anything is looked at."""
    rules = tmp_path / "own.json"
    rules.write_text("{}")

    done = check("-", "--rules", str(rules), given=LINES)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"moderation: {rules}: ")

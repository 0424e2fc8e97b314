"""The table of a proof: for the terminal, and for the README between its two marks."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from tests.prove.evidence import Check, Violation
from tests.prove.history import Answered, Faulted, Live, Paged, Sent, Typed
from tests.prove.proof import Proof
from tests.prove.trial import Result

BEGIN: Final = "<!-- prove:begin -->"
END: Final = "<!-- prove:end -->"

EXAMPLES: Final = 3

COLUMNS: Final[Mapping[str, frozenset[Check]]] = {
    "lost": frozenset({"lost-write", "unseen", "skip", "ack-before-durable", "archive"}),
    "doubled": frozenset({"duplicate", "inconsistent-offset"}),
    "reordered": frozenset({"nonmonotonic-deliver", "fifo"}),
    "wrong outcome": frozenset(
        {
            "aborted-read",
            "outcome",
            "unsettled",
            "unwarranted",
            "dropped",
            "barred",
            "foreign",
            "after-revoke",
        }
    ),
    "views that differ": frozenset({"convergence", "unread"}),
}


class Row(msgspec.Struct, frozen=True):
    """One promise and how it was tried."""

    promise: str
    faults: int
    done: str
    result: Result


def table(rows: Sequence[Row], proofs: Sequence[Proof], seed: str) -> str:
    """The rows as Markdown tables, with what the numbers mean."""
    heads = ["promise", "what was done", "sent", "tries", *COLUMNS, "same again after", "95 %: in"]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    lines += [f"| {' | '.join(_cells(row))} |" for row in rows]
    lines += [
        "",
        "*Sent*: messages, edits and deletes typed; each kept its id through all its *tries*. "
        "*Same again after*: until every screen agreed, counted from the last fault. "
        "*95 %: in*: with nothing wrong in N faults, fewer than 3 / N of such faults do harm, at "
        f"95 % confidence (rule of three). Seed `{seed}`.",
        "",
        "| promise | what was done | what came of it | violations |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {proof.promise} | {proof.done} | {proof.figures} | {len(proof.violations)} |"
        for proof in proofs
    ]
    return "\n".join(lines)


def write_into(readme: Path, table_: str) -> None:
    """Replace what stands between the marks. Raises `ValueError` if the marks are missing."""
    check_marks(readme)
    before, _, rest = readme.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    readme.write_text(f"{before}{BEGIN}\n{table_}\n{END}{after}")


def _cells(row: Row) -> list[str]:
    records = list(row.result.history)
    found = Counter(violation.check for violation in row.result.violations)
    bound = "—" if row.result.violations else f"< {3 / row.faults:.1%} of faults"
    return [
        row.promise,
        f"{row.faults} × {row.done}",
        f"{sum(isinstance(record, Typed) for record in records):,}",
        f"{sum(isinstance(record, Sent) for record in records):,}",
        *(str(sum(found[name] for name in names)) for names in COLUMNS.values()),
        f"{row.result.converged_s:.1f} s",
        bound,
    ]


def figures(result: Result) -> str:
    """One line of what a trial was made of, to see that it tried what it claims to."""
    records = list(result.history)
    seen = sum(isinstance(record, Live) for record in records)
    retries = sum(isinstance(record, Sent) and record.retry for record in records)
    # Readers who come fresh page through everything, but type nothing.
    writers = {record.client for record in records if isinstance(record, Typed)}
    repairs = sum(
        isinstance(record, Paged) and record.after is not None and record.client in writers
        for record in records
    )
    answers = Counter(
        str(record.code or record.outcome) for record in records if isinstance(record, Answered)
    )
    faults = Counter(
        f"{record.part} {record.kind}" for record in records if isinstance(record, Faulted)
    )
    return (
        f"{seen:,} events seen live, {repairs} holes repaired, {retries:,} retries, "
        f"answers {dict(answers)}, faults {dict(faults)}"
    )


def lost_and_doubled(result: Result) -> tuple[int, int]:
    """How many violations are of either kind."""
    found = Counter(violation.check for violation in result.violations)
    return (
        sum(found[name] for name in COLUMNS["lost"]),
        sum(found[name] for name in COLUMNS["doubled"]),
    )


def excerpt(violations: Sequence[Violation]) -> list[str]:
    """How often each check found something, with the first of each."""
    found: dict[Check, list[Violation]] = {}
    for violation in violations:
        found.setdefault(violation.check, []).append(violation)
    return [
        f"{check} ({len(all_)}): {one.who}: {one.what}"
        for check, all_ in found.items()
        for one in all_[:EXAMPLES]
    ]


def check_marks(readme: Path) -> None:
    """Raise `ValueError` if there is no place for the table."""
    if readme.exists():
        _, begin, rest = readme.read_text().partition(BEGIN)
        if begin and END in rest:
            return
    raise ValueError(f"{readme.name} has no lines {BEGIN} and {END}")

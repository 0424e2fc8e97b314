"""The page in the documentation: what is between its marks, and its plots, is made of the figures.

The plots need matplotlib, which `make bench` installs; the tables need nothing.
"""

from pathlib import Path
from typing import Final

from tests.bench.figures import Results
from tests.bench.report import report

DOCS: Final = Path(__file__).parents[2] / "docs"
PAGE: Final = DOCS / "benchmarks.md"
JSON: Final = DOCS / "benchmarks.json"
PLOTS: Final = DOCS / "benchmarks"

BEGIN: Final = "<!-- bench:begin -->"
END: Final = "<!-- bench:end -->"


def filled(text: str, results: Results) -> str:
    """The page's text with these figures. Raises `ValueError` without the marks."""
    before, _, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"the page has no {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{report(results)}\n{END}{after}"


def write(results: Results) -> None:
    """Write page and plots."""
    from tests.bench.plots import draw  # matplotlib is no part of what the tests install

    PAGE.write_text(filled(PAGE.read_text(), results))
    draw(results, PLOTS)

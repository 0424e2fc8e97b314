"""What the documentation lists is what there is."""

import re

import pytest

from order_service.model import TRANSITIONS, Status
from shared.contracts.errors import CATALOGUE
from tests.docs.pages import DOCS, table

LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")


def test_every_error_is_explained_as_the_catalogue_has_it() -> None:
    """A code, whether to try again, and its HTTP status stand in the quick start as in the code."""
    rows = table("quick-start.md", "code", "again", "HTTP", "to your user")

    assert [row[:3] for row in rows] == [
        (code.value, "yes" if info.retry else "no", str(info.http))
        for code, info in CATALOGUE.items()
    ]


def test_the_ways_of_an_order_are_those_of_the_model() -> None:
    """The quick start names every change of status that is taken, and no other."""
    rows = table("quick-start.md", "from", "to")

    told = {
        Status(origin): {Status(target.partition(" ")[0]) for target in targets.split(", ")}
        for origin, targets in rows
    }
    assert told == {origin: targets for origin, targets in TRANSITIONS.items() if targets}


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_links_lead_somewhere(page: object) -> None:
    """A page links to files that are there."""
    text = (DOCS / str(page)).read_text()

    assert [link for link in LINK.findall(text) if not (DOCS / link).exists()] == []

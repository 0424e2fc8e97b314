"""The rules keep what they are worth on the cases that they were written against."""

import pytest

from tests.moderation.corpus import select
from tests.moderation.packaged import RULES
from tests.moderation.worth import worth

RECALL_MIN = 0.95
PRECISION_MIN = 0.99


@pytest.mark.parametrize("part", ["dev", "later"])
def test_no_change_of_a_rule_loses_what_was_found(part: str) -> None:
    """What they are worth on texts of others the held-out half tells, once a release."""
    every = worth(select(part), RULES)["all"]

    assert every.recall >= RECALL_MIN
    assert every.precision >= PRECISION_MIN

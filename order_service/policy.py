"""Who may do what in which status. The table is data, and a marketplace may load its own.

It is evaluated here alone and travels in every event of an order, so nobody else needs it.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Final, get_args

import msgspec
from msgspec import Meta

from order_service.model import Status
from shared.contracts.events import Action, Contact
from shared.contracts.ids import SAFE_INTEGER

ACTIONS: Final[tuple[Action, ...]] = get_args(Action)

_Role = Annotated[str, Meta(min_length=1, max_length=64)]
_Milliseconds = Annotated[int, Meta(ge=0, le=SAFE_INTEGER)]


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table. A role that a status does not name may do nothing in it, not even read.

    As JSON: `{"edit_window_ms": 900000, "contact": {"pending": "masked"},
    "table": {"pending": {"creator": ["read", "send"], …}, …}}`
    """

    table: Mapping[Status, Mapping[_Role, tuple[Action, ...]]]
    """By status, by role: what the role's participants may do. Every status is there."""
    edit_window_ms: _Milliseconds = 900_000
    """How long after a message was written its writer may edit or delete it."""
    contact: Mapping[Status, Contact] = {}
    """By status: what becomes of contact details that a participant writes; `flagged` where nothing
    is said, so that nothing is taken from anybody unless a marketplace wants that."""

    @property
    def roles(self) -> frozenset[str]:
        """All roles a participant may have."""
        return frozenset(role for roles in self.table.values() for role in roles)


class BadPolicy(ValueError):
    """A policy file that cannot be used; the text names the file and what is wrong in it."""


_TALK: Final[tuple[Action, ...]] = ("read", "send", "attach", "edit", "delete")
# What was said in a dispute stays as it was said.
_TESTIFY: Final[tuple[Action, ...]] = ("read", "send", "attach")
_READ: Final[tuple[Action, ...]] = ("read",)
_SUPPORT: Final[tuple[Action, ...]] = ("read", "send")

_OF_PARTIES: Final[Mapping[Status, tuple[Action, ...]]] = {
    Status.PENDING: _TALK,
    Status.IN_PROGRESS: _TALK,
    Status.DELIVERED: _TALK,
    Status.DISPUTED: _TESTIFY,
    Status.COMPLETED: _READ,
    Status.DECLINED: _READ,
    Status.CANCELLED: _READ,
}

DEFAULT: Final = Policy(
    table={
        status: {"creator": actions, "advertiser": actions, "support": _SUPPORT}
        for status, actions in _OF_PARTIES.items()
    }
)


def evaluate(
    policy: Policy, status: Status, roles: Iterable[str]
) -> Mapping[str, tuple[Action, ...]]:
    """What each of *roles* may do in *status*, both sorted, so that equal grants are equal."""
    granted = policy.table[status]
    return {
        role: tuple(action for action in ACTIONS if action in granted.get(role, ()))
        for role in sorted(set(roles))
    }


def contact_in(policy: Policy, status: Status) -> Contact:
    """What becomes of contact details in *status*."""
    return policy.contact.get(status, "flagged")


def digest(policy: Policy) -> str:
    """A fingerprint; two tables have the same one if they grant the same."""
    roles = policy.roles
    meaning = (
        policy.edit_window_ms,
        [
            (status, evaluate(policy, status, roles), contact_in(policy, status))
            for status in Status
        ],
    )
    return hashlib.sha256(msgspec.json.encode(meaning)).hexdigest()


def load(file: Path) -> Policy:
    """The policy a JSON file holds. Raises `BadPolicy`. Blocks on the disk."""
    try:
        policy = msgspec.json.decode(file.read_bytes(), type=Policy)
    except OSError as error:
        raise BadPolicy(f"policy file {file}: {error.strerror}") from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadPolicy(f"policy file {file}: {error}") from None
    missing = [status for status in Status if status not in policy.table]
    if missing:
        raise BadPolicy(f"policy file {file}: the table lacks the status {', '.join(missing)}")
    if not policy.roles:
        raise BadPolicy(f"policy file {file}: the table names no role")
    return policy

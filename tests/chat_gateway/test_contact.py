"""Contact details before the append: masked, refused, sealed, and what counts as the same."""

import asyncio
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec
import pytest

from chat_gateway.contact import Guard, Refusal, open_guard
from chat_gateway.moderation.engine.find import Finding, OverBudget, find
from chat_gateway.moderation.engine.rules import PACKAGED, load_once
from shared.contracts import events as log
from shared.seal import CannotOpen, Seal
from tests.chat_gateway.world import RULES, SEAL
from tests.shared.story import ANNA, FILE, HI, edit, message

PHONE = "Call me: +49 170 1234567, any time"
HIDDEN = "Call me: ███, any time"


def guard(*, seal: Seal | None = SEAL) -> Guard:
    return Guard(partial(find, rules=RULES), seal)


def slow(texts: Sequence[str]) -> list[Finding]:
    raise OverBudget


def said(text: str = PHONE) -> log.Message:
    return message(ANNA, 1, text=text)


def decided(event: log.Message | log.Edit, contact: log.Contact, *, retry: bool = False) -> object:
    return guard().decide(event, contact, retry=retry)


async def test_nothing_is_left_alone_for_what_it_is_like(tmp_path: Path) -> None:
    """Here no moderator looks at it afterwards: who writes around a detail does not get through."""
    file = json.loads(PACKAGED.read_bytes())
    (rule,) = (rule for rule in file["rules"] if rule["id"] == "contact.messenger")
    rule["unless_below"] = 99_999
    lenient = tmp_path / "rules.json"
    await asyncio.to_thread(lenient.write_text, json.dumps(file))
    event = said("Let's talk on WhatsApp")

    opened = await open_guard(lenient, SEAL, fail_open=True)

    assert "contact.messenger" not in {
        one.rule.id for one in find([event.text], load_once(lenient))
    }
    assert opened.decide(event, "refused", retry=False) is Refusal.FOUND


async def test_nothing_is_left_alone_for_being_quoted() -> None:
    """Nor does who puts it in quotation marks."""
    event = said('as my sister says, "let us talk on WhatsApp"')

    opened = await open_guard(None, SEAL, fail_open=True)

    assert find([event.text], load_once(None)) == []
    assert opened.decide(event, "refused", retry=False) is Refusal.FOUND


class TestDecisions:
    @pytest.mark.parametrize(
        "event", [said(), edit(ANNA, 2, HI, text=PHONE)], ids=["message", "edit"]
    )
    def test_details_are_masked_and_kept_sealed(self, event: log.Message | log.Edit) -> None:
        """By which rule is said beside it; what was sent is nowhere in the event."""
        masked = decided(event, "masked")

        assert isinstance(masked, log.Message | log.Edit)
        assert masked.text == HIDDEN
        assert masked.flags[0] == "contact:masked"
        assert masked.flags[1].startswith("masked:contact.phone@")
        assert masked.sealed is not None
        assert b"1234567" not in msgspec.json.encode(masked)
        assert SEAL.open(masked.id, masked.sealed) == PHONE

    def test_details_are_refused(self) -> None:
        """Nothing is appended."""
        assert decided(said(), "refused") is Refusal.FOUND

    def test_what_may_be_in_the_log_is_masked_instead(self) -> None:
        """Nobody may say any more that it never will be there."""
        masked = decided(said(), "refused", retry=True)

        assert isinstance(masked, log.Message)
        assert masked.text == HIDDEN

    @pytest.mark.parametrize("contact", ["allowed", "masked", "refused"])
    def test_an_innocent_text_goes_as_it_is(self, contact: log.Contact) -> None:
        """With a word on the policy that held."""
        event = said("The cut is 0:30 long and costs 250 €.")

        assert decided(event, contact) == msgspec.structs.replace(
            event, flags=(f"contact:{contact}",)
        )

    def test_where_they_are_allowed_nobody_looks(self) -> None:
        """And it is said that they were."""
        assert decided(said(), "allowed") == msgspec.structs.replace(
            said(), flags=("contact:allowed",)
        )

    def test_asking_for_details_is_not_masked(self) -> None:
        """There is nothing to hide in a question; the programs that moderate see it."""
        event = decided(said("What is your phone number?"), "refused")

        assert isinstance(event, log.Message)

    @pytest.mark.parametrize("contact", ["masked", "refused"])
    def test_a_name_of_a_file_cannot_be_masked(self, contact: log.Contact) -> None:
        """It is signed with the file: such a message is refused."""
        file = msgspec.structs.replace(FILE, name="mail lena.kraus@gmail.com.pdf")
        event = message(ANNA, 1, text="Here", attachments=(file,))

        assert decided(event, contact) is Refusal.FOUND

    def test_without_a_seal_nothing_of_it_is_kept(self) -> None:
        """It is masked all the same."""
        masked = guard(seal=None).decide(said(), "masked", retry=False)

        assert isinstance(masked, log.Message)
        assert (masked.text, masked.sealed) == (HIDDEN, None)


class TestOverBudget:
    def test_open_takes_it_and_says_so(self) -> None:
        """For those who read later and take their time."""
        event = Guard(slow, SEAL, fail_open=True).decide(said(), "refused", retry=False)

        assert event == msgspec.structs.replace(
            said(), flags=("contact:refused", "contact:unchecked")
        )

    def test_closed_refuses_it(self) -> None:
        """Whether there is something in it or not."""
        closed = Guard(slow, SEAL, fail_open=False)

        assert closed.decide(said(), "masked", retry=False) is Refusal.UNCHECKED

    def test_closed_hides_all_of_what_may_be_in_the_log(self) -> None:
        """It cannot be refused, and nobody knows what to hide."""
        event = Guard(slow, SEAL, fail_open=False).decide(said(), "masked", retry=True)

        assert isinstance(event, log.Message)
        assert event.text == "███"


class TestSame:
    def test_a_masked_message_is_the_same_as_what_was_sent(self) -> None:
        """So a client that sends again is told its message, not a conflict."""
        masked = guard().decide(said(), "masked", retry=False)

        assert isinstance(masked, log.Message)
        assert guard().same(said(), masked)
        assert guard().same(masked, said())

    def test_another_text_is_not(self) -> None:
        """Even if the same is left of it."""
        masked = guard().decide(said(), "masked", retry=False)

        assert isinstance(masked, log.Message)
        assert not guard().same(said("Call me: +49 170 7654321, any time"), masked)

    def test_two_that_were_masked_differently_are_the_same(self) -> None:
        """Gateways may go by different rules while they are being replaced."""
        masked = guard().decide(said(), "masked", retry=False)
        hidden = Guard(slow, SEAL, fail_open=False).decide(said(), "masked", retry=True)

        assert isinstance(masked, log.Message)
        assert isinstance(hidden, log.Message)
        assert guard().same(masked, hidden)

    def test_what_nobody_can_open_is_taken_for_the_same(self) -> None:
        """An id is its writer's own; a conflict is a courtesy."""
        masked = Guard(
            partial(find, rules=RULES), Seal([b"a secret of originals that was lost since"])
        )
        lost = masked.decide(said(), "masked", retry=False)

        assert isinstance(lost, log.Message)
        assert guard().same(said("Anything"), lost)
        assert guard(seal=None).same(said("Anything"), lost)


class TestSeal:
    def test_it_opens_at_its_own_event_alone(self) -> None:
        """Put beside another event it is nothing."""
        sealed = SEAL.close(HI, PHONE)

        assert SEAL.open(HI, sealed) == PHONE
        with pytest.raises(CannotOpen):
            SEAL.open(message(ANNA, 2).id, sealed)

    def test_a_new_secret_opens_nothing_an_old_one_does(self) -> None:
        """The first of several seals; each of them opens."""
        old, new = (
            b"the secret of the year before the last",
            b"the secret of this very year, and longer",
        )
        sealed = Seal([old]).close(HI, PHONE)

        assert Seal([new, old]).open(HI, sealed) == PHONE
        with pytest.raises(CannotOpen):
            Seal([new]).open(HI, sealed)

    @pytest.mark.parametrize("forged", ["", "x", "gAAAAAB", "ä", "█"])
    def test_what_was_not_sealed_does_not_open(self, forged: str) -> None:
        """Whatever stands there."""
        with pytest.raises(CannotOpen):
            SEAL.open(HI, forged)

    def test_a_secret_that_could_be_guessed_is_refused(self) -> None:
        """As for tokens."""
        with pytest.raises(ValueError, match="seal secret"):
            Seal([b"hush"])

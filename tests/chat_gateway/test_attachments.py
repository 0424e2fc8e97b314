"""Which attachments a message may come with, before anybody asks whether it stands."""

import msgspec
import pytest

from chat_gateway.attachments import read_grants
from chat_gateway.text import TextRefused
from shared.contracts import frames
from shared.contracts.errors import ErrorCode
from shared.tokens import mint
from tests.chat_gateway.recorders import NOW_MS
from tests.chat_gateway.test_session import assert_refused, the_one
from tests.chat_gateway.world import GRANT_SECRET, GRANTS, House, grant, picture, say, send
from tests.shared.story import ANNA, BEN, ORDER, client_id, id_of

TEN = tuple(grant(key) for key in range(10))


def test_a_message_may_have_as_many_as_the_limit_says() -> None:
    """Each is read, in the order they were sent."""
    said = read_grants(send(1, attachments=TEN), frames.Limits(), GRANTS)

    assert [each.attachment for each in said] == [picture(key) for key in range(10)]


def test_what_cannot_have_attachments_has_none() -> None:
    """Nor has a message without."""
    edit = frames.Edit(ref=1, order_id=ORDER, id=client_id(1), target=id_of(ANNA, 2), text="Ho!")

    assert read_grants(edit, frames.Limits(), GRANTS) == ()
    assert read_grants(send(1), frames.Limits(), None) == ()


@pytest.mark.parametrize(
    ("texts", "code", "words"),
    [
        ((*TEN, grant(11)), ErrorCode.TOO_LARGE, "at most 10 attachments"),
        ((*TEN, "never a grant"), ErrorCode.TOO_LARGE, "at most 10 attachments"),
        ((grant(1), grant(1)), ErrorCode.INVALID, "each attachment once"),
        ((grant(1), grant(2), grant(1, good_for_s=5)), ErrorCode.INVALID, "each attachment once"),
        (("never a grant",), ErrorCode.INVALID, "not good for this message"),
        ((grant(1), ""), ErrorCode.INVALID, "not good for this message"),
        ((mint(GRANT_SECRET, ANNA, now=NOW_MS / 1000),), ErrorCode.INVALID, "not good"),
    ],
)
def test_what_can_be_no_message_is_refused_at_once(
    texts: tuple[str, ...], code: ErrorCode, words: str
) -> None:
    """Too many, one twice, or what was never a grant."""
    with pytest.raises(TextRefused, match=words) as refused:
        read_grants(send(1, attachments=texts), frames.Limits(), GRANTS)

    assert refused.value.code is code


def test_a_gateway_without_a_secret_takes_none() -> None:
    """It could not tell a grant from a forgery."""
    with pytest.raises(TextRefused, match="This server takes no attachments"):
        read_grants(send(1, attachments=(grant(),)), frames.Limits(), None)


async def test_a_message_may_be_nothing_but_a_file() -> None:
    """And what comes back shows what it is, and no link."""
    house = House()
    session, socket = house.join()

    say(session, send(1, text="", attachments=(grant(),)))
    house.meet((await house.end_batch())[0])

    event = the_one(socket)
    assert isinstance(event, frames.MessageShown)
    assert (event.text, event.attachments) == ("", (picture(),))
    assert set(msgspec.to_builtins(event.attachments[0])) == {
        "id", "name", "content_type", "size", "width", "height",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (grant(good_for_s=-1), "An attachment's grant has expired; complete the upload again."),
        (grant(by=BEN), "An attachment's grant is not good for this message."),
        (
            grant(secret=b"another secret, as long as the one that counts"),
            "An attachment's grant is not good for this message.",
        ),
        ("never a grant", "An attachment's grant is not good for this message."),
    ],
)
async def test_a_refusal_says_what_helps_and_no_more(text: str, words: str) -> None:
    """That a fresh grant would do; of all else, nothing that tells one fault from another."""
    house = House()
    session, socket = house.join()

    say(session, send(1, attachments=(text,)))

    refusal = the_one(socket)
    assert_refused(refusal, ErrorCode.INVALID, key=1)
    assert isinstance(refusal, frames.Refused)
    assert (refusal.message, refusal.retry) == (words, False)
    assert house.log.batches == []


async def test_whoever_is_too_quick_is_told_so_before_a_grant_counts() -> None:
    """The id is not used up."""
    house = House(limits=frames.Limits(messages_per_s=1, messages_burst=1))
    session, socket = house.join()

    say(session, send(1), send(2, ref=2, attachments=(grant(good_for_s=-1),)))

    assert_refused(the_one(socket), ErrorCode.RATE_LIMITED, key=2, ref=2)

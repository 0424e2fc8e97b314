"""What the packaged rules find, where, and what it costs them."""

import time
from collections.abc import Sequence

import pytest

from chat_gateway.moderation.engine import find as module
from chat_gateway.moderation.engine.find import OverBudget, _is_led, _Look, find
from chat_gateway.moderation.engine.phrases import Vocabulary
from chat_gateway.moderation.engine.text import Text, read
from tests.moderation.packaged import RULES, WRITTEN


def parts(messages: Sequence[str]) -> dict[str, list[str]]:
    """What is found by each rule, as it was written."""
    return {
        finding.rule.id: [messages[s.message][s.start : s.end] for s in finding.spans]
        for finding in find(messages, WRITTEN)
    }


FOUND = {
    "address": ("mail anna.k@studio-k.de please", "contact.email"),
    "address, spelled": ("anna dot k at studio dot de", "contact.email"),
    "address, in brackets": ("anna [at] studio (punkt) de", "contact.email"),
    "address, without dots": ("it is annak gmail com", "contact.email"),
    "address, letter by letter": ("a n n a @ g m a i l . c o m", "contact.email"),
    "address, backwards": ("moc.liamg@anna", "contact.email"),
    "address, Spanish": ("ana arroba gmail punto com", "contact.email"),
    "address, Russian": ("анна собака яндекс точка ру", "contact.email"),
    "user's name beside a provider": ("googlemail, and before it anna.k", "contact.email"),
    "number": ("it's +49 170 1234567", "contact.phone"),
    "number, spelled": ("oh one seven, double five, one two three", "contact.phone"),
    "number, half spelled": ("017six 34five 67eight", "contact.phone"),
    "number, in one word": ("nulleinssiebensechsfünffünfdrei", "contact.phone"),
    "number, letters for digits": ("O17I 2345 6OO", "contact.phone"),
    "number, keycaps": ("1️⃣5️⃣5️⃣5️⃣0️⃣1️⃣4️⃣3️⃣2️⃣ call", "contact.phone"),
    "number, said to be one of an order": ('my "order number": 0171 2345678', "contact.phone"),
    "number, one's own": ("from the order my nr is 020 915 4471", "contact.phone"),
    "name": ("insta: anna_k", "contact.handle"),
    "name with a sign": ("write me, @anna.k there", "contact.handle"),
    "link to a chat": ("https://wa.me/491701234567", "contact.link"),
    "link, spelled": ("annafilms dot com has it all", "contact.link"),
    "IBAN": ("DE89 3704 0044 0532 0130 00", "contact.bank"),
    "wallet": ("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "contact.bank"),
    "card": ("4111 1111 1111 1111", "contact.bank"),
    "network": ("let's move to WhatsApp", "contact.messenger"),
    "network, letter by letter": ("w h a t s a p p me", "contact.messenger"),
    "network, in digits": ("text me on wh4ts4pp", "contact.messenger"),
    "network, in two words": ("text me on tele gram", "contact.messenger"),
    "network, misspelt": ("text me on telegarm", "contact.messenger"),
    "network, by nickname": ("I answer on the green app", "contact.messenger"),
    "network, Cyrillic in it": ("text me on WhаtsАpp", "contact.messenger"),
    "network, why not": ("why don't we talk on telegram", "contact.messenger"),
    "social network": ("add me on insta", "contact.social"),
    "asked for a number": ("can I have your number?", "contact.request"),
    "asked for a number, German": ("gib mir mal deine Handynummer", "contact.request"),
    "asked for a number, Spanish": ("¿me pasas tu número?", "contact.request"),
    "asked for a call": ("just call me tomorrow", "contact.request"),
    "outside": ("we could do it outside the platform", "payment.off_platform"),
    "without the fee": ("then we save the commission", "payment.off_platform"),
    "in cash": ("bar auf die Hand geht auch", "payment.off_platform"),
    "straight": ("te pago directo y listo", "payment.direct"),
    "by another service": ("send it to my paypal", "payment.direct"),
}


@pytest.mark.parametrize(("text", "rule"), FOUND.values(), ids=FOUND.keys())
def test_what_leads_out_is_found(text: str, rule: str) -> None:
    """By the rule that says why."""
    assert rule in parts([text])


INNOCENT = {
    "order": "order number 4839201123",
    "parcel": "tracking 00340434161094042557",
    "book": "ISBN 978-3-16-148410-0",
    "price": "1.234.567,00 € or $1,200,000",
    "date and time": "24.12.2026, 18:00 to 19:30",
    "time code": "from 00:12:45:03 to 00:13:10:12",
    "size": "3840x2160 px, 120 x 80 x 60 mm",
    "views": "600 123 456 views",
    "version": "version 2.10.3, build 20451",
    "colour": "#FF5733 and #00AACC",
    "file": "IMG_20240512_183355.jpg, icon@2x.png",
    "device": "iPhone 15 Pro Max, WH-1000XM5",
    "fruit": "a papaya smoothie",
    "attention": "pay attention to the logo",
    "inside": "I'll pay through the order",
    "checkout": "can I pay with PayPal in the checkout?",
    "rule": "please do not share phone numbers here",
    "refusal": "no, I will not go to Telegram, we stay here",
    "campaign": "tag @acmebrand in the reel, post it on Instagram",
    "caption": "the caption: visit acme.com/summer with code ANNA20",
    "counting": "one two three four five six seven, go",
    "problems": "zero problems, double check the end",
    "idiom": "dot the i at the end",
    "point of view": "mon point de vue, mi punto de vista",
    "messenger in a scene": "the scene shows a WhatsApp chat",
    "call": "call it version B, close call",
    "number": "what's your number one tip?",
    "outdoors": "we shoot outside if it is dry",
    "direct": "direct sunlight, directly after the intro",
    "dispute": "he wanted me to pay outside, I refused",
}


@pytest.mark.parametrize("text", INNOCENT.values(), ids=INNOCENT.keys())
def test_look_alikes_are_left_alone(text: str) -> None:
    """A marketplace lives on what is said in them."""
    assert parts([text]) == {}


def test_spans_are_of_the_text_as_it_was_written() -> None:
    """In code points, with what was hidden among them."""
    text = "Hi 👋, ａｎｎａ＠gm\u200bail．com is it"

    assert parts([text])["contact.email"] == ["ａｎｎａ＠gm\u200bail．com"]


def test_findings_come_in_the_rules_order_one_for_each_rule() -> None:
    """With all places of each."""
    text = "0171 2345678 or 0172 2345678 or anna@k.de"

    found = [(finding.rule.id, len(finding.spans)) for finding in find([text], WRITTEN)]

    assert found == [("contact.email", 1), ("contact.number", 2)]


def test_what_masking_brings_out_is_found_too() -> None:
    """A service's name is one where a sentence ends, and what was masked ends it."""
    assert parts(["PayPal 0171 2345678"]) == {
        "contact.number": ["0171 2345678"],
        "payment.direct": ["PayPal"],
    }


class TestPieces:
    @pytest.mark.parametrize(
        ("messages", "rule", "said"),
        [
            (["017", "6", "555", "0123"], "contact.number", ["017", "6", "555", "0123"]),
            (["0176", "nice colours", "555 0123"], "contact.number", ["0176", "555 0123"]),
            (list("01765550"), "contact.number", list("01765550")),
            (["zero one seven", "six five five", "one two"], "contact.phone", None),
            (["anna.k", "@", "gmail", ".com"], "contact.email", None),
            (["my insta", "anna_k"], "contact.handle", ["insta", "anna_k"]),
            (["text me on", "WhatsApp"], "contact.messenger", None),
        ],
        ids=["groups", "with others between", "digits", "words", "address", "name", "network"],
    )
    def test_what_is_said_in_pieces_is_found(
        self, messages: list[str], rule: str, said: list[str] | None
    ) -> None:
        """With the pieces that make it up, by message."""
        found = {n: parts(messages[:n]) for n in range(1, len(messages) + 1)}

        assert rule in {id for finding in found.values() for id in finding}
        if said is not None:
            assert found[len(messages)][rule] == said

    @pytest.mark.parametrize(
        "messages",
        [
            ["1500", "1200?", "1350"],
            ["150", "120", "135"],
            ["3 reels", "5 stories"],
            ["order", "4839", "201123"],
            ["1", "2", "3", "4", "5", "6", "7"],
            ["10:30", "11:45", "or 12:15"],
            ["great", "instagram", "or tiktok?"],
            ["anna", "looks good"],
        ],
    )
    def test_innocent_pieces_stay_apart(self, messages: list[str]) -> None:
        """Bargaining and counting come in short messages, too."""
        assert [parts(messages[: n + 1]) for n in range(len(messages))] == [{}] * len(messages)

    @pytest.mark.parametrize(
        ("messages", "found"),
        [
            (["the tracking number is", "0398112764", "UPS"], False),
            (["the tracking for the sleeves", "0398112764", "UPS"], False),
            (["parcel no", "0150", "5094837716"], False),
            (["the parcel came, thanks a lot!", "0398112764"], True),
            (["parcel no", "or as you like", "0398112764"], True),
            (["parcel no", "0150", "call 0398112764"], True),
        ],
    )
    def test_a_number_may_be_announced(self, messages: list[str], found: bool) -> None:
        """By the last words before it, numbers alone passed over; called up, it is what it is."""
        assert any(parts(messages[: n + 1]) for n in range(len(messages))) is found

    @pytest.mark.parametrize(
        "before",
        [
            "The second cut is ready, could you please have a look at the colours?",
            "I like the opening a lot, only the music is a little too loud for me.",
            "Let us keep the logo where it is and make the last scene shorter.",
        ],
    )
    def test_what_is_said_before_pieces_excuses_nothing(self, before: str) -> None:
        """However much it is like what innocents say."""
        assert parts([before, "0171", "2345678"]) == {"contact.number": ["0171", "2345678"]}

    def test_what_was_said_before_is_not_said_again(self) -> None:
        """Each finding is of the message that completes it."""
        assert parts(["0171 2345678", "thanks!"]) == {}

    def test_the_window_ends(self) -> None:
        """What is longer ago than eight messages is no part of what is said now."""
        six, seven = (["nice colours"] * count for count in (6, 7))

        assert parts(["0176", *six, "555 0123"]) == {"contact.number": ["0176", "555 0123"]}
        assert parts(["0176", *seven, "555 0123"]) == {}

    def test_messages_are_counted_from_the_first_given(self) -> None:
        """Whatever the window leaves out."""
        messages = ["thanks"] * 10 + ["insta", "anna_k"]

        assert {s.message for f in find(messages, WRITTEN) for s in f.spans} == {10, 11}


# What costs time.

ORDINARY = (
    "Thanks for the new draft, the colours look great. Could you make the intro two seconds "
    "shorter and move the logo to the left? We would need the final file until Friday, 18:00."
)

HOSTILE = {
    "digits": "1234567890",
    "groups": "+1 ",
    "signs": "a@",
    "lonely signs": "@ ",
    "at": "at ",
    "at and dot": "at b dot ",
    "dots": ".",
    "letters and dots": "a.",
    "spaces": " ",
    "lines": "\n",
    "lonely letters": "a b c d ",
    "number words": "one two three seven ",
    "glued number words": "zeroone",
    "zero width": "a\u200b",
    "other script": "аa",
    "network": "text me on telegram ",
    "provider": "gmail ",
    "names": "anna_k gmail ",
    "money": "pay you directly ",
    "excuses": "not pay you directly ",
    "brackets": "(at) ",
    "links": "t.me/a ",
    "accounts": "de12 ",
    "cards": "4111 1111 1111 1111 ",
    "wallet": "bc1q",
    "leet": "w4$",
    "masked": "███ ",
    "orders": "insta with dot ",
    "asked": "give me your ",
    "hollow": "not through here pay ",
    "files": "123456_a",
}


def cost_s(text: str) -> float:
    """Processor time of one look, the least of some."""
    times = []
    for _ in range(3):
        began = time.process_time()
        find([text], RULES)
        times.append(time.process_time() - began)
    return min(times)


@pytest.mark.no_cover
@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_rule_alone_takes_long(unit: str) -> None:
    """The clock is looked at between two of them: no more than some readings of the text, where a
    machine is so slow that 0.15 s say nothing."""
    text = (unit * 8_000)[:8_000]
    began = time.process_time()
    look = _Look(read(text, RULES.vocabulary), RULES)
    allowed_s = max(0.15, 8 * (time.process_time() - began))
    slow = {compiled.rule.id for compiled in RULES.compiled}
    for _ in range(3):  # a collection of all that the tests have made may come in between
        for compiled in RULES.compiled:
            began = time.process_time()
            list(look.places(compiled))
            if time.process_time() - began <= allowed_s:
                slow.discard(compiled.rule.id)

    assert slow == set()


@pytest.mark.no_cover
@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_texts_cost_no_more_than_they_are_long(unit: str) -> None:
    """Eight times the text is eight times the work; what grows with the square is 64 times."""
    times = 1_000 // len(unit)

    short, long = cost_s(unit * times), cost_s(unit * times * 8)

    assert long < 20 * short + 0.005


@pytest.mark.no_cover
@pytest.mark.parametrize("unit", ["1", "1 ", "A1-"])
def test_what_was_said_before_costs_no_more_than_it_is_long(unit: str) -> None:
    """All of it may be a number, but for its last character."""
    number = next(one for one in RULES.compiled if one.rule.id == "contact.number")
    took = []
    for _ in range(3):
        began = time.process_time()
        _is_led([unit * 8_000 + "a", "0398112764"], number, RULES)
        took.append(time.process_time() - began)

    assert min(took) < 0.05


@pytest.mark.no_cover
def test_an_ordinary_text_is_cheap() -> None:
    """All rules together take some four readings of it: most look at nothing."""
    looks, readings = [], []
    for _ in range(20):
        looks.append(cost_s(ORDINARY))
        began = time.process_time()
        read(ORDINARY, RULES.vocabulary)
        readings.append(time.process_time() - began)

    assert min(looks) < 8 * min(readings)


def test_no_more_time_is_taken_than_given() -> None:
    """Who calls decides what becomes of a text that could not be looked at."""
    with pytest.raises(OverBudget):
        find(["text me on telegram " * 400], RULES, budget_s=0.000_001)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('somebody wrote me "add me on signal, we go cheaper"', set()),
        ("somebody wrote me “add me on signal, we go cheaper”", set()),
        ("jemand schrieb „add me on signal, we go cheaper“", set()),
        ('just "add" me on "signal", we go cheaper', {"contact.messenger"}),
        ('he said "hello there", now add me on signal', {"contact.messenger"}),
        ('"mail me at anna.k@gmail.com"', {"contact.email"}),
    ],
)
def test_what_is_quoted_was_said_by_somebody_else(text: str, found: set[str]) -> None:
    """Wordings alone: an address is one in quotation marks, too, and single words may stand in
    them for any reason."""
    assert parts([text]).keys() & {"contact.messenger", "contact.email"} == found


def test_waiting_takes_nothing_of_the_time_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has something else to do for a moment hides nothing that a text holds."""

    def read_late(text: str, vocabulary: Vocabulary) -> Text:
        time.sleep(0.5)
        return read(text, vocabulary)

    monkeypatch.setattr(module, "read", read_late)

    assert find(["my mail is anna@example.com"], RULES, budget_s=0.4)

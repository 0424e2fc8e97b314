"""Ways out that are described rather than written down, and what only sounds like one.

By kind, each told by its name; where several messages say it, they stand in their order.
"""

import pytest

from chat_gateway.moderation.check import hit
from tests.moderation.packaged import WRITTEN

FOUND: dict[str, tuple[str, ...]] = {
    "network, three pieces": ("reach me on wha ts app",),
    "network, with a suffix": ("Insta'dan bana yaz",),
    "network, by a short name": ("lass auf dc weiterreden",),
    "network, by its colour": ("text me on the green one",),
    "network, to be installed": ("please install Signal first",),
    "network, with the script sent there": ("I'll send you the script on WhatsApp",),
    "network, for a meeting": ("hop on a quick zoom?", "let's do a quick zoom at 3"),
    "network, as there is no other here": ("not this app, whatsapp maybe",),
    "a group": ("we have a WhatsApp group, shall I add you?",),
    "a profile": ("connect with me on LinkedIn",),
    "a profile, as here": ("on insta I have the same name as here",),
    "a profile, another market's": ("on Etsy I'm clayandco, write me there",),
    "name with its signs": ("insta is", "lilrook", "with two dots at the end"),
    "name of a craft": ("annamakesfilms on snap",),
    "name behind a wish": ("add me: anna_k",),
    "name on a federated server": ("@anna:builds.chat is encrypted",),
    "name everywhere": ("my handle is the same everywhere",),
    "sign for a name": ("what's your @?",),
    "provider alone": ("annafilms, then the google mail thing",),
    "provider and the rest": ("annafilms, yahoo, you know the rest",),
    "sign by its look": ("anna, the a with the circle, studiok, dot, org",),
    "sign between commas": ("it is anna, at, studio, full stop, co",),
    "sign in brackets": ("anna (a) studio (d0t) org",),
    "address, dots between all": ("a.n.n.a.k.@.g.m.a.i.l.c.o.m",),
    "address, by its end": ("annak at acme-studio, com at the end",),
    "address, read from the right": ("ed.etnak@anna, rückwärts lesen",),
    "number in the lead": ("my number, part by part", "98455", "501", "72"),
    "number with talk between": ("077", "wait", "009", "00", "645"),
    "number with a word behind": ("917", "sorry, dog", "555", "0144 there"),
    "number in ordinals": ("first 415", "second 555", "third 0199"),
    "number after its area": ("area code 212 then 555 then 0167",),
    "number, plus as a word": ("plus one 207 5550199",),
    "number, double and triple": ("604 triple 5 then zero 193",),
    "cash tag": ("cashapp $annafilms",),
    "payment name": ("google pay upi annafilms@okbank",),
    "wallet, its beginning": ("it starts with bc1qar0srrr7xfkvy",),
    "service for paying": ("zelle is fine too",),
    "cash in the parcel": ("put 80 euros in an envelope",),
    "invoice past the market": ("send us the invoice, we pay by wire",),
    "own shop": ("order from my site next time, it's cheaper",),
    "nobody's business": ("don't tell support, we do it for less",),
    "no order": ("we can do it without an order",),
    "a market's name for outside": ("we would contract with you outside this marketplace",),
    "more for both": ("dann bleibt mehr für uns beide",),
    "asked politely": ("Could you kindly provide a business e-mail address?",),
    "asked politely, German": ("Dürfte ich um Ihre Rufnummer bitten?",),
    "asked to swap": ("mind swapping numbers?",),
    "asked for a call": ("may I call?",),
    "asked how": ("¿cómo te contacto después?",),
    "asked for another place": ("is there another place we can chat",),
    "private messages": ("scrivimi in privato",),
    "search": ("google me",),
    "in a file": ("my number is in the PDF, last page",),
    "in the parcel": ("my card is in the parcel, give me a call",),
    "on a page": ("my email is in the about tab",),
    "link to verify": ("verify your account: seller-verify.help/session",),
    "link to direct rates": ("my direct rates are on annafilms.us/book",),
    "link behind another": ("bit.ly/3xTask has the chat",),
}


@pytest.mark.parametrize("messages", FOUND.values(), ids=FOUND.keys())
def test_a_way_out_is_found_however_it_is_described(messages: tuple[str, ...]) -> None:
    """By any rule."""
    assert hit(messages, WRITTEN) is not None


INNOCENT: dict[str, tuple[str, ...]] = {
    "colours": ("let's go with the blue one", "text on the green one is too small"),
    "pictures": ("the little ghost is cute", "paper plane transition works"),
    "abbreviations": ("the text in the DC scene", "signal bars full on the phone"),
    "line": ("the line at the bottom is thin",),
    "worthy": ("insta-worthy!",),
    "meeting": ("zoom in on the label", "the zoom on the label at 0:12 is too fast"),
    "call to action": ("can we do a quick call to action at the end",),
    "profiles of work": ("do you have TikTok examples of this style?",),
    "found there": ("I found you on Instagram, love your work",),
    "an audience": ("people dm us on instagram about it all the time",),
    "product for payment": ("the ad is for Revolut, show their card",),
    "product for mail": ("the tutorial shows how to write a Gmail filter",),
    "test card": ("the fake card on screen says 4242 4242 4242 4242",),
    "form": ("the placeholder says name@example.com",),
    "site read aloud": ('you want it read out as "acme dot com"?',),
    "empty phone": ("brb my phone is at 3 percent",),
    "wording": ('I changed "ring us" to "give us a call"',),
    "cut": ("it saves time if you cut it first",),
    "where directly": ("directly after the intro, cut to the product",),
    "takes": ("clip 0415, 0132 and 07 need grading",),
    "takes in pieces": ("07", "12", "33 are the takes"),
    "dates in pieces": ("24.11.", "28.11.", "01.12. final"),
    "sizes in pieces": ("mug one 8,2", "two 8,4", "three has a crack"),
    "number of something": ("charter number 4500187723", "Номер договора 4500187723"),
    "sentence with a number": ("textwidth gets set to 78 by the Vim filetype plugin",),
    "refusal": ("mein Telefon gebe ich nicht heraus, der Chat reicht",),
    "refusal of a link": ("I won't click that link, please attach the brief here",),
    "report": ("someone offered me gift cards in another order, I reported it",),
    "order by the market": ("I'd book you again through the order page",),
}


@pytest.mark.parametrize("messages", INNOCENT.values(), ids=INNOCENT.keys())
def test_what_sounds_like_one_is_left_alone(messages: tuple[str, ...]) -> None:
    """By all rules."""
    assert hit(messages, WRITTEN) is None

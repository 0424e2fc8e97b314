"""Who the parties are, what was ordered, and what they said: data alone."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, NamedTuple

from order_service.model import Status
from shared.contracts.events import Participant, ReportReason
from shared.contracts.ids import OrderId, UserId
from shared.timeline import MODERATION

ANNA: Final = UserId("anna")
BEN: Final = UserId("ben")
MIRA: Final = UserId("mira")
SUPPORT: Final = UserId("support")

NAMES: Final[Mapping[UserId, str]] = {
    ANNA: "Anna Keller",
    BEN: "Ben Okafor",
    MIRA: "Mira Lindqvist",
    SUPPORT: "Sara from Support",
}
"""The parties of orders."""

MOIRA: Final = UserId("moira")

DESK: Final[Mapping[UserId, str]] = {
    MOIRA: "Moira from Trust & Safety",
    MODERATION: "Moderation (program)",
}
"""Who moderates, and has a part in no order."""


class Commission(NamedTuple):
    """What an order's page tells besides its title and status."""

    order_id: OrderId
    participants: tuple[Participant, ...]
    brief: str
    deliverables: tuple[str, ...]
    price: str
    due: str


class Placed(NamedTuple):
    """Somebody placed the order, or gave it another title."""

    ago: timedelta
    order_id: OrderId
    title: str


class Moved(NamedTuple):
    """The order came into a status. An order of this story never comes into one twice."""

    ago: timedelta
    order_id: OrderId
    status: Status


class Said(NamedTuple):
    """Somebody wrote a message, having read all before it."""

    ago: timedelta
    order_id: OrderId
    by: UserId
    text: str


class Reported(NamedTuple):
    """Somebody reported what was said last in the order."""

    ago: timedelta
    order_id: OrderId
    by: UserId
    reason: ReportReason
    note: str


Step = Placed | Moved | Said | Reported


def _parties(**roles: UserId) -> tuple[Participant, ...]:
    return tuple(
        Participant(user_id=user_id, role=role, name=NAMES[user_id])
        for role, user_id in roles.items()
    )


FILM: Final = Commission(
    order_id=OrderId("film-2041"),
    participants=_parties(creator=ANNA, advertiser=BEN),
    brief=(
        "We launch a small-batch tea set in three weeks: a kettle, two cups and a tray in matte "
        "grey stoneware. We would like a quiet film of thirty seconds that shows the set in use on "
        "a slow morning. No voice-over; natural light and sound."
    ),
    deliverables=(
        "One film of 30 seconds, 4K, wide",
        "A 9:16 cut of 15 seconds",
        "Three stills for the shop page",
    ),
    price="€1,450.00",
    due="in nine days",
)
LOOKBOOK: Final = Commission(
    order_id=OrderId("lookbook-2057"),
    participants=_parties(creator=MIRA, advertiser=BEN),
    brief=(
        "Our winter throws and cushions need a lookbook: lived-in rooms, warm lamps, a dog is "
        "welcome. The photos go on the shop, in a printed folder and on social media."
    ),
    deliverables=("Twelve retouched photos, 300 dpi", "Two reels of 20 seconds"),
    price="€980.00",
    due="in four weeks",
)
PORTRAITS: Final = Commission(
    order_id=OrderId("portraits-1988"),
    participants=_parties(creator=ANNA, advertiser=BEN, support=SUPPORT),
    brief=(
        "Portraits of the six people in our workshop for the “About us” page. Same light and "
        "backdrop for all, one serious and one smiling picture each."
    ),
    deliverables=("Twelve portraits, 4:5", "Rights for web and print, two years"),
    price="€720.00",
    due="delivered last week",
)
COMMISSIONS: Final[Mapping[str, Commission]] = {
    commission.order_id: commission for commission in (FILM, LOOKBOOK, PORTRAITS)
}

_FILM_TITLE: Final = "30-second launch film for a tea set"
_PORTRAITS_TITLE: Final = "Workshop portraits for “About us”"


def _placed(commission: Commission, title: str, *, days: int = 0, minutes: int) -> Placed:
    return Placed(timedelta(days=days, minutes=minutes), commission.order_id, title)


def _moved(commission: Commission, status: Status, *, days: int = 0, minutes: int) -> Moved:
    return Moved(timedelta(days=days, minutes=minutes), commission.order_id, status)


def _said(
    commission: Commission, by: UserId, text: str, *, days: int = 0, minutes: int = 0
) -> Said:
    return Said(timedelta(days=days, minutes=minutes), commission.order_id, by, text)


STORY: Final[tuple[Step, ...]] = (
    _placed(PORTRAITS, _PORTRAITS_TITLE, days=12, minutes=95),
    _said(PORTRAITS, BEN, "Hi Anna, six people, one afternoon. Doable?", days=12, minutes=94),
    _said(
        PORTRAITS,
        ANNA,
        "Hi Ben! Yes, if I can set up an hour before. Twenty minutes each is comfortable.",
        days=12,
        minutes=81,
    ),
    _moved(PORTRAITS, Status.IN_PROGRESS, days=12, minutes=70),
    _said(PORTRAITS, BEN, "Thursday from two, the room is yours.", days=12, minutes=66),
    _said(
        PORTRAITS,
        BEN,
        "Next time, shall we settle it between the two of us and both save the fee? You reach me "
        "at ben@okafor-workshop.example.",
        days=11,
        minutes=300,
    ),
    Reported(
        timedelta(days=11, minutes=282),
        PORTRAITS.order_id,
        ANNA,
        "off_platform",
        "I like to work with him, but I would rather stay here.",
    ),
    _said(
        PORTRAITS,
        ANNA,
        "Let us keep it here, then neither of us has to trust the other with the bill.",
        days=11,
        minutes=280,
    ),
    _said(PORTRAITS, BEN, "Fair enough!", days=11, minutes=275),
    _said(
        PORTRAITS,
        ANNA,
        "All twelve are retouched and uploaded. Jonas blinked in every serious one, so his is a "
        "half-smile.",
        days=8,
        minutes=310,
    ),
    _moved(PORTRAITS, Status.DELIVERED, days=8, minutes=308),
    _said(
        PORTRAITS,
        BEN,
        "They are lovely, everybody wants one for home now. May they have them for private use?",
        days=8,
        minutes=190,
    ),
    _said(
        PORTRAITS,
        SUPPORT,
        "Hello both, Sara here. Private use is covered by the licence, nothing to sign.",
        days=8,
        minutes=160,
    ),
    _said(PORTRAITS, ANNA, "Of course. Glad they like them!", days=8, minutes=151),
    _moved(PORTRAITS, Status.COMPLETED, days=7, minutes=240),
    _placed(FILM, _FILM_TITLE, days=2, minutes=200),
    _said(
        FILM,
        BEN,
        "Hi Anna! The portraits went so well that we are back with something that moves.",
        days=2,
        minutes=198,
    ),
    _said(
        FILM,
        BEN,
        "The set ships to you tomorrow. Is there anything in the brief that is unclear?",
        days=2,
        minutes=197,
    ),
    _said(
        FILM,
        ANNA,
        "Hi Ben, what a nice one. Two questions:\n"
        "1. May the room be seen, or should it stay with the table?\n"
        "2. Do you have a sound in mind for the end?",
        days=2,
        minutes=171,
    ),
    _said(
        FILM,
        BEN,
        "The room is fine, as long as it is not too tidy. For the end: the tray being set down, "
        "then nothing.",
        days=2,
        minutes=164,
    ),
    _said(FILM, ANNA, "Perfect. Then I have all I need.", days=2, minutes=160),
    _moved(FILM, Status.IN_PROGRESS, days=2, minutes=158),
    _said(FILM, ANNA, "The parcel is here, nothing broken.", days=1, minutes=410),
    _said(
        FILM,
        ANNA,
        "I tried the kettle at the window this morning. The steam only shows against something "
        "dark, so I would hang a linen cloth behind it. It stays out of focus.",
        days=1,
        minutes=395,
    ),
    _said(FILM, BEN, "Good idea. Dark green, if you have it?", days=1, minutes=352),
    _said(FILM, ANNA, "I have one that is almost the colour of the leaves 🍃", days=1, minutes=349),
    _said(FILM, BEN, "😍 sold.", days=1, minutes=347),
    _said(
        FILM,
        BEN,
        "One more thing from our side: could the vertical cut open with the pour? People decide in "
        "the first second.",
        days=1,
        minutes=90,
    ),
    _said(
        FILM,
        ANNA,
        "Yes. I will shoot the pour twice, once framed for the vertical.",
        days=1,
        minutes=72,
    ),
    _placed(LOOKBOOK, "Winter lookbook: twelve photos", minutes=58),
    _said(
        LOOKBOOK,
        BEN,
        "Hi Mira, we love your rooms. Would you have time for this before the first snow?",
        minutes=57,
    ),
    _said(FILM, ANNA, "Shooting is done, the light held until ten. Cutting now.", minutes=49),
    _said(FILM, BEN, "That was quick! When can we see something?", minutes=41),
    _said(
        LOOKBOOK,
        MIRA,
        "Hi Ben! The second week of December is free. Two reels on the same day would work too, "
        "if you want to add them.",
        minutes=36,
    ),
    _said(LOOKBOOK, BEN, "Please. I will add them to the order.", minutes=31),
    _said(FILM, ANNA, "A first cut this afternoon, I think.", minutes=12),
    _said(
        FILM,
        ANNA,
        "Would you rather have it with the grade, or flat first so that you can judge the cut?",
        minutes=11,
    ),
    _placed(LOOKBOOK, "Winter lookbook: twelve photos and two reels", minutes=9),
)
"""All that happened, oldest first. The last step can be told from the order it leaves behind."""

"""A record of each type, for the documents: they are golden samples of `tests/wire`, too."""

from collections.abc import Sequence
from typing import Final

from shared.contracts import events as log
from shared.contracts.ids import ClientId, MessageId, OrderId, Seq, UserId

_ORDER: Final = OrderId("o-1042")
_ANNA: Final = UserId("u-anna")
_BEN: Final = UserId("u-ben")
_MOIRA: Final = UserId("u-moira")

EXAMPLES: Final[Sequence[log.Event]] = (
    log.OrderChanged(
        order_id=_ORDER,
        by=UserId("service:orders"),
        as_="service",
        version=1,
        status="pending",
        previous_status=None,
        title="Summer reel, 3 videos",
        participants=(
            log.Participant(
                user_id=_ANNA,
                role="creator",
                name="Anna Lindqvist",
                avatar_url="https://cdn.example/avatars/anna.jpg",
            ),
            log.Participant(user_id=_BEN, role="advertiser", name="Ben Okafor"),
        ),
        may={
            "creator": ("read", "send", "attach", "edit", "delete"),
            "advertiser": ("read", "send", "attach", "edit", "delete"),
            "support": ("read", "send"),
        },
        edit_window_ms=900_000,
    ),
    log.Message(
        order_id=_ORDER,
        by=_BEN,
        as_="participant",
        id=MessageId("824625e0-e4f5-52c9-9dad-2b9eec7111e4"),
        base=0,
        client_id=ClientId("019c2f5e-8a01-7c3d-9e4f-5a6b7c8d9e01"),
        seen=0,
        text="Hi Anna, thanks for taking this on! "
        "Could the first video open on the pier at sunset?",
    ),
    log.Edit(
        order_id=_ORDER,
        by=_ANNA,
        as_="participant",
        id=MessageId("df8f7a76-39b0-5441-9a8e-30dca06a46dc"),
        base=2,
        client_id=ClientId("019c2f5e-8a04-7c3d-9e4f-5a6b7c8d9e04"),
        target=MessageId("a388ffd1-f3b1-532b-91af-d88a2b27d1d1"),
        text="Love that. Storyboard and a light test are attached. First cut by Thursday?",
    ),
    log.Delete(
        order_id=_ORDER,
        by=_BEN,
        as_="participant",
        id=MessageId("8bfbe5f8-93ea-53b3-a31c-4ddcae19efc3"),
        base=15,
        client_id=ClientId("019c2f5e-8a10-7c3d-9e4f-5a6b7c8d9e10"),
        target=MessageId("db7a252b-9f98-5e53-84e6-d64688245440"),
    ),
    log.Read(
        order_id=_ORDER,
        by=_BEN,
        as_="participant",
        up_to=Seq(17592186134418),
        n=2,
    ),
    log.Report(
        order_id=_ORDER,
        by=_ANNA,
        as_="participant",
        id=MessageId("bec7ae83-71e6-51dd-8686-78d61a5939c4"),
        base=5,
        client_id=ClientId("019c2f5e-8a06-7c3d-9e4f-5a6b7c8d9e06"),
        target=MessageId("3bf9a586-5a97-55e1-90eb-df3666b0472e"),
        reason="off_platform",
        note="He asks me to leave the platform.",
    ),
    log.Redact(
        order_id=_ORDER,
        by=_MOIRA,
        as_="moderator",
        id=MessageId("eb06afc1-23b8-5da8-97fb-873ffb5f59d8"),
        base=7,
        target=MessageId("3bf9a586-5a97-55e1-90eb-df3666b0472e"),
        reason="Contact details are not allowed before delivery.",
    ),
    log.Restore(
        order_id=_ORDER,
        by=_MOIRA,
        as_="moderator",
        id=MessageId("e2ab3198-a894-5423-9e88-e301df1b4759"),
        base=11,
        target=MessageId("3bf9a586-5a97-55e1-90eb-df3666b0472e"),
        reason="It was the studio's public number.",
        text="Call me on +1 555 0100, we can settle this outside the platform.",
    ),
    log.Flag(
        order_id=_ORDER,
        by=_MOIRA,
        as_="moderator",
        id=MessageId("c76e7a3c-92a8-520e-9982-365796980d21"),
        base=6,
        target=MessageId("3bf9a586-5a97-55e1-90eb-df3666b0472e"),
        reason="Phone number",
    ),
    log.Mute(
        order_id=_ORDER,
        by=_MOIRA,
        as_="moderator",
        id=MessageId("268ad45b-f562-5454-adb2-ead75b587202"),
        base=8,
        user_id=_BEN,
        until=1795421029000,
        reason="Second warning",
    ),
    log.Unmute(
        order_id=_ORDER,
        by=_MOIRA,
        as_="moderator",
        id=MessageId("543359bd-aca2-5973-ae61-01347b1d53e7"),
        base=10,
        user_id=_BEN,
        reason="Settled with support",
    ),
    log.Close(
        order_id=_ORDER,
        by=_MOIRA,
        as_="moderator",
        id=MessageId("a5866170-bce5-5a97-91e9-8c79ed7578a8"),
        base=12,
        reason="Under review",
    ),
    log.Reopen(
        order_id=_ORDER,
        by=_MOIRA,
        as_="moderator",
        id=MessageId("1db23605-d873-5eb1-84e2-abdb537b4220"),
        base=13,
        reason="Review done",
    ),
    log.Review(
        order_id=_ORDER,
        by=_MOIRA,
        as_="moderator",
        id=MessageId("5a1d9c54-63b6-5b0e-9f0f-2d2c1b6a7e10"),
        base=7,
        target=MessageId("c76e7a3c-92a8-520e-9982-365796980d21"),
        state="resolved",
        assignee=_MOIRA,
        note="Spoke to both.",
    ),
    log.Look(
        order_id=_ORDER,
        by=_MOIRA,
        as_="moderator",
        id=MessageId("8f6de1a2-4a57-5b8c-8d0e-6a1b2c3d4e5f"),
        base=7,
        what="conversation",
    ),
)

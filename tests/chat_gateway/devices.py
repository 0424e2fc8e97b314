"""Devices that write as the protocol says, and check what they are told.

A device keeps what was typed until its outcome is known, sends it again where it is told to, in the
order typed after a reconnect, and never gives anything up by itself.
"""

from typing import Literal

from chat_gateway.session import Session
from shared.contracts import frames
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import NOTHING, ClientId, Seq, UserId
from shared.grants import GRANT_S
from tests.chat_gateway.recorders import NOW_MS, RecordingSocket
from tests.chat_gateway.world import House, grant, identity, open_order, say, send
from tests.shared.story import STRANGER, client_id

File = Literal["kept", "renewed", "forged"]
"""What is done about a file's grant: nothing, a fresh one for each try, or it is no good one."""


class Item:
    """Something typed, and what its device knows of it."""

    def __init__(self, key: int, file: File | None, ends_s: int) -> None:
        self.key = key
        self.file = file
        self.ends_s = ends_s
        """When a grant that is kept ends, in seconds from the beginning."""
        self.refs: set[int] = set()
        """Attempts on the connection that have no outcome yet."""
        self.maybe_there = False
        """Whether it must be sent again as a retry."""
        self.due = True
        """Whether it has to be sent (again)."""
        self.settled = False
        self.refused = False

    @property
    def over(self) -> bool:
        """Whether nothing is to be done about it any more."""
        return self.settled or self.refused


class Device:
    """One of a user's devices, connected or not."""

    def __init__(self, user_id: UserId, first_key: int) -> None:
        self.user_id = user_id
        self.items: list[Item] = []
        self.session: Session | None = None
        self._house: House
        # Good for the longest history: time passes in some.
        self._identity = identity(user_id, expires_at=NOW_MS / 1000 + GRANT_S)
        self.burst: list[Item] = []
        """What is still to be sent, in order, after a reconnect."""
        self._socket = RecordingSocket()
        self._keys = iter(range(first_key, first_key + 1_000))
        self._refs = iter(range(1, 1_000_000))
        self._head: Seq = NOTHING
        self._n = 0

    # What its user and the network do.

    def type(self, file: File | None = None, ends_s: int = 0) -> Item:
        """Its user says one more thing, perhaps with a file."""
        item = Item(next(self._keys), file, ends_s)
        self.items.append(item)
        if self.burst:
            self.burst.append(item)  # what is new waits for what is old
        return item

    def connect(self, house: House) -> Session | None:
        """Open a connection; give the one before, of which the gateway knows no end yet."""
        before, (self.session, self._socket) = self.session, house.greet(self._identity)
        self._house = house
        for item in self.items:
            item.maybe_there |= bool(item.refs)
            item.refs.clear()
        open_order(self.session, house.room, after=self._head)
        self.hear()
        self.burst = [item for item in self.items if not item.over]
        return before

    def cut(self) -> None:
        """The connection is lost, and both sides know it."""
        assert self.session is not None
        self.hear()
        session, self.session = self.session, None
        session.lost()

    def due(self) -> list[Item]:
        """What it may send now."""
        if self.burst:
            return self.burst[:1]
        return [item for item in self.items if item.due and not item.over]

    def send(self, item: Item, *, knows_seen: bool = True) -> None:
        """Send something typed, for the first time or again."""
        assert self.session is not None
        if item in self.burst:
            self.burst.remove(item)
        ref = next(self._refs)
        item.due = False
        item.refs.add(ref)
        seen = self._n if knows_seen else None
        files = () if item.file is None else (self._grant(item),)
        say(
            self.session,
            send(item.key, seen=seen, retry=item.maybe_there, ref=ref, attachments=files),
        )

    # What it is told.

    def hear(self) -> None:
        """Take in what came; fails if something has two outcomes, or a wrong one."""
        for frame in self._socket.take():
            match frame:
                case frames.Joined(events=events, head=head):
                    for event in events:
                        self._see(event)
                    self._head = max(self._head, head)
                case frames.Refused(ref=int(ref), id=str(id_), retry=retry, code=code):
                    self._refused(self._item(id_), ref, code, retry=retry)
                case frames.Unknown(ref=ref, id=id_):
                    item = self._item(id_)
                    item.refs.remove(ref)
                    item.maybe_there = True
                    item.due = not item.refs
                case frames.MessageShown() | frames.OrderShown():
                    self._see(frame)

    def _item(self, id_: ClientId | str) -> Item:
        return next(item for item in self.items if client_id(item.key) == id_)

    def _grant(self, item: Item) -> str:
        now_s = (self._house.desk.ms - NOW_MS) // 1000
        match item.file:
            case "kept":
                return grant(item.key, by=self.user_id, good_for_s=item.ends_s)
            case "renewed":
                return grant(item.key, by=self.user_id, good_for_s=now_s + GRANT_S)
            case _:
                return grant(item.key, by=STRANGER, good_for_s=now_s + GRANT_S)

    def _refused(self, item: Item, ref: int, code: ErrorCode, *, retry: bool) -> None:
        item.refs.remove(ref)
        if code is ErrorCode.INVALID:
            assert item.file in ("kept", "forged"), "there was nothing wrong with it"
        if retry:
            assert not item.maybe_there, "only the log refuses what may be there"
            item.due = not item.refs
        else:
            assert not item.settled, "it was shown before"
            item.refused = True

    def _see(self, event: frames.EventShown) -> None:
        self._head = max(self._head, event.seq)
        if not isinstance(event, frames.MessageShown):
            return
        self._n = max(self._n, event.n)
        for item in self.items:
            if event.by == self.user_id and event.client_id == client_id(item.key):
                assert not item.refused, "it was refused for good"
                assert item.file != "forged", "nobody granted it"
                item.settled = True
                item.refs.clear()

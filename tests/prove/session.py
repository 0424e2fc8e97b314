"""What an honest client says on one connection, and what it makes of the answers. No I/O.

Whoever owns the socket hands frames to `take` and sends what `frames_to_send` gives.
"""

from typing import Final

import msgspec

from shared.contracts import frames
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import NOTHING, ClientId, Seq
from tests.prove import history
from tests.prove.device import Device
from tests.prove.history import Ending, glimpse, now

REPLAY_PAGE: Final = 100

WAIT_S: Final = 0.2
"""Before something refused for now is asked again, where the answer does not say."""


class _Request(msgspec.Struct, frozen=True):
    """A request under way."""

    ref: int
    since: float
    after: Seq | None = None


class Session:
    """One connection's conversation on behalf of a device."""

    def __init__(self, device: Device, connection: int) -> None:
        self.joined = False
        self.ending: Ending | None = None
        """Set once this connection should be closed from our side."""
        self.silence_s = 60.0
        """How long the server may say nothing at all."""
        self.away_s: float | None = None
        """How long to stay away after this connection, where the server named a time."""
        self._device = device
        self._connection = connection
        self._last_ref = 0
        self._outgoing: list[frames.ClientFrame] = [frames.Hello(token=device.token)]
        self._join: _Request | None = None
        self._join_at: float | None = now()
        self._repair: _Request | None = None
        self._page_back: _Request | None = None
        self._held: list[frames.EventShown] = []
        """Live events that came behind a hole, until it is filled."""
        self._repaired_at: Seq | None = None
        """The head the last repair ended at: one that did not help is not tried again."""

    # Outwards.

    def post(self, frame: frames.Read | frames.Type) -> None:
        """Say something that has no answer, if the order is open."""
        if self.joined:
            self._outgoing.append(frame)

    def frames_to_send(self) -> list[frames.ClientFrame]:
        """Everything that should go out now, in order; attempts among it count as sent."""
        if self._join_at is not None and now() >= self._join_at:
            self._ask_to_join()
        if self.joined:
            self._page_back_if_wanted()
            attempts = self._device.outbox.take(now(), self._last_ref + 1)
            self._last_ref += len(attempts)
            self._outgoing.extend(attempts)
            for attempt in attempts:
                self._device.history.write(
                    history.Sent(
                        **self._stamp(), id=attempt.id, ref=attempt.ref, retry=attempt.retry
                    )
                )
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def waiting_since(self) -> float | None:
        """Since when the oldest request waits for its answer."""
        requests = (self._join, self._repair, self._page_back)
        times = [request.since for request in requests if request is not None]
        oldest = self._device.outbox.waiting_since()
        return min(times + ([] if oldest is None else [oldest]), default=None)

    def _ask_to_join(self) -> None:
        """Ask for all after our head; whoever has nothing may as well ask for the newest page."""
        device = self._device
        fresh = device.view.head == NOTHING and device.random.random() < 0.5
        self._join = _Request(self._next_ref(), now(), None if fresh else device.view.head)
        self._join_at = None
        self._outgoing.append(
            frames.Join(ref=self._join.ref, order_id=device.order_id, after=self._join.after)
        )

    def _ask_for_missing(self, before: Seq | None) -> None:
        device = self._device
        self._repair = _Request(self._next_ref(), now(), device.view.head)
        self._outgoing.append(
            frames.History(
                ref=self._repair.ref,
                order_id=device.order_id,
                after=device.view.head,
                before=before,
                limit=REPLAY_PAGE,
            )
        )

    def _page_back_if_wanted(self) -> None:
        device = self._device
        if not device.wants_all or device.view.complete or self._page_back is not None:
            return
        self._page_back = _Request(self._next_ref(), now())
        self._outgoing.append(
            frames.History(
                ref=self._page_back.ref,
                order_id=device.order_id,
                before=device.view.oldest,
                limit=REPLAY_PAGE,
            )
        )

    # Inwards.

    def take(self, frame: frames.ServerFrame | frames.EventShown) -> None:
        """Make of a server's frame what an honest client makes of it."""
        match frame:
            case frames.Welcome(heartbeat_s=heartbeat_s):
                self.silence_s = 2.0 * heartbeat_s + 1
            case frames.Joined():
                self._take_joined(frame)
            case frames.Page():
                self._take_page(frame)
            case frames.Beat(heads=heads):
                self._take_beat(heads.get(self._device.order_id, NOTHING))
            case frames.Refused():
                self._take_refusal(frame)
            case frames.Unknown():
                self._take_unknown(frame)
            case frames.Goodbye(reconnect_after_ms=away_ms):
                self.away_s = away_ms / 1000
                told = history.Told(**self._stamp(), reconnect_after_ms=away_ms)
                self._device.history.write(told)
            case frames.Left(code=code) if code is not None:
                self._bar(code)
            case event if isinstance(event, frames.EventShown):
                self._take_live(event)
            case _:
                pass  # typing and presence prove nothing

    def _take_joined(self, joined: frames.Joined) -> None:
        request = self._join
        if request is None or joined.ref != request.ref:
            return
        self._device.history.write(
            history.Joined(
                **self._stamp(),
                order_id=joined.order_id,
                after=request.after,
                head=joined.head,
                reset=joined.reset,
                events=tuple(glimpse(event) for event in joined.events),
            )
        )
        self._device.view.open(joined, request.after)
        self._settle(joined.events)
        self._join = None
        self.joined = True

    def _take_live(self, event: frames.EventShown) -> None:
        self._device.history.write(
            history.Live(**self._stamp(), order_id=event.order_id, event=glimpse(event))
        )
        self._settle([event])
        if event.order_id == self._device.order_id:
            self._accept(event)

    def _accept(self, event: frames.EventShown) -> None:
        """Put a live event on the screen, or fetch what is missing before it."""
        if self._repair is not None:
            self._held.append(event)
            return
        view = self._device.view
        fit = view.fit(event)
        if fit == "hole" and self._repaired_at != view.head:
            self._held.append(event)
            self._ask_for_missing(before=event.seq)
        elif fit != "old":
            view.apply(event)

    def _take_beat(self, head: Seq) -> None:
        if self.joined and head > self._device.view.head and self._repair is None:
            self._ask_for_missing(before=None)

    def _take_page(self, page: frames.Page) -> None:
        repair, back = self._repair, self._page_back
        repairs = repair is not None and page.ref == repair.ref
        self._device.history.write(
            history.Paged(
                **self._stamp(),
                order_id=page.order_id,
                after=repair.after if repair is not None and repairs else None,
                events=tuple(glimpse(event) for event in page.events),
            )
        )
        self._settle(page.events)
        if repairs:
            self._fill_hole(page)
        elif back is not None and page.ref == back.ref:
            self._page_back = None
            self._device.view.extend_back(page)

    def _fill_hole(self, page: frames.Page) -> None:
        view = self._device.view
        for event in page.events:
            if view.fit(event) != "old":
                view.apply(event)
        self._repair = None
        if page.events and not page.complete:
            self._ask_for_missing(before=self._held[0].seq if self._held else None)
            return
        self._repaired_at = view.head
        held, self._held = self._held, []
        for event in held:
            self._accept(event)

    def _take_refusal(self, refused: frames.Refused) -> None:
        again_at = now() + self._wait_s(refused.retry_after_ms)
        if self._join is not None and refused.ref == self._join.ref:
            self._join = None
            if refused.retry:
                self._join_at = again_at
            else:
                self._bar(refused.code)
        elif self._repair is not None and refused.ref == self._repair.ref:
            # Joining again brings what is missing just as well.
            self._repair, self._held, self._join_at = None, [], again_at
        elif self._page_back is not None and refused.ref == self._page_back.ref:
            self._page_back = None
        else:
            self._take_refused_attempt(refused, again_at)

    def _take_refused_attempt(self, refused: frames.Refused, again_at: float) -> None:
        self._device.history.write(
            history.Answered(
                **self._stamp(),
                id=refused.id,
                ref=refused.ref,
                outcome="refused",
                code=refused.code,
                retry=refused.retry,
            )
        )
        if refused.id is None:
            return
        if refused.code is ErrorCode.NOT_JOINED:
            self.joined, self._join_at = False, again_at
        if refused.retry:
            self._device.outbox.try_again(refused.id, again_at, may_be_logged=False)
        else:
            self._device.outbox.settle(refused.id)

    def _take_unknown(self, unknown: frames.Unknown) -> None:
        self._device.history.write(
            history.Answered(
                **self._stamp(),
                id=unknown.id,
                ref=unknown.ref,
                outcome="unknown",
                code=None,
                retry=True,
            )
        )
        again_at = now() + self._wait_s(unknown.retry_after_ms)
        self._device.outbox.try_again(unknown.id, again_at, may_be_logged=True)

    def _settle(self, events: list[frames.EventShown]) -> None:
        """The own event is the good outcome, wherever it comes from."""
        for event in events:
            client_id: ClientId | None = getattr(event, "client_id", None)
            if client_id is not None and event.by == self._device.user_id:
                self._device.outbox.settle(client_id)

    def _bar(self, code: ErrorCode) -> None:
        self._device.history.write(history.Barred(**self._stamp(), code=code))
        self.ending = "barred"

    def _stamp(self) -> history.Stamp:
        return history.Stamp(at=now(), client=self._device.name, connection=self._connection)

    def _next_ref(self) -> int:
        self._last_ref += 1
        return self._last_ref

    @staticmethod
    def _wait_s(retry_after_ms: int | None) -> float:
        return WAIT_S if retry_after_ms is None else retry_after_ms / 1000

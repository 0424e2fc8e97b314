"""Checks of what each client was handed: every event once, in order, none left out."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from shared.contracts.ids import NOTHING, ClientId, Seq
from tests.prove.evidence import Evidence, Violation
from tests.prove.history import Done, Glimpse, Joined, Live, Opened, Paged, Sent

OUTSIDE_CHAIN: Final = frozenset({"report", "flag"})
"""Types that move nobody's position."""


def check_delivery(evidence: Evidence) -> Iterator[Violation]:
    """`nonmonotonic-deliver` and `skip`, client by client."""
    for client, records in evidence.clients.items():
        yield from _Walk(client, records).found


class _Walk:
    """Follows one client's position through what it was handed."""

    def __init__(self, client: str, records: Sequence[Done]) -> None:
        self.found: list[Violation] = []
        self._client = client
        self._head: Seq | None = None
        self._waiting: list[Glimpse] = []
        """Live events behind a hole that nothing has filled yet."""
        self._retried: set[ClientId] = set()
        """What was looked up on this connection: its event may be shown to us once more."""
        for record in records:
            self._follow(record)
        if self._waiting:
            self._skip(f"{self._waiting[0].seq} came on {self._head}, and nothing filled the hole")

    def _follow(self, record: Done) -> None:
        match record:
            case Opened():
                self._retried.clear()
                self._waiting.clear()  # the client joins again from before the hole
            case Sent(id=id_, retry=True):
                self._retried.add(id_)
            case Joined():
                self._join(record)
            case Paged():
                self._page(record)
            case Live(event=event) if event.type not in OUTSIDE_CHAIN:
                self._take(event)
            case _:
                pass

    def _join(self, joined: Joined) -> None:
        self._waiting.clear()
        self._check_rising(joined.events)
        if joined.after is not None and not joined.reset:
            end = self._chain(joined.events, joined.after)
            if end != joined.head:
                self._skip(f"a replay ended at {end}, its head is {joined.head}")
        self._head = joined.head

    def _page(self, page: Paged) -> None:
        self._check_rising(page.events)
        if page.after is None:
            return
        end = self._chain(page.events, page.after)
        if self._head is not None and page.after <= self._head < end:
            self._head = end
        waiting, self._waiting = self._waiting, []
        for event in waiting:
            if self._head is None or event.seq > self._head:
                self._take(event)

    def _take(self, event: Glimpse) -> None:
        if self._head is None:
            self._disorder(f"{event.seq} came before the join was answered")
        elif event.seq <= self._head:
            if event.client_id not in self._retried:
                self._disorder(f"{event.seq} came again, or late: the head was {self._head}")
        elif not self._waiting and (event.prev or NOTHING) == self._head:
            self._head = event.seq
        else:
            if self._waiting and event.seq <= self._waiting[-1].seq:
                self._disorder(f"{event.seq} came after {self._waiting[-1].seq}")
            self._waiting.append(event)

    def _chain(self, events: Sequence[Glimpse], after: Seq) -> Seq:
        """Check that a replay leaves nothing out; answer where it ends."""
        end = after
        for event in events:
            if event.type in OUTSIDE_CHAIN:
                continue
            if (event.prev or NOTHING) != end:
                self._skip(f"a replay has {event.seq} on {end}, not on {event.prev}")
            end = event.seq
        return end

    def _check_rising(self, events: Sequence[Glimpse]) -> None:
        for earlier, later in pairwise(events):
            if later.seq <= earlier.seq:
                self._disorder(f"an answer has {later.seq} after {earlier.seq}")

    def _skip(self, what: str) -> None:
        self.found.append(Violation("skip", self._client, what))

    def _disorder(self, what: str) -> None:
        self.found.append(Violation("nonmonotonic-deliver", self._client, what))

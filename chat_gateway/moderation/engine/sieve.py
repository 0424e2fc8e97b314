"""Which of many patterns a text may have, told by the sets that its words are of.

Nearly every pattern needs a word that a text lacks. Asked one by one, eight hundred of them take
longer than all else that is done with the text; so they are asked all at once, in one integer.
"""

from collections.abc import Iterable, Iterator


def bits(number: int) -> Iterator[int]:
    """Its single bits, from the lowest."""
    while number:
        yield number & -number
        number &= number - 1


class Sieve:
    """All patterns by what they need; each is a bit. A row of bits says which are met at the first
    of their needs, above it the same of the second, and so on."""

    def __init__(self) -> None:
        self._needs: list[tuple[int, ...]] = []
        self._rows = 0
        self._met: dict[int, int] = {}
        """By the set that a word is of."""

    def add(self, needs: tuple[int, ...]) -> int:
        """Another pattern's bit. It needs of each of these sets a word, and at least one."""
        self._needs.append(needs)
        self._rows = max(self._rows, len(needs))
        self._met.clear()
        return 1 << (len(self._needs) - 1)

    def left(self, masks: Iterable[int]) -> int:
        """The bits of the patterns all of whose needs are met by words of these sets."""
        met = self._met_by(0)
        for mask in {*masks}:
            met |= self._met_by(mask)
        width = len(self._needs)
        found = (1 << width) - 1
        for _ in range(self._rows):
            found &= met
            met >>= width
        return found

    def _met_by(self, mask: int) -> int:
        """Kept, for words are of few sets: no more than the vocabulary has symbols."""
        if (met := self._met.get(mask)) is None:
            met = 0
            for number, needs in enumerate(self._needs):
                for row in range(self._rows):
                    # Where nothing is needed any more, all is met.
                    if row >= len(needs) or needs[row] & mask:
                        met |= 1 << (row * len(self._needs) + number)
            self._met[mask] = met
        return met

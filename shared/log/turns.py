"""Who may hand on how much, where more waits than one fetch has room for."""

from collections.abc import Mapping
from itertools import islice


def divide(room: int, waiting: Mapping[int, int]) -> dict[int, int]:
    """By partition, how many of the records that wait there have *room*.

    *waiting*: how many wait (at least one each), the partition served longest ago first. All have
    an equal part, and what some do not need goes to the others. Where not even one record each is
    left, turns are taken.
    """
    turn = sorted(islice(waiting, room), key=waiting.__getitem__)
    shares = {}
    for served, partition in enumerate(turn):
        shares[partition] = min(waiting[partition], room // (len(turn) - served))
        room -= shares[partition]
    return shares

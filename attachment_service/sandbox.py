"""A process gives up what it does not need, before it reads what somebody sent.

Whoever makes a decoder do their bidding finds a process of nobody's that has some memory and
seconds left, and nothing it could open: no file, no socket, no other process.
"""

import ctypes
import os
import resource
import sys
from typing import Final

MEMORY_BYTES: Final = 2 << 30
"""Of addresses. A WebP of 50 megapixels took 1.7 GiB, the most of all images that may be sent."""
CPU_S: Final = 30
"""The same image took 10 s on a slow core."""
NICENESS: Final = 15
"""Messages go first; but where a machine has nothing to spare, files still come to their end."""

_NOBODY: Final = 65534
_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38
_CLONE_NEWUSER: Final = 0x1000_0000
_CLONE_NEWNET: Final = 0x4000_0000
_CAPABILITY_VERSION: Final = 0x2008_0522


def enter() -> bool:
    """Give up everything, for good; tell whether the network can still be reached.

    It can where the machine does not let us leave its network: in most containers. All modules must
    be loaded before, standard streams stay, and nothing else can be opened. Raises `OSError` where
    a limit cannot be set.
    """
    os.nice(max(0, NICENESS - os.nice(0)))
    network = not _leave_network()
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)
    _drop_capabilities()
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _prctl(_PR_SET_DUMPABLE, 0)  # nobody's other processes cannot look into it
    _limit(resource.RLIMIT_AS, MEMORY_BYTES)
    _limit(resource.RLIMIT_CPU, CPU_S)
    _limit(resource.RLIMIT_CORE, 0)  # a core would be a copy of the file
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_NPROC, 0)
    _limit(resource.RLIMIT_NOFILE, 3)
    return network


def _leave_network() -> bool:
    """Go where there is no network; needs to be root, or a user namespace of one's own."""
    if sys.platform != "linux":
        return False
    flags = _CLONE_NEWNET if os.geteuid() == 0 else _CLONE_NEWNET | _CLONE_NEWUSER
    # Python has `os.unshare` from 3.12 on.
    answer: int = ctypes.CDLL(None).unshare(flags)
    return answer == 0


def _drop_capabilities() -> None:
    """Whoever made a user namespace is mighty in it."""
    if sys.platform == "linux":
        header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
        _check(ctypes.CDLL(None, use_errno=True).capset(header, (ctypes.c_uint32 * 6)()))


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        _check(ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0))


def _check(answer: int) -> None:
    if answer != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _limit(what: int, most: int) -> None:
    """At most *most*, or what it is limited to already."""
    _, hard = resource.getrlimit(what)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most))

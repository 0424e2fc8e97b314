"""The two shelves as folders: every object one plain file, under its key.

A file is never written in place. It is a draft first, synced, and then takes its name at once, so
whoever reads finds one writing whole, and a crash leaves the old one, the new one, or a draft that
is removed at the next start. Everything here blocks on the disk.
"""

import os
import stat
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO, Final

from shared.blobs.port import Changed, NotFound, Shelf, check_key
from shared.risk import Risk
from shared.sqlite import Lock

DRAFTS: Final = "drafts"
COPY_BYTES: Final = 1 << 20
"""A join holds no more of a file than this at once."""

_NO_SUCH: Final = (FileNotFoundError, NotADirectoryError)
"""Nothing has this name, or a file stands where its folder would be."""


class Draft:
    """A file that is being written, and nobody's object yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._stream: BinaryIO = os.fdopen(descriptor, "wb", buffering=0)
        # Who gave up waiting for a write may drop the draft while a thread is still at it.
        self._guard = threading.Lock()

    def write(self, data: bytes) -> None:
        """Write all of *data* at the end."""
        rest = memoryview(data)
        with self._guard:
            while rest:
                rest = rest[self._stream.write(rest) :]

    def sync(self, moment_ns: int) -> None:
        """Have it on the disk, written at that moment."""
        with self._guard:
            os.utime(self._stream.fileno(), ns=(moment_ns, moment_ns))
            os.fsync(self._stream.fileno())

    def drop(self) -> None:
        """Leave nothing of it, unless it was kept."""
        with self._guard:
            self._stream.close()
            self.path.unlink(missing_ok=True)


class Folder:
    """Both shelves in the folder *root*, for one owner. Raises `InUse`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock: Lock | None = Lock(root, alone=True)
        self._names = threading.Lock()
        """Held where folders are made for a file, and where empty ones are removed."""
        self._last_moment = 0
        try:
            for folder in (root, *(root / name for name in (DRAFTS, *Shelf))):
                folder.mkdir(mode=0o700, exist_ok=True)
                _sync_folder(folder.parent)
            for left in (root / DRAFTS).iterdir():
                left.unlink()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let others have it."""
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()

    def path(self, shelf: Shelf, key: str) -> Path:
        """Where the object of that key lies, if it does."""
        return self._root / shelf / check_key(key)

    def stat(self, shelf: Shelf, key: str) -> os.stat_result:
        """What lies there now. Raises `NotFound`."""
        try:
            found = self.path(shelf, key).stat()
        except _NO_SUCH:
            raise NotFound from None
        if not stat.S_ISREG(found.st_mode):  # the folder of other keys
            raise NotFound
        return found

    def read(self, shelf: Shelf, key: str, etag: str, start: int, length: int) -> bytes:
        """A piece of a file that has this ETag. Raises `NotFound`, `Changed`."""
        with self._open(shelf, key) as stream:
            if etag_of(os.fstat(stream.fileno())) != etag:
                raise Changed
            return os.pread(stream.fileno(), length, start)

    def draft(self) -> Draft:
        """A new file, not yet anybody's."""
        return Draft(self._new_name())

    def keep(self, draft: Draft, shelf: Shelf, key: str) -> None:
        """Make a draft the object of that key, durably."""
        # The clock of the file system may stand still for milliseconds, and a number of a file that
        # is gone may be given again: with a time of its own every file has an ETag of its own.
        with self._names:
            self._last_moment = moment = max(time.time_ns(), self._last_moment + 1)
        draft.sync(moment)
        self._rename(draft.path, shelf, key)

    def write(self, shelf: Shelf, key: str, data: bytes) -> None:
        """Make an object of *data*."""
        with ExitStack() as stack:
            draft = self.draft()
            stack.callback(draft.drop)
            draft.write(data)
            self.keep(draft, shelf, key)

    def link(self, source: str, etag: str | None, shelf: Shelf, key: str) -> None:
        """Give a file of quarantine a second name, if it has this ETag. Raises `NotFound`,
        `Changed`.

        That is as good as a copy, since a file is never written again under any name.
        """
        name = self._new_name()
        try:
            os.link(self.path(Shelf.QUARANTINE, source), name)
        except _NO_SUCH:
            raise NotFound from None
        try:
            # What was linked is what counts; the first name may lead elsewhere by now.
            if etag is not None and etag_of(name.stat()) != etag:
                raise Changed
            self._rename(name, shelf, key)
        finally:
            name.unlink(missing_ok=True)  # still there if the key had this very file already

    def join(self, parts: Sequence[str], shelf: Shelf, key: str) -> None:
        """Make an object of the parts in quarantine. Raises `NotFound`."""
        if len(parts) == 1:
            self.link(parts[0], None, shelf, key)
            return
        with ExitStack() as stack:
            draft = self.draft()
            stack.callback(draft.drop)
            for part in parts:
                with self._open(Shelf.QUARANTINE, part) as stream:
                    while piece := stream.read(COPY_BYTES):
                        draft.write(piece)
            self.keep(draft, shelf, key)

    def remove(self, shelf: Shelf, key: str) -> None:
        """Remove an object, and folders that are empty then."""
        path = self.path(shelf, key)
        *folders, left = self._folders_of(path)
        with self._names:
            try:
                path.unlink()
            except _NO_SUCH:
                return
            for folder in folders:
                try:
                    folder.rmdir()
                except OSError:  # others lie there
                    left = folder
                    break
        with suppress(FileNotFoundError):  # empty by now, and removed
            _sync_folder(left)

    def walk(self, shelf: Shelf) -> Iterator[tuple[str, int]]:
        """All keys in their order, each with when its file got this name, in ms."""
        return _walk(self._root / shelf, "")

    def risks(self) -> Sequence[Risk]:
        """A shelf that every user of the machine may look into."""
        return [
            Risk(
                f"the folder {self._root / name} is open to every user of this machine"
                f" (mode {mode & 0o777:o}); it must be 700: what was sent is nobody else's"
            )
            for name in (DRAFTS, *Shelf)
            if (mode := (self._root / name).stat().st_mode) & 0o007
        ]

    def check(self) -> None:
        """Raise `OSError` if a shelf is gone."""
        for name in (DRAFTS, *Shelf):
            (self._root / name).stat()

    def _open(self, shelf: Shelf, key: str) -> BinaryIO:
        try:
            stream: BinaryIO = self.path(shelf, key).open("rb", buffering=0)
        except (*_NO_SUCH, IsADirectoryError):
            raise NotFound from None
        return stream

    def _new_name(self) -> Path:
        return self._root / DRAFTS / token_hex(16)

    def _rename(self, name: Path, shelf: Shelf, key: str) -> None:
        """Let a draft take the name of *key*, durably."""
        path = self.path(shelf, key)
        with self._names:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            name.rename(path)
        for folder in self._folders_of(path):
            with suppress(FileNotFoundError):  # removed meanwhile, and the file with it
                _sync_folder(folder)

    def _folders_of(self, path: Path) -> list[Path]:
        """The folders that a file lies in, the shelf's last."""
        shelf = len(self._root.parts) + 1
        return [folder for folder in path.parents if len(folder.parts) >= shelf]


def etag_of(found: os.stat_result) -> str:
    """Every writing makes another file, and gives it a time of its own."""
    return f"{found.st_ino:x}-{found.st_mtime_ns:x}-{found.st_size:x}"


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, int]]:
    try:
        with os.scandir(folder) as entries:
            # A folder counts with its slash: so `a.b` goes before `a/b`, as it does in S3.
            names = sorted(f"{e.name}/" if e.is_dir() else e.name for e in entries)
    except FileNotFoundError:  # removed while we were on the way
        return
    for name in names:
        if name.endswith("/"):
            yield from _walk(folder / name, prefix + name)
        else:
            with suppress(FileNotFoundError):
                yield prefix + name, (folder / name).stat().st_ctime_ns // 1_000_000

"""What is downloaded or built once is whole, however often it was interrupted."""

import asyncio
from pathlib import Path

import pytest

from deploy.engines.cache import cache_folder, keep


class Maker:
    """Makes a folder of two files, and can be made to die after the first."""

    def __init__(self, *, dies: bool = False) -> None:
        self.times = 0
        self.dies = dies

    async def __call__(self, folder: Path) -> None:
        self.times += 1
        await asyncio.to_thread((folder / "one").touch)
        await asyncio.sleep(0)
        if self.dies:
            raise ConnectionResetError("the download broke")
        await asyncio.to_thread((folder / "two").touch)


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir() if not file.name.endswith(".lock")}


async def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    """A second run downloads nothing."""
    maker = Maker()
    await keep(tmp_path / "jars", maker)

    folder = await keep(tmp_path / "jars", maker)

    assert (maker.times, names(folder)) == (1, {"one", "two"})


async def test_what_broke_in_the_middle_is_not_there(tmp_path: Path) -> None:
    """Half a download never has the name of a whole one."""
    with pytest.raises(ConnectionResetError):
        await keep(tmp_path / "jars", Maker(dies=True))

    assert not (tmp_path / "jars").exists()


async def test_what_broke_is_made_anew_and_its_rest_is_gone(tmp_path: Path) -> None:
    """The next run starts from nothing, and what the first left does not lie about."""
    with pytest.raises(ConnectionResetError):
        await keep(tmp_path / "jars", Maker(dies=True))

    folder = await keep(tmp_path / "jars", Maker())

    assert (names(folder), names(tmp_path)) == ({"one", "two"}, {"jars"})


async def test_two_at_once_make_it_once(tmp_path: Path) -> None:
    """The second stack waits for the first and takes what that one made."""
    maker = Maker()

    await asyncio.gather(*(keep(tmp_path / "jars", maker) for _ in range(2)))

    assert maker.times == 1


def test_the_cache_lies_where_the_user_keeps_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    """`XDG_CACHE_HOME` is heeded, so that nothing is ever put into a clone."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")

    assert cache_folder() == Path("/somewhere/order-chat")

"""The worker process: it gets no secrets, has limits on time and memory, and is killed with the task or the bot."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.images import Fitted, ImageClient, Picture, TooLarge, Unreadable, worker_pool
from tests import sample_pictures as samples
from tests.conftest import only_long

ROOT = Path(__file__).parents[2]


def workers() -> list[int]:
    """The process ids of this process's workers, running or not waited for; other tests may leave other children."""
    me = os.getpid()
    children = Path(f"/proc/{me}/task/{me}/children").read_text().split()
    commands = {int(child): Path(f"/proc/{child}/cmdline").read_bytes() for child in children}
    return [child for child, command in commands.items() if not command or b"bot.images.worker" in command]


class Endless:
    """A picture that is never read to its end: a pipe whose writer writes nothing."""

    def __init__(self, folder: Path) -> None:
        self._end: int | None = None
        path = folder / "endless.png"
        os.mkfifo(path)
        self.picture = Picture(path=path, content_type="image/png", extension="png", size=1000)

    async def reader(self) -> int:
        """Wait until a worker has opened the picture; its process id."""
        self._end = await asyncio.to_thread(os.open, self.picture.path, os.O_WRONLY)  # opens when the other end does
        (worker,) = workers()
        return worker

    def close(self) -> None:
        if self._end is not None:
            os.close(self._end)


@pytest.fixture
def endless(tmp_path: Path) -> Iterator[Endless]:
    endless = Endless(tmp_path)
    yield endless
    endless.close()


def order(source: Path, folder: Path, **more: Any) -> dict[str, Any]:
    bounds = {"pixels": 10**8, "seconds": 20, "memory": 1 << 30}
    return {"task": "fit", "sources": [str(source)], "folder": str(folder), "limit": 10**7, **bounds, **more}


def result(order: dict[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "bot.images.worker", json.dumps(order)],
        cwd=ROOT, env={}, capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    found: dict[str, Any] = json.loads(done.stdout)
    return found


async def test_a_worker_gets_no_token_and_is_killed_with_the_task_that_waits_for_it(
    endless: Endless, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "canary-token")
    async with ImageClient(hosts=()) as pictures:
        task = asyncio.create_task(pictures.fit(endless.picture, limit=10, into=tmp_path))
        worker = await endless.reader()
        assert b"canary" not in Path(f"/proc/{worker}/environ").read_bytes()
        assert b"canary" not in Path(f"/proc/{worker}/cmdline").read_bytes()
        own = os.getpriority(os.PRIO_PROCESS, 0)
        assert os.getpriority(os.PRIO_PROCESS, worker) >= min(own + 1, 19)  # 19 is the lowest priority
        assert os.getpgid(worker) != os.getpgid(0), "Ctrl-C does not reach workers"
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert workers() == []
        assert list(tmp_path.iterdir()) == [endless.picture.path]
        fitted = await pictures.fit(_png(tmp_path), limit=1_000, into=tmp_path)
    assert fitted.smaller, "its slot is free again"


async def test_a_worker_is_killed_when_the_bot_closes(endless: Endless, tmp_path: Path) -> None:
    async with ImageClient(hosts=()) as pictures:
        task = asyncio.create_task(pictures.fit(endless.picture, limit=10, into=tmp_path))
        await endless.reader()
    with pytest.raises(Unreadable):
        await task
    assert workers() == []
    assert list(tmp_path.iterdir()) == [endless.picture.path]


async def test_a_worker_that_times_out_is_killed_and_the_next_one_runs(endless: Endless, tmp_path: Path) -> None:
    async with ImageClient(hosts=(), seconds=0.3) as pictures:
        with pytest.raises(Unreadable):
            await pictures.fit(endless.picture, limit=10, into=tmp_path)
        assert workers() == []
        assert list(tmp_path.iterdir()) == [endless.picture.path]
        pictures._workers._seconds = 60
        assert (await pictures.fit(_png(tmp_path), limit=1_000, into=tmp_path)).smaller


@pytest.mark.parametrize(
    ("memory", "error", "reason"),
    [
        pytest.param(1 << 30, "", "", id="enough", marks=only_long),
        pytest.param(60 << 20, "too large", "MemoryError", id="too little"),
    ],
)
def test_a_worker_has_a_memory_limit(tmp_path: Path, memory: int, error: str, reason: str) -> None:
    source = tmp_path / "picture.png"
    source.write_bytes(samples.crafted(4096))
    found = result(order(source, tmp_path, task="thumbnail", edge=64, memory=memory))
    assert found.get("error", "") == error
    assert found.get("reason", "").startswith(reason)


@pytest.mark.parametrize(
    ("edge", "task", "error"),
    [
        (4578, "fit", ""),  # the most pixels that are decoded
        pytest.param(4578, "split", "", marks=only_long),
        pytest.param(4578, "thumbnail", "", marks=only_long),
        pytest.param(4578, "grid", "", marks=only_long),
        (4580, "fit", "too large"),
    ],
)
def test_a_crafted_picture_takes_at_most_256_mib(tmp_path: Path, edge: int, task: str, error: str) -> None:
    source = tmp_path / "picture.png"
    source.write_bytes(samples.crafted(edge))
    bounds = {"pixels": worker_pool.PIXELS, "memory": worker_pool._MEMORY}
    sources = {"sources": [str(source)] * 4} if task == "grid" else {}
    work = order(source, tmp_path, task=task, limit=source.stat().st_size - 1, edge=512, **sources, **bounds)
    program = (
        "import re; from pathlib import Path; from bot.images.worker.__main__ import main; main()\n"
        "print('', re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1], sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(work)],
        cwd=ROOT, env={}, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    found, peak = done.stdout.splitlines()
    assert json.loads(found).get("error", "") == error
    assert int(peak) < 256 * 1024, "KiB of memory at the most"


def test_a_worker_classifies_its_errors(tmp_path: Path) -> None:
    source = tmp_path / "picture.png"
    source.write_bytes(samples.bomb(20_000, 20_000))
    assert result(order(source, tmp_path))["error"] == "too large"
    assert result(order(source, tmp_path, pixels=10**9, limit=20, memory=1 << 28))["error"] in {
        "too large",
        "unreadable",
    }
    source.write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    assert result(order(source, tmp_path))["error"] == "not a picture"
    assert result(order(tmp_path / "gone", tmp_path))["error"] == "unreadable"
    source.write_bytes(samples.png(40, 30))
    assert result(order(source, tmp_path / "gone"))["error"] == "unreadable"
    files = result(order(source, tmp_path))["files"]
    (tmp_path / "1.webp").unlink()
    (tmp_path / "1.webp").symlink_to("/dev/full")
    assert result(order(source, tmp_path))["error"] == "no room"
    assert [(file["width"], file["height"], file["extension"]) for file in files] == [(40, 30, "webp")]


@only_long
async def test_a_size_missing_from_the_header_is_checked_in_the_worker(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(samples.bomb(20_000, 20_000))
    unseen = Picture(path=path, content_type="image/png", extension="png", size=path.stat().st_size)
    async with ImageClient(hosts=()) as pictures:
        ways: list[Callable[[], Awaitable[Fitted | Picture | tuple[Picture, ...]]]] = [
            lambda: pictures.fit(unseen, limit=10, into=tmp_path),
            lambda: pictures.split(unseen, limit_each=10, into=tmp_path),
            lambda: pictures.thumbnail(unseen, into=tmp_path),
        ]
        for way in ways:
            with pytest.raises(TooLarge):
                await way()
    assert list(tmp_path.iterdir()) == [path]


def _png(folder: Path) -> Picture:
    path = folder / "picture.png"
    path.write_bytes(samples.png(64, 64, compress_level=0))
    return Picture(path=path, content_type="image/png", extension="png", size=path.stat().st_size)


def test_a_worker_imports_neither_http_nor_the_rest_of_the_bot() -> None:
    code = "import sys, bot.images.worker.__main__; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert not {"aiohttp", "asyncio", "discord", "msgspec", "PIL"} & set(modules.split())

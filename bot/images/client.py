"""Fetches the pictures of jobs and has them made smaller or cut; never too much of anything."""

import asyncio
import shutil
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import mkdtemp
from typing import IO, Self

import aiohttp
from yarl import URL

from bot.images.download import keep, new_file, room, session
from bot.images.errors import NoRoom, NotAllowed, NotAPicture, NotFour, PictureUnreachable, TooLarge
from bot.images.sniffing import VIDEO, Fitted, Picture
from bot.images.ssrf import NotPublic, on_allow_list, origin, parse, public_socket
from bot.images.worker_pool import PIXELS, Made, Task, WorkerPool

REDIRECTS = 3
LARGEST = 64 * 1024 * 1024
"""Bytes of one fetch: five times the largest that Midjourney was seen to make."""

_MOVED = frozenset({301, 302, 303, 307, 308})


class ImageClient:
    """The door to picture hosts; `async with ImageClient(hosts=...)` opens and closes it.

    An entry of `hosts` is a bare host ("cdn.example.org"): https, exactly this name and port, subdomains need entries
    of their own; or a whole origin ("http://127.0.0.1:9000"), which may also lie at an address that is not
    public. A malformed entry raises `ValueError`.

    `seconds` bounds one fetch from connecting to the last byte, and one worker; `at_once` is the number of fetches side
    by side. Every method makes new files in the folder `into`, which then belong to the caller, and raises a
    `PictureError`, which leaves none.
    """

    def __init__(self, *, hosts: tuple[str, ...], seconds: float = 60.0, at_once: int = 4) -> None:
        self._hosts = frozenset(origin(f"https://{entry}") for entry in hosts if "://" not in entry)
        self._origins = frozenset(origin(entry) for entry in hosts if "://" in entry)
        self._seconds = seconds
        self._places = asyncio.Semaphore(at_once)
        self._workers = WorkerPool(seconds=seconds)
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        # Two sessions, and so two pools of connections: none that was opened for a listed origin serves a mere host.
        self._public = await self._open.enter_async_context(session(socket_factory=public_socket))
        self._listed = await self._open.enter_async_context(session())
        self._open.callback(self._workers.close)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    def is_allowed(self, url: str) -> bool:
        """Whether `url` lies on a listed host, as far as its text tells; nothing is looked up."""
        return on_allow_list(url, self._hosts | self._origins)

    def has_room(self, folder: Path) -> bool:
        """Whether the disk of this folder takes a picture of any size."""
        try:
            return room(folder) >= LARGEST
        except OSError:
            return False

    # --- from afar --------------------------------------------------------------------------------------------------

    async def fetch(self, url: str, *, into: Path, limit: int = LARGEST) -> Picture:
        """Fetch a picture of at most `limit` bytes; at most three redirects are followed, each to a listed host.

        Raises `NotAllowed`, `PictureGone`, `PictureUnreachable`, `NoRoom`, `NotAPicture` or `TooLarge`.
        """
        address = parse(url)
        async with self._places:
            try:
                with new_file(into) as file:
                    async with asyncio.timeout(self._seconds):
                        return await self._download(address, file, limit)
            except aiohttp.ClientConnectorError as error:
                raise (NotAllowed if isinstance(error.os_error, NotPublic) else PictureUnreachable) from error
            except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
                raise PictureUnreachable from error
            except OSError as error:  # of the file: what the network raises is one of those before
                raise NoRoom from error

    async def _download(self, address: URL, file: IO[bytes], limit: int) -> Picture:
        for _ in range(1 + REDIRECTS):
            async with self._session_for(address).get(address, allow_redirects=False) as response:
                if response.status not in _MOVED:
                    return await keep(response, file, limit)
                address = parse(response.headers.get("Location", ""), seen_at=address)
        raise PictureUnreachable

    def _session_for(self, address: URL) -> aiohttp.ClientSession:
        its_origin = str(address.origin())
        if its_origin in self._origins:
            return self._listed
        if its_origin in self._hosts:
            return self._public
        raise NotAllowed

    # --- at hand ----------------------------------------------------------------------------------------------------

    async def fit(self, picture: Picture, *, limit: int, into: Path) -> Fitted:
        """The picture itself where it fits `limit` bytes, unread and unchanged; else the best copy that fits.

        The copy is WebP, or JPEG where WebP cannot be, never larger in pixels, without metadata; of an animation it is
        the first picture. Raises `TooLarge` (a film too), `NotAPicture`, `Unreadable` or `NoRoom`.
        """
        if picture.size <= limit:
            return Fitted(picture=picture)
        if picture.content_type == VIDEO:
            raise TooLarge(picture.size)
        (smaller,), still = await self._make("fit", picture, into, limit=limit)
        return Fitted(picture=smaller, smaller=True, still=still)

    async def split(
        self, picture: Picture, *, limit_each: int, into: Path
    ) -> tuple[Picture, Picture, Picture, Picture]:
        """Cut a grid at its middle into U1, U2, U3 and U4: left and right of the upper half, then of the lower.

        All are PNG where each fits `limit_each` bytes so, else what `fit` would make of them. Where an edge is odd, the
        line in the middle belongs to the right or lower picture. Raises `NotFour` for what moves, and as `fit` does.
        """
        if picture.animated or picture.content_type == VIDEO or 1 in (picture.width, picture.height):
            raise NotFour
        (one, two, three, four), _ = await self._make("split", picture, into, limit=limit_each)
        return one, two, three, four

    async def thumbnail(self, picture: Picture, *, edge: int = 512, into: Path) -> Picture:
        """The picture itself where neither edge is longer than `edge` pixels, else a small still copy (WebP).

        Raises as `fit` does.
        """
        if 0 < max(picture.width, picture.height) <= edge:
            return picture
        if picture.content_type == VIDEO:
            raise NotAPicture
        (small,), _ = await self._make("thumbnail", picture, into, edge=edge)
        return small

    async def _make(self, do: Task, picture: Picture, into: Path, **order: int) -> tuple[list[Picture], bool]:
        if picture.width * picture.height > PIXELS:
            raise TooLarge(picture.size)
        try:
            folder = Path(mkdtemp(dir=into, prefix="made-"))  # a worker that is killed may leave half a file
        except OSError as error:
            raise NoRoom from error
        try:
            answer = await self._workers.carry_out(do, picture, folder, **order)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return [_picture(made) for made in answer.made], answer.still


def _picture(made: Made) -> Picture:
    return Picture(
        path=Path(made.path),
        content_type=made.content_type,
        extension=made.extension,
        size=made.size,
        width=made.width,
        height=made.height,
    )

"""Fetches the pictures of jobs, and has them resized, split or joined, within bounds on size, time and number."""

import asyncio
import shutil
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import mkdtemp
from typing import IO, Self

import aiohttp
from yarl import URL

from bot.images.cdn_links import is_at_discord, is_attachment
from bot.images.download import free_bytes, new_file, new_session, save
from bot.images.errors import NoRoom, NotAllowed, NotAPicture, NotFour, PictureUnreachable, TooLarge
from bot.images.sniffing import VIDEO, Fitted, Picture
from bot.images.ssrf import NotPublic, on_allow_list, origin, parse, public_socket
from bot.images.worker_pool import PIXELS, Task, WorkerFile, WorkerPool

REDIRECTS = 3
LARGEST = 64 * 1024 * 1024
"""Bytes of one fetch at most: five times the largest picture seen from Midjourney."""

_REDIRECT = frozenset({301, 302, 303, 307, 308})


class ImageClient:
    """Fetches, resizes, splits and joins pictures; `async with ImageClient(hosts=...)` opens and closes it.

    An entry of `hosts` is a bare host ("cdn.example.org"): https, exactly this name and port, subdomains need entries
    of their own; or a whole origin ("http://127.0.0.1:9000"), whose address need not be public. A malformed entry
    raises `ValueError`.

    `seconds` is the time limit of one fetch, from connecting to the last byte, and of one worker; `at_once` is the
    number of parallel fetches. Every method creates its files in the folder `into`, where they belong to the caller;
    one that raises a `PictureError` leaves none.
    """

    def __init__(self, *, hosts: tuple[str, ...], seconds: float = 60.0, at_once: int = 4) -> None:
        self._hosts = frozenset(origin(f"https://{entry}") for entry in hosts if "://" not in entry)
        self._origins = frozenset(origin(entry) for entry in hosts if "://" in entry)
        self._seconds = seconds
        self._slots = asyncio.Semaphore(at_once)
        self._workers = WorkerPool(seconds=seconds)
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        # Two sessions, and so two connection pools: a connection to a listed origin is never reused for a bare host.
        self._public = await self._open.enter_async_context(new_session(socket_factory=public_socket))
        self._listed = await self._open.enter_async_context(new_session())
        self._open.callback(self._workers.close)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    def is_allowed(self, url: str) -> bool:
        """Whether the text of `url` names a listed host; no name is resolved."""
        return on_allow_list(url, self._hosts | self._origins)

    def has_room(self, folder: Path) -> bool:
        """Whether the folder's disk has room for a picture of the largest size."""
        try:
            return free_bytes(folder) >= LARGEST
        except OSError:
            return False

    def is_attachment(self, url: str) -> bool:
        """Whether `url` is that of a file that was uploaded to Discord, on a listed host.

        Discord's hosts count where they are listed as bare hosts, and each origin that is listed as a whole.
        """
        try:
            address = parse(url)
        except NotAllowed:
            return False
        at_discord = is_at_discord(address.host) or str(address.origin()) in self._origins
        return at_discord and is_attachment(url) and self.is_allowed(url)

    # --- over the network -------------------------------------------------------------------------------------------

    async def fetch(self, url: str, *, into: Path, limit: int = LARGEST) -> Picture:
        """Fetch a picture of at most `limit` bytes, following up to three redirects, each to a listed host.

        Raises `NotAllowed`, `PictureGone`, `PictureUnreachable`, `NoRoom`, `NotAPicture` or `TooLarge`.
        """
        address = parse(url)
        async with self._slots:
            try:
                with new_file(into) as file:
                    async with asyncio.timeout(self._seconds):
                        return await self._download(address, file, limit)
            except aiohttp.ClientConnectorError as error:
                if isinstance(error.os_error, NotPublic):
                    raise NotAllowed from error
                raise PictureUnreachable from error
            except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
                raise PictureUnreachable from error
            except OSError as error:  # from the file; those of the network are handled above
                raise NoRoom from error

    async def _download(self, address: URL, file: IO[bytes], limit: int) -> Picture:
        for _ in range(1 + REDIRECTS):
            async with self._session_for(address).get(address, allow_redirects=False) as response:
                if response.status not in _REDIRECT:
                    return await save(response, file, limit)
                address = parse(response.headers.get("Location", ""), base=address)
        raise PictureUnreachable

    def _session_for(self, address: URL) -> aiohttp.ClientSession:
        origin = str(address.origin())
        if origin in self._origins:
            return self._listed
        if origin in self._hosts:
            return self._public
        raise NotAllowed

    # --- in a worker ------------------------------------------------------------------------------------------------

    async def fit(self, picture: Picture, *, limit: int, into: Path) -> Fitted:
        """Return the picture itself, unread and unchanged, if it fits `limit` bytes; else the best copy that fits.

        The copy is WebP, or JPEG beyond WebP's limits, never larger in pixels, without metadata; of an animation it is
        the first frame. Raises `TooLarge` (also for a video), `NotAPicture`, `Unreadable` or `NoRoom`.
        """
        if picture.size <= limit:
            return Fitted(picture=picture)
        if picture.content_type == VIDEO:
            raise TooLarge(picture.size)
        (smaller,), still = await self._make("fit", [picture], into, limit=limit)
        return Fitted(picture=smaller, smaller=True, still=still)

    async def split(
        self, picture: Picture, *, limit_each: int, into: Path
    ) -> tuple[Picture, Picture, Picture, Picture]:
        """Split a grid in the middle into U1, U2, U3 and U4: left and right of the upper half, then of the lower.

        All are PNG if each fits `limit_each` bytes, else what `fit` would make of them. Where an edge is odd, the
        middle line belongs to the right or lower picture. Raises `NotFour` for animations and videos, and as `fit`
        does.
        """
        if picture.animated or picture.content_type == VIDEO or 1 in (picture.width, picture.height):
            raise NotFour
        (one, two, three, four), _ = await self._make("split", [picture], into, limit=limit_each)
        return one, two, three, four

    async def grid(self, pictures: Sequence[Picture | None], *, into: Path) -> Picture:
        """Join U1, U2, U3 and U4 into a grid (WebP, or JPEG where that fails) of at most six million pixels.

        A picture that is `None` leaves its quarter grey; at least one is needed. Raises as `fit` does.
        """
        if any(picture.content_type == VIDEO for picture in pictures if picture is not None):
            raise NotAPicture
        (joined,), _ = await self._make("grid", pictures, into)
        return joined

    async def thumbnail(self, picture: Picture, *, edge: int = 512, into: Path) -> Picture:
        """Return the picture itself if neither edge is longer than `edge` pixels, else a small still copy (WebP).

        Raises as `fit` does.
        """
        if 0 < max(picture.width, picture.height) <= edge:
            return picture
        if picture.content_type == VIDEO:
            raise NotAPicture
        (small,), _ = await self._make("thumbnail", [picture], into, edge=edge)
        return small

    async def _make(
        self, task: Task, pictures: Sequence[Picture | None], into: Path, **options: int
    ) -> tuple[list[Picture], bool]:
        """Have a worker do the task; return the new pictures, and whether the source was an animation."""
        for picture in pictures:
            if picture is not None and picture.width * picture.height > PIXELS:
                raise TooLarge(picture.size)
        try:
            folder = Path(mkdtemp(dir=into, prefix="made-"))  # a killed worker may leave partial files in it
        except OSError as error:
            raise NoRoom from error
        try:
            result = await self._workers.run(task, pictures, folder, **options)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return [_picture(file) for file in result.files], result.still


def _picture(file: WorkerFile) -> Picture:
    return Picture(
        path=Path(file.path),
        content_type=file.content_type,
        extension=file.extension,
        size=file.size,
        width=file.width,
        height=file.height,
    )

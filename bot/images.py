"""Fetches the pictures of jobs: from listed hosts only, never from inside our own network, never too much.

The addresses come from a stranger's JSON. Three walls stand one behind the other: the list of hosts, a socket that
refuses every address that is not public (a name may point anywhere, and a resolver is not asked about literal
addresses), and bounds on size, time and number.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Self

import aiohttp
from aiohttp.connector import AddrInfoType
from yarl import URL

from bot.errors import DarkroomError

REDIRECTS = 3
LONGEST_URL = 2048  # as `bot.api` keeps them
PIECE = 64 * 1024
HEAD = 12  # bytes that tell the type; no picture is shorter

_AGENT = "Mozilla/5.0 (compatible; Darkroom)"  # cdn.midjourney.com turns away what does not look like a browser
_ODD = re.compile(r"[^!-~]|\\")  # space, control, not ASCII; and the backslash, which some read as a slash
_ENTRY = re.compile(r"https?://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?/?")
_MOVED = frozenset({301, 302, 303, 307, 308})
_GONE = frozenset({403, 404, 410})  # Discord's links die after a day, with 404 or 403

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_CLOSED = tuple(
    map(
        ipaddress.ip_network,
        # Called global by some of Python's tables, and yet no place for pictures: protocol use and Oracle's metadata,
        # old 6to4 relays, Azure's metadata, site-local.
        ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "fec0::/10"),
    )
)
_KINDS = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png", "png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg", "jpg"),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "image/webp", "webp"),
    (re.compile(rb"GIF8[79]a"), "image/gif", "gif"),
    (re.compile(rb".{4}ftyp(?:iso|mp4|avc1|M4V|dash|MSNV)", re.DOTALL), "video/mp4", "mp4"),  # not avif, heic, mov
)


class PictureError(DarkroomError):
    """The picture could not be fetched."""


class NotAllowed(PictureError):
    """The picture lies on a host that is not on this bot's list (IMAGE_HOSTS)."""


class TooLarge(PictureError):
    """The picture is too large to attach."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        """Bytes: what the host declared, else what had come when it was enough."""


class NotAPicture(PictureError):
    """What came was no picture."""


class PictureGone(PictureError):
    """The picture is no longer there; such links live for about a day."""


class PictureUnreachable(PictureError):
    """The picture's host did not deliver it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A fetched file of `size` bytes at `path`, which now belongs to the caller; its type was read from its bytes."""

    path: Path
    content_type: str
    extension: str
    size: int


class Pictures:
    """The door to picture hosts; `async with Pictures(hosts=...)` opens and closes it.

    An entry of `hosts` is a bare host ("cdn.example.org"): https, exactly this name and port, subdomains need entries
    of their own; or a whole origin ("http://127.0.0.1:9000"), which may also lie at an address that is not
    public. A malformed entry raises `ValueError`.

    `seconds` bounds one fetch from connecting to the last byte; `at_once` is the number of fetches side by side.
    """

    def __init__(self, *, hosts: tuple[str, ...], seconds: float = 60.0, at_once: int = 4) -> None:
        self._hosts = frozenset(_origin(f"https://{entry}") for entry in hosts if "://" not in entry)
        self._origins = frozenset(_origin(entry) for entry in hosts if "://" in entry)
        self._seconds = seconds
        self._places = asyncio.Semaphore(at_once)
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        # Two sessions, and so two pools of connections: none that was opened for a listed origin serves a mere host.
        self._public = await self._open.enter_async_context(_session(socket_factory=public_socket))
        self._listed = await self._open.enter_async_context(_session())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    def is_allowed(self, url: str) -> bool:
        """Whether `url` lies on a listed host, as far as its text tells; nothing is looked up."""
        try:
            return str(_parse(url).origin()) in self._hosts | self._origins
        except NotAllowed:
            return False

    async def fetch(self, url: str, *, into: Path, limit: int) -> Picture:
        """Fetch a picture of at most `limit` bytes to a new file in the folder `into`.

        At most three redirects are followed, each to a listed host. Raises a `PictureError`, and then leaves no file.
        """
        address = _parse(url)
        async with self._places:
            with _new_file(into) as file:
                try:
                    async with asyncio.timeout(self._seconds):
                        return await self._download(address, file, limit)
                except aiohttp.ClientConnectorError as error:
                    raise (NotAllowed if isinstance(error.os_error, NotPublic) else PictureUnreachable) from error
                except (aiohttp.ClientError, OSError) as error:  # a TimeoutError is an OSError
                    raise PictureUnreachable from error

    async def _download(self, address: URL, file: IO[bytes], limit: int) -> Picture:
        for _ in range(1 + REDIRECTS):
            async with self._session_for(address).get(address, allow_redirects=False) as response:
                if response.status not in _MOVED:
                    return await _keep(response, file, limit)
                address = _parse(response.headers.get("Location", ""), seen_at=address)
        raise PictureUnreachable

    def _session_for(self, address: URL) -> aiohttp.ClientSession:
        origin = str(address.origin())
        if origin in self._origins:
            return self._listed
        if origin in self._hosts:
            return self._public
        raise NotAllowed


class NotPublic(OSError):
    """The name led to an address inside some network."""


def public_socket(info: AddrInfoType) -> socket.socket:
    """The last wall: aiohttp asks here for the socket to each address, literal or looked up; raises `NotPublic`."""
    family, kind, protocol, _, address = info
    if not is_public(str(address[0])):
        raise NotPublic
    return socket.socket(family, kind, protocol)


def is_public(address: str) -> bool:
    """Whether a literal IP address is one of the open internet; an IPv4 address inside an IPv6 one counts too."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or any(ip in network for network in _CLOSED))


def _session(socket_factory: Callable[[AddrInfoType], socket.socket] | None = None) -> aiohttp.ClientSession:
    """No cookies, no proxy from the environment, nothing unpacked: a picture needs none, and a bomb needs all."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(socket_factory=socket_factory),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": _AGENT, "Accept": "image/*, video/mp4", "Accept-Encoding": "identity"},
        timeout=aiohttp.ClientTimeout(total=None),  # `Pictures.fetch` bounds all of it
        auto_decompress=False,
        trust_env=False,
    )


def _origin(entry: str) -> str:
    if not _ENTRY.fullmatch(entry.lower()):
        raise ValueError(f"{entry!r} is neither a host nor an origin such as https://cdn.example.org")
    return str(URL(entry).origin())


def _parse(text: str, *, seen_at: URL | None = None) -> URL:
    """The one reading of an address, for the check and for the connection alike; raises `NotAllowed`.

    `seen_at` is where a redirect stood.
    """
    if len(text) > LONGEST_URL or _ODD.search(text):
        raise NotAllowed
    try:
        address = URL(text) if seen_at is None else seen_at.join(URL(text))
    except ValueError:
        raise NotAllowed from None
    if address.scheme not in ("http", "https") or not address.absolute or "@" in address.raw_authority:
        raise NotAllowed
    return address


@contextmanager
def _new_file(folder: Path) -> Iterator[IO[bytes]]:
    """A new file, closed in the end, and removed when something went wrong."""
    with NamedTemporaryFile(dir=folder, prefix="picture-", delete=False) as file:
        try:
            yield file
        except BaseException:
            Path(file.name).unlink()
            raise


async def _keep(response: aiohttp.ClientResponse, file: IO[bytes], limit: int) -> Picture:
    if response.status != 200:
        raise PictureGone if response.status in _GONE else PictureUnreachable
    if response.content_length is not None and response.content_length > limit:
        raise TooLarge(response.content_length)
    head = await _head(response.content)
    content_type, extension = _kind(head)
    size = len(head)
    file.write(head)
    async for piece in response.content.iter_chunked(PIECE):
        size += len(piece)
        if size > limit:
            raise TooLarge(size)
        file.write(piece)  # 64 KiB into the page cache: quicker than the way to a thread and back
    return Picture(path=Path(file.name), content_type=content_type, extension=extension, size=size)


async def _head(body: aiohttp.StreamReader) -> bytes:
    try:
        return await body.readexactly(HEAD)
    except asyncio.IncompleteReadError:
        raise NotAPicture from None


def _kind(head: bytes) -> tuple[str, str]:
    for start, content_type, extension in _KINDS:
        if start.match(head):
            return content_type, extension
    raise NotAPicture

"""Fetches: which hosts are allowed, which addresses are connected, and the limits of one fetch."""

import asyncio
import io
import shutil
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.errors import DarkroomError
from bot.images import (
    LARGEST,
    ImageClient,
    NoRoom,
    NotAllowed,
    NotAPicture,
    NotPublic,
    PictureError,
    PictureGone,
    PictureUnreachable,
    TooLarge,
    is_public,
    public_socket,
)
from bot.images.download import save
from tests import sample_pictures
from tests.disk import largest_file
from tests.table import table

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 500
LIMIT = 10_000
CDN = ("cdn.discordapp.com", "cdn.midjourney.com")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Host:
    """A small picture host with one answer per path; it records every request."""

    def __init__(self) -> None:
        self.answers: dict[str, Handler] = {}
        self.requests: list[web.Request] = []
        self.origin = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        return await self.answers[request.path](request)

    def serves(self, path: str, body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> str:
        async def answer(_: web.Request) -> web.Response:
            return web.Response(body=body, status=status, headers=headers)

        self.answers[path] = answer
        return self.origin + path

    def redirects(self, path: str, location: str, status: int = 302) -> str:
        return self.serves(path, b"", status, {"Location": location})


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    host = Host()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", host.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield host
    await runner.cleanup()


@pytest.fixture
async def pictures(host: Host) -> AsyncIterator[ImageClient]:
    async with ImageClient(hosts=(*CDN, host.origin), seconds=5) as pictures:
        yield pictures


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


@table(
    "url",
    [
        "https://cdn.discordapp.com/attachments/1/2/a.webp?ex=6a200354&is=6a1eb1d4&hm=00&",
        "https://CDN.discordapp.com/a.png",
        "HTTPS://cdn.midjourney.com:443/a/0_0.jpeg",
        "https://cdn.discordapp.com/a.png#@evil.example/",
        "http://127.0.0.1:9000/a.png",
    ],
)
def test_listed_hosts_are_allowed(url: str) -> None:
    assert ImageClient(hosts=(*CDN, "http://127.0.0.1:9000")).is_allowed(url)


@table(
    "url",
    [
        "", "cdn.discordapp.com/a.png", "//cdn.discordapp.com/a.png", "https:cdn.discordapp.com/a", "https:///a.png",
        "http://cdn.discordapp.com/a.png", "ftp://cdn.discordapp.com/a", "file:///etc/passwd",
        "file://cdn.discordapp.com/",
        "data:image/png;base64,AAAA", "javascript:alert(1)", "gopher://cdn.discordapp.com/", "https://cdn.discordapp.com.",
        "https://cdn.discordapp.com./a.png", "https://cdn.discordapp.com:8443/a", "https://cdn.discordapp.com:0/a",
        "https://cdn.discordapp.com:99999/a", "https://user@cdn.discordapp.com/a", "https://u:p@cdn.discordapp.com/a",
        "https://cdn.discordapp.com@evil.example/a", "https://evil.example/cdn.discordapp.com",
        "https://evil.example#cdn.discordapp.com", "https://evil.example\\@cdn.discordapp.com/a",
        "https://cdn.discordapp.com\\@evil.example/a", "https://cdn.discordapp.com/a\\b", "https://a.cdn.discordapp.com/a",
        "https://cdn.discordapp.com.evil.example/a", "https://evilcdn.discordapp.com/a", "https://discordapp.com/a",
        "https://ｃdn.discordapp.com/a", "https://сdn.discordapp.com/a", "https://cdn。discordapp.com/a",
        "https://cdn%2ediscordapp.com/a", "https://cdn.discordapp.com%00.evil.example/", "https://cdn.discordapp.com\t/a",
        " https://cdn.discordapp.com/a", "https://cdn.discordapp.com/a b", "https://cdn.discordapp.com/\r\nX: y",
        "https://cdn.discordapp.com/" + "x" * 3000, "https://[cdn.discordapp.com]/a", "https://[::1/a", "http://127.0.0.1/",
        "http://127.0.0.1:9001/", "https://127.0.0.1:9000/", "http://127.1:9000/", "http://localhost:9000/",
        "http://①②⑦.⓪.⓪.①:9000/", "http://0x7f.1:9000/", "http://2130706433:9000/", "http://[::ffff:127.0.0.1]:9000/",
        "http://[::1]:9000/", "http://169.254.169.254/latest/meta-data/",
    ],
)  # fmt: skip
def test_all_other_urls_are_refused(url: str) -> None:
    assert not ImageClient(hosts=(*CDN, "http://127.0.0.1:9000")).is_allowed(url)


@table("entry", ["", "*.discordapp.com", "a b", "ftp://a.example", "https://a.example/x", "u@a.example", "a?b"])
def test_a_list_with_a_malformed_entry_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="neither a host nor an origin"):
        ImageClient(hosts=(*CDN, entry))


@table("address", ["8.8.8.8", "162.159.133.233", "2606:4700::1", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_internet_addresses_are_public(address: str) -> None:
    assert is_public(address)


@table(
    "address",
    [
        "127.0.0.1", "127.8.9.1", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "100.100.100.200",
        "169.254.169.254", "192.0.0.192", "192.0.2.1", "192.88.99.1", "198.18.0.1", "168.63.129.16", "224.0.0.1",
        "240.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "::ffff:a9fe:a9fe", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1", "2001::1",
        "2001:db8::1", "100::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
    ],
)  # fmt: skip
def test_internal_addresses_are_not_public_and_get_no_socket(address: str) -> None:
    assert not is_public(address)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with pytest.raises(NotPublic):
        public_socket((family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, 443)))


@pytest.mark.parametrize(
    "name", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0"]
)
async def test_a_listed_name_with_an_internal_address_is_not_connected(name: str, tmp_path: Path) -> None:
    connections: list[asyncio.StreamWriter] = []

    def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, ImageClient(hosts=(f"{name}:{port}",)) as pictures:
        url = f"https://{name}:{port}/a.png"
        assert pictures.is_allowed(url)
        with pytest.raises(NotAllowed):
            await pictures.fetch(url, into=tmp_path, limit=LIMIT)
    assert connections == []
    assert files_in(tmp_path) == []


async def test_a_listed_origin_exempts_no_other_origin_on_its_port(host: Host, tmp_path: Path) -> None:
    port = host.origin.rpartition(":")[2]
    async with ImageClient(hosts=(host.origin, f"127.0.0.1:{port}", f"localhost:{port}")) as pictures:
        await pictures.fetch(host.serves("/a", PNG), into=tmp_path, limit=LIMIT)
        for url in (f"https://127.0.0.1:{port}/a", f"https://localhost:{port}/a"):
            with pytest.raises(NotAllowed):
                await pictures.fetch(url, into=tmp_path, limit=LIMIT)
    assert len(host.requests) == 1


@pytest.mark.parametrize(
    ("start", "content_type", "extension"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png", "png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg", "jpg"),
        (b"RIFF\n\x10\r\0WEBPVP8 ", "image/webp", "webp"),
        (b"GIF89a", "image/gif", "gif"),
        (b"\0\0\0\x20ftypisom", "video/mp4", "mp4"),
        (b"\0\0\0\x18ftypmp42", "video/mp4", "mp4"),
    ],
)
async def test_the_type_is_read_from_the_bytes(
    host: Host, pictures: ImageClient, tmp_path: Path, start: bytes, content_type: str, extension: str
) -> None:
    body = start + bytes(range(256)) * 30
    url = host.serves("/a", body, headers={"Content-Type": "text/html"})
    picture = await pictures.fetch(url, into=tmp_path, limit=LIMIT)
    assert (picture.content_type, picture.extension, picture.size) == (content_type, extension, len(body))
    assert picture.path.read_bytes() == body
    assert files_in(tmp_path) == [picture.path]


async def test_a_gif_named_and_declared_as_png_is_a_gif(host: Host, pictures: ImageClient, tmp_path: Path) -> None:
    url = host.serves("/a.png", sample_pictures.gif(40, 30, frames=3), headers={"Content-Type": "image/png"})
    picture = await pictures.fetch(url, into=tmp_path)
    assert (picture.content_type, picture.extension, picture.animated) == ("image/gif", "gif", True)
    assert (picture.width, picture.height) == (40, 30)


async def test_a_body_over_64_mib_is_refused(host: Host, pictures: ImageClient, tmp_path: Path) -> None:
    async def promise(_: web.Request) -> web.StreamResponse:
        return web.Response(headers={"Content-Length": str(LARGEST + 1)})

    host.answers["/a"] = promise
    with pytest.raises(TooLarge) as caught:
        await pictures.fetch(host.origin + "/a", into=tmp_path)
    assert caught.value.size == 64 * 1024 * 1024 + 1


async def test_a_full_disk_is_not_mistaken_for_a_failing_host(
    host: Host, pictures: ImageClient, tmp_path: Path
) -> None:
    with pytest.raises(NoRoom):
        await pictures.fetch(host.serves("/a", PNG), into=tmp_path / "gone")
    url = host.serves("/b", PNG + bytes(2_000_000))
    with largest_file(1_000_000), pytest.raises(NoRoom):
        await pictures.fetch(url, into=tmp_path)
    free = shutil.disk_usage(tmp_path).free
    host.serves("/c", PNG, headers={"Content-Length": str(free - 1_000_000)})
    async with ImageClient(hosts=(host.origin,)) as generous:
        with pytest.raises(NoRoom):
            await generous.fetch(host.origin + "/c", into=tmp_path, limit=2 * free)
    assert files_in(tmp_path) == []


class SlowDisk(io.BytesIO):
    """A file whose write blocks until the test lets it continue."""

    def __init__(self, name: Path) -> None:
        super().__init__()
        self.name = str(name)
        self.started, self.may_continue = threading.Event(), threading.Event()

    def writelines(self, lines: Iterable[Any], /) -> None:
        self.started.set()
        assert self.may_continue.wait(5), "the event loop is blocked by the write"
        super().writelines(lines)


async def test_a_slow_disk_does_not_block_the_event_loop(host: Host, tmp_path: Path) -> None:
    data = PNG + bytes(3_000_000)
    disk = SlowDisk(tmp_path)
    async with aiohttp.ClientSession() as session, session.get(host.serves("/a", data)) as response:
        saving = asyncio.create_task(save(response, disk, len(data)))
        assert await asyncio.to_thread(disk.started.wait, 5)
        disk.may_continue.set()
        assert (await saving).size == len(data)
    assert disk.getvalue() == data


async def test_a_request_carries_no_cookies_and_no_identity(host: Host, pictures: ImageClient, tmp_path: Path) -> None:
    for path in ("/a", "/b"):
        url = host.serves(path, PNG, headers={"Set-Cookie": "id=1; Path=/"})
        await pictures.fetch(url, into=tmp_path, limit=LIMIT)
    headers = host.requests[1].headers
    assert headers["User-Agent"] == "Mozilla/5.0 (compatible; Darkroom)"
    assert headers["Accept-Encoding"] == "identity"
    assert not {"Cookie", "Authorization", "Referer"} & set(headers)


@pytest.mark.parametrize(
    ("body", "status", "headers", "outcome"),
    [
        (b"", 200, {}, NotAPicture),
        (b"GIF89a", 200, {}, NotAPicture),
        (b"<html><body>Sign in</body></html>", 200, {"Content-Type": "image/png"}, NotAPicture),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", 200, {"Content-Type": "image/svg+xml"}, NotAPicture),
        (b"\0\0\0\x20ftypavif" + b"\0" * 99, 200, {"Content-Type": "video/mp4"}, NotAPicture),
        (b"RIFF\0\0\0\0WAVEfmt ", 200, {"Content-Type": "image/webp"}, NotAPicture),
        (b"\x1f\x8b\x08" + b"\0" * 99, 200, {"Content-Encoding": "gzip"}, NotAPicture),
        (b"This content is no longer available.", 404, {}, PictureGone),
        (b"", 403, {}, PictureGone),
        (PNG, 410, {}, PictureGone),
        (PNG, 500, {}, PictureUnreachable),
        (PNG, 429, {}, PictureUnreachable),
        (PNG, 206, {}, PictureUnreachable),
        (b"", 304, {}, PictureUnreachable),
    ],
)
async def test_each_bad_response_raises_its_error_and_leaves_no_file(
    host: Host,
    pictures: ImageClient,
    tmp_path: Path,
    body: bytes,
    status: int,
    headers: dict[str, str],
    outcome: type[PictureError],
) -> None:
    with pytest.raises(PictureError) as caught:
        await pictures.fetch(host.serves("/a", body, status, headers), into=tmp_path, limit=LIMIT)
    assert type(caught.value) is outcome
    assert str(caught.value) == outcome.sentence()
    assert isinstance(caught.value, DarkroomError)
    assert files_in(tmp_path) == []


async def test_a_picture_of_exactly_the_limit_is_saved_and_one_byte_more_is_not(
    host: Host, pictures: ImageClient, tmp_path: Path
) -> None:
    picture = await pictures.fetch(host.serves("/a", PNG), into=tmp_path, limit=len(PNG))
    picture.path.unlink()
    with pytest.raises(TooLarge) as caught:
        await pictures.fetch(host.serves("/a", PNG), into=tmp_path, limit=len(PNG) - 1)
    assert caught.value.size == len(PNG)
    assert files_in(tmp_path) == []


async def test_a_body_declared_too_large_is_not_read(host: Host, pictures: ImageClient, tmp_path: Path) -> None:
    async def promise(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "5000000"})
        await response.prepare(request)
        await asyncio.Event().wait()
        return response

    host.answers["/a"] = promise
    with pytest.raises(TooLarge) as caught:
        await pictures.fetch(host.origin + "/a", into=tmp_path, limit=LIMIT)
    assert caught.value.size == 5_000_000
    assert files_in(tmp_path) == []


async def test_a_body_without_a_length_is_aborted_at_the_limit(
    host: Host, pictures: ImageClient, tmp_path: Path
) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(PNG)
        while True:
            await response.write(b"\0" * 65536)

    host.answers["/a"] = endless
    with pytest.raises(TooLarge) as caught:
        await pictures.fetch(host.origin + "/a", into=tmp_path, limit=200_000)
    assert 200_000 < caught.value.size < 400_000
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("length", [100, len(PNG) + 100])
async def test_a_wrong_content_length_is_unreachable(tmp_path: Path, length: int) -> None:
    async def lie(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length + PNG)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(lie, "127.0.0.1", 0) as server:
        origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with ImageClient(hosts=(origin,)) as pictures:
            with pytest.raises(PictureUnreachable):
                await pictures.fetch(origin, into=tmp_path, limit=LIMIT)
    assert files_in(tmp_path) == []


async def test_a_slow_body_is_aborted_at_the_time_limit(host: Host, tmp_path: Path) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(PNG)
        while True:
            await response.write(b"\0")
            await asyncio.sleep(0.02)

    host.answers["/a"] = drip
    async with ImageClient(hosts=(host.origin,), seconds=0.2) as pictures:
        with pytest.raises(PictureUnreachable):
            await pictures.fetch(host.origin + "/a", into=tmp_path, limit=LIMIT)
    assert files_in(tmp_path) == []


async def test_a_reset_and_a_closed_port_are_unreachable(host: Host, tmp_path: Path, unused_tcp_port: int) -> None:
    async def abort(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "5000"})
        await response.prepare(request)
        await response.write(PNG)
        assert request.transport is not None
        request.transport.abort()
        return response

    host.answers["/a"] = abort
    closed = f"http://127.0.0.1:{unused_tcp_port}"
    async with ImageClient(hosts=(host.origin, closed)) as pictures:
        for url in (host.origin + "/a", closed):
            with pytest.raises(PictureUnreachable):
                await pictures.fetch(url, into=tmp_path, limit=LIMIT)
    assert files_in(tmp_path) == []


async def test_a_cancelled_fetch_leaves_no_file(host: Host, pictures: ImageClient, tmp_path: Path) -> None:
    arrived = asyncio.Event()

    async def stall(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(PNG)
        arrived.set()
        await asyncio.Event().wait()
        return response

    host.answers["/a"] = stall
    fetch = asyncio.create_task(pictures.fetch(host.origin + "/a", into=tmp_path, limit=LIMIT))
    await arrived.wait()
    fetch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetch
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_three_redirects_are_followed_and_four_are_not(
    host: Host, pictures: ImageClient, tmp_path: Path, status: int
) -> None:
    host.serves("/4", PNG)
    for step in (1, 2, 3):
        host.redirects(f"/{step}", f"/{step + 1}", status)
    await pictures.fetch(host.origin + "/1", into=tmp_path, limit=LIMIT)
    host.redirects("/0", host.origin + "/1", status)
    with pytest.raises(PictureUnreachable):
        await pictures.fetch(host.origin + "/0", into=tmp_path, limit=LIMIT)
    assert len(files_in(tmp_path)) == 1


@pytest.mark.parametrize(
    "location",
    [
        "https://evil.example/a.png", "//evil.example/a.png", "http://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "http://localhost/", "http://cdn.discordapp.com/a.png", "https://u:p@cdn.discordapp.com/a",
        "\\\\evil.example\\a", "https://[", "http://127.0.0.1:1/a", "http://①②⑦.⓪.⓪.①/",
    ],
)  # fmt: skip
async def test_a_redirect_to_a_host_that_is_not_listed_is_not_followed(
    host: Host, pictures: ImageClient, tmp_path: Path, location: str
) -> None:
    with pytest.raises(NotAllowed):
        await pictures.fetch(host.redirects("/a", location), into=tmp_path, limit=LIMIT)
    assert len(host.requests) == 1
    assert files_in(tmp_path) == []


async def test_a_redirect_without_a_location_is_unreachable(host: Host, pictures: ImageClient, tmp_path: Path) -> None:
    with pytest.raises(PictureUnreachable):
        await pictures.fetch(host.serves("/a", b"", 302), into=tmp_path, limit=LIMIT)


async def test_a_refused_url_is_never_requested(pictures: ImageClient, host: Host, tmp_path: Path) -> None:
    for url in ("file:///etc/passwd", host.origin.replace("http", "https"), "http://localhost/", ""):
        with pytest.raises(NotAllowed):
            await pictures.fetch(url, into=tmp_path, limit=LIMIT)
    assert host.requests == []
    assert files_in(tmp_path) == []


async def test_four_fetches_run_in_parallel_and_the_fifth_waits(
    host: Host, pictures: ImageClient, tmp_path: Path
) -> None:
    four, gate = asyncio.Event(), asyncio.Event()

    async def stall(_: web.Request) -> web.Response:
        if len(host.requests) == 4:
            four.set()
        await gate.wait()
        return web.Response(body=PNG)

    host.answers["/a"] = stall
    fetches = [asyncio.create_task(pictures.fetch(host.origin + "/a", into=tmp_path, limit=LIMIT)) for _ in range(6)]
    await four.wait()
    await asyncio.sleep(0.05)  # time for a fifth request to arrive
    assert len(host.requests) == 4
    gate.set()
    await asyncio.gather(*fetches)
    assert len(files_in(tmp_path)) == len(host.requests) == 6

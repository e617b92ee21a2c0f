"""A forge that knows one repository's newest release, on loopback."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from aiohttp import web

from tests.ports import free_port


class FakeReleases:
    """Answers `/releases/latest` with a redirect to the page of `newest`, as GitHub does; `None` is no release."""

    def __init__(self, origin: str) -> None:
        self.repository = f"{origin}/owner/name"
        self.newest: str | None = None
        self.requests: list[Mapping[str, str]] = []
        """The headers of each request."""

    async def latest(self, request: web.Request) -> web.Response:
        self.requests.append(dict(request.headers))
        page = f"{self.repository}/releases" + ("" if self.newest is None else f"/tag/v{self.newest}")
        return web.Response(status=302, headers={"Location": page})


@asynccontextmanager
async def fake_releases() -> AsyncIterator[FakeReleases]:
    port = free_port()
    fake = FakeReleases(f"http://127.0.0.1:{port}")
    app = web.Application()
    app.router.add_get("/owner/name/releases/latest", fake.latest)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield fake
    finally:
        await runner.cleanup()

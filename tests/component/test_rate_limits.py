"""Discord's limits: invalid answers in ten minutes, IDENTIFYs in a day."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from bot.delivery.answer_slots import AnswerSlots
from bot.delivery.rate_limits import DiscordRateLimits, pause_before_identify
from tests.conftest import only_long

Get = Callable[[str], Coroutine[None, None, None]]


@asynccontextmanager
async def discord(rate_limits: DiscordRateLimits, status: int = 200) -> AsyncIterator[tuple[Get, list[float]]]:
    """Yields a function that requests a path from a small server through `rate_limits`, and when that was."""
    times: list[float] = []

    async def answer(_: web.Request) -> web.Response:
        times.append(asyncio.get_running_loop().time())
        return web.Response(status=status)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        async with aiohttp.ClientSession(trace_configs=[rate_limits.trace]) as session:

            async def ask(path: str) -> None:
                async with session.get(f"http://{host}:{port}/api/v10/{path}"):
                    pass

            yield ask, times
    finally:
        await runner.cleanup()


async def ask(rate_limits: DiscordRateLimits, status: int, times: int) -> None:
    async with discord(rate_limits, status) as (get, _):
        for _ in range(times):
            await get("webhooks/1/token")


@pytest.mark.parametrize("status", [pytest.param(401, marks=only_long), 403, pytest.param(429, marks=only_long)])
async def test_many_invalid_answers_slow_messages_down_long_before_discord_bans_the_address(status: int) -> None:
    rate_limits = DiscordRateLimits()
    await ask(rate_limits, status, 499)
    assert rate_limits.spacing == 1 / 48
    await ask(rate_limits, status, 1)
    assert rate_limits.spacing == 1.0
    assert 500 + 600 / rate_limits.spacing < 10_000, "even if every further request is invalid"


async def test_other_answers_do_not_count() -> None:
    rate_limits = DiscordRateLimits()
    await ask(rate_limits, 404, 3)
    await ask(rate_limits, 500, 3)
    await ask(rate_limits, 200, 3)
    assert rate_limits.invalid == 0


async def test_requests_that_come_in_a_burst_are_spaced() -> None:
    async with discord(DiscordRateLimits()) as (get, times):
        await asyncio.gather(*(get(f"channels/{number}/messages") for number in range(20)))
    # Discord allows 50 a second. When they arrive says it well enough: the first may be held up on its way.
    assert max(times) - min(times) > 15 / 50


async def test_an_answer_to_a_person_waits_for_no_other_request() -> None:
    async with discord(DiscordRateLimits()) as (get, times):
        posts = [asyncio.create_task(get(f"channels/{number}/messages")) for number in range(20)]
        await asyncio.gather(get("interactions/1/token/callback"), get("webhooks/1/token"))
        assert len(times) < 10
        await asyncio.gather(*posts)


class SlowDiscord:
    """A small server that takes a while for each answer, and counts how many requests are under way."""

    def __init__(self) -> None:
        self.under_way = self.most = 0
        self.served: list[str] = []
        self.silent = False
        self.arrived = asyncio.Event()

    async def answer(self, request: web.Request) -> web.Response:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        self.arrived.set()
        if self.silent:
            await asyncio.Event().wait()
        await asyncio.sleep(0.01)
        self.under_way -= 1
        self.served.append(request.path)
        return web.Response()


@asynccontextmanager
async def slow_discord(slots: AnswerSlots) -> AsyncIterator[tuple[Get, SlowDiscord]]:
    """Yields a function that posts to a path of a small server, within `slots`, and that server."""
    server = SlowDiscord()
    app = web.Application()
    app.router.add_post("/{path:.*}", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    trace = aiohttp.TraceConfig()
    slots.follow(trace)
    try:
        connections = aiohttp.TCPConnector(limit=0)  # as discord.py's
        async with aiohttp.ClientSession(trace_configs=[trace], connector=connections) as session:

            async def post(path: str) -> None:
                async with session.post(f"http://{host}:{port}/{path}"):
                    pass

            yield post, server
    finally:
        await runner.cleanup()


@asynccontextmanager
async def unanswered(request: Coroutine[None, None, None], server: SlowDiscord) -> AsyncIterator[None]:
    """A request that the server leaves unanswered, until its sender gives up at the end."""
    server.silent = True
    sending = asyncio.create_task(request)
    await server.arrived.wait()
    server.silent = False
    yield
    sending.cancel()


async def test_answers_to_a_crowd_take_few_connections_and_come_in_order() -> None:
    async with slow_discord(AnswerSlots(at_once=3, longest_wait=30)) as (post, server):
        await asyncio.gather(*(post(f"interactions/{number:02}/token/callback") for number in range(30)))
        assert server.most == 3
        numbers = [int(path.split("/")[2]) for path in server.served]
        assert all(abs(number - rank) < 3 for rank, number in enumerate(numbers))


async def test_first_answers_wait_for_no_later_ones() -> None:
    slots = AnswerSlots(at_once=1, longest_wait=30)
    async with slow_discord(slots) as (post, server), unanswered(post("webhooks/1/token"), server):
        await post("interactions/1/token/callback")


async def test_answers_that_discord_ignores_delay_no_others() -> None:
    async with slow_discord(AnswerSlots(at_once=1, longest_wait=0.05)) as (post, server):
        async with unanswered(post("interactions/1/token/callback"), server):
            await post("interactions/9/token/callback")
        assert server.served == ["/interactions/9/token/callback"]


async def test_an_answer_that_is_given_up_makes_room_for_the_next() -> None:
    async with slow_discord(AnswerSlots(at_once=1, longest_wait=30)) as (post, server):
        async with unanswered(post("interactions/1/token/callback"), server):
            waiting = asyncio.create_task(post("interactions/2/token/callback"))
            await asyncio.sleep(0)
        await waiting
        assert server.served == ["/interactions/2/token/callback"]


def test_a_bot_that_is_restarted_over_and_over_keeps_its_token() -> None:
    remaining, clock, day = 1000, 0.0, 86_400.0
    while clock < day and remaining:
        clock += 1.0 + pause_before_identify(remaining, day - clock)  # crashes one second after each start
        remaining -= 1
    assert remaining >= 1 or clock >= day


def test_a_bot_with_enough_starts_left_does_not_wait() -> None:
    assert pause_before_identify(1000, 80_000) == 0
    assert pause_before_identify(201, 80_000) == 0


def test_a_bot_with_none_left_waits_for_the_new_day() -> None:
    assert pause_before_identify(0, 7_200) == 7_200

"""`python -m bot.demo`: the unchanged bot in a pretend Discord in the browser, following jobs of a pretend useapi.

No account, no internet, nothing kept: both far ends run inside this process, on loopback, and end with it.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import threading
import time
import webbrowser
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import discord
import simcord

from bot import logs
from bot.app import open_darkroom
from bot.demo.useapi import FakeUseapi
from bot.errors import StartError
from bot.settings import Secret, Settings

_TICK = 0.5  # real seconds between two turns of the driver
_POLL = 4.0
_SETTLE = 30.0  # seconds that one click, or one turn, may take
_TOKEN = "demo-token"  # noqa: S105 -- it opens nothing

_WELCOME = """\
# Welcome to Darkroom
Nothing here is real: no account, no internet, nothing to pay. Type `/job`, press Enter, paste one of these ids, \
press Enter again, and watch. What is new comes below. *Viewing as*, top left, makes you another person: Mira is a \
moderator, Ada has the press role, Bo has neither.
"""
_JOBS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("a picture that takes half a minute", {"prompt": "a castle in the fog, ink wash --ar 1:1"}),
    ("one that Midjourney declines", {"prompt": "a quiet street at night", "ends": "moderated", "duration": 8.0}),
    ("one that is done already", {"prompt": "a lighthouse at dawn, gouache", "age": 600.0}),
    ("four prompts for a picture (describe)", {"verb": "describe"}),
)


async def demo(port: int, *, speed: float, browser: bool) -> None:
    """Serve the demo until it is cancelled; print its address, and open it where there is a browser.

    Raises `StartError` where the port cannot be had.
    """
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="darkroom-demo-"))
        clock: list[Any] = []  # the pretend Discord's clock, which does not exist before the bot it is made for
        useapi = await stack.enter_async_context(
            FakeUseapi(token=_TOKEN, refresh=2.0, speed=speed, now=lambda: clock[0].now().timestamp())
        )
        bot = await stack.enter_async_context(open_darkroom(_settings(useapi, Path(folder))))
        env = simcord.Env(bot, shard_count=1, check_errors=False, settle_timeout=_SETTLE)
        # By itself simcord also lets short sleeps pass in real time, and a click waits for all of them. Here time is
        # the driver's alone, so a click is done when the bot has nothing left to do but to wait for it.
        env._schedule_timer = lambda *_: None  # type: ignore[method-assign]  # simcord is pinned
        clock.append(env)
        await env.start()
        stack.push_async_callback(env.shutdown)
        assert bot.user is not None
        await bot.user.edit(username="Darkroom")
        guild = env.create_guild("Studio")
        channel = guild.create_text_channel("pictures")
        rights = discord.Permissions(manage_messages=True, manage_guild=True)
        moderators = guild.create_role("Moderators", permissions=rights)
        makers = guild.create_role("Makers")
        await bot.store.change_settings(guild.id, press_role=makers.id)
        mira = guild.add_member(env.create_user("Mira"), roles=[moderators])
        ada = guild.add_member(env.create_user("Ada"), roles=[makers])
        bo = guild.add_member(env.create_user("Bo"))
        await mira.send(channel, _welcome(useapi))
        try:
            preview = await stack.enter_async_context(
                env.preview(channel, viewers=[mira, ada, bo], layout="channel", port=port or None)
            )
        except simcord.SetupError:
            if not port:
                raise
            raise StartError(
                f"The demo cannot have port {port}. Is something else on it? Choose another, from 1 to 65535, or none: "
                "then it takes a free one."
            ) from None
        print(f"Darkroom's demo: {preview.url}\nCtrl-C ends it.", flush=True)  # noqa: T201 -- for a person
        if browser and _has_screen():  # some browsers return only when they are closed: nobody waits for that
            threading.Thread(target=webbrowser.open, args=(preview.url,), daemon=True).start()
        await _drive(env, channel, preview)


def _has_screen() -> bool:
    """Whether a browser can open a window; one without windows, such as w3m, would take the terminal away."""
    return sys.platform in {"darwin", "win32"} or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")))


def _settings(useapi: FakeUseapi, folder: Path) -> Settings:
    return Settings(
        discord_token=Secret("demo"),
        useapi_token=Secret(_TOKEN),
        allowed_guilds=None,
        useapi_url=useapi.url,
        image_hosts=(useapi.origin,),
        data_dir=folder,
        poll_seconds=_POLL,
    )


def _welcome(useapi: FakeUseapi) -> str:
    lines = []
    for text, options in _JOBS:
        jobid = useapi.add_job(**options) if "age" in options else useapi.add_job(starts_when_polled=True, **options)
        lines.append(f"- {text}\n`{jobid}`")
    return _WELCOME + "\n".join(lines)


async def _drive(env: Any, channel: Any, preview: Any) -> None:
    """Let time pass in the pretend Discord as it passes here, and renew the page when a message changed.

    Its clock stands still by itself. It does one thing at a time, and refuses a click that meets another, so clicks
    wait for this driver and the driver for clicks.
    """
    turn = asyncio.Lock()
    act = preview._action  # the only place where a click can be made to wait; the version of simcord is pinned

    async def act_in_turn(context: Any, body: dict[str, Any]) -> Any:
        async with turn:
            preview._advance_presentation_time()  # else the page shows what a click made with the last turn's time
            # The page may have been renewed since the person aimed: what they pressed counts, not when it was drawn.
            now_shown = {"published_revision": preview._get_page(context).revision}
            return await act(context, {**body, **now_shown} if "published_revision" in body else body)

    preview._action = act_in_turn
    then = time.monotonic()
    shown = _looks(channel)
    while True:
        await asyncio.sleep(_TICK)
        async with turn:
            now = time.monotonic()
            with contextlib.suppress(TimeoutError):  # the bot is busy with something long; the next turn catches up
                await env.advance_time(now - then)
                then = now
                if (looks := _looks(channel)) != shown:
                    await preview.refresh()
                    shown = looks


def _looks(channel: Any) -> list[tuple[int, object]]:
    return [(message.id, message.edited_at) for message in channel.history()]


def main() -> int:
    """Read the command line and serve; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bot.demo", description="Try Darkroom in a browser.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--speed", type=float, default=1.0, help="how much faster than real the pretend jobs run")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    arguments = parser.parse_args()
    logs.set_up("ERROR", ())
    try:
        asyncio.run(_until_stopped(demo(arguments.port, speed=arguments.speed, browser=not arguments.no_browser)))
    except StartError as error:
        print(error, file=sys.stderr)  # noqa: T201 -- the last thing on the screen is for a person
        return 1
    except KeyboardInterrupt:
        pass
    return 0


async def _until_stopped(work: Coroutine[Any, Any, None]) -> None:
    serving = asyncio.ensure_future(work)
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await serving


if __name__ == "__main__":
    sys.exit(main())

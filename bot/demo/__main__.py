"""`python -m bot demo`: the unchanged bot in a simulated Discord in the browser, with jobs of a fake provider.

It needs no account and no internet, and keeps nothing: both servers run inside this process, on loopback.
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
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import discord
import simcord

from bot import logs
from bot.app import open_darkroom
from bot.demo.midjourney_proxy import FakeMidjourneyProxy
from bot.demo.preview import explain_address, hide_answered_errors, keep_pictures, paint_mentions, serve_uploads
from bot.demo.useapi import FakeUseapi
from bot.errors import StartError
from bot.installation import command_name
from bot.models import ProviderName
from bot.settings import UPDATE_CHECK_OFF, Secret, Settings

_TICK = 0.5  # real seconds between two steps of the driver
_POLL_SECONDS = 4.0
_SETTLE_SECONDS = 30.0  # at most, for one click or one step
_TOKEN = "demo-token"  # noqa: S105 -- it opens nothing

_WELCOME = """\
# Welcome to Darkroom
Nothing here is real: no account, no internet, nothing to pay. Type `/imagine`, press Enter twice, describe a \
picture, such as `a lighthouse at dusk --ar 3:2` or `a castle in the snow`, press Enter again, and watch: new messages \
appear below. `/job` takes one of these ids.
-# The bar on top is not Discord's: it belongs to SimCord, which plays Discord here. You need only *Viewing as*, which \
makes you another person: Mira is a moderator, Ada has the role that may start jobs and press buttons, Bo has neither.

{}
"""
_JOBS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("a picture that takes half a minute", {"prompt": "a castle in the fog, ink wash --ar 1:1"}),
    ("one that Midjourney declines", {"prompt": "a quiet street at night", "ends": "moderated", "duration": 8.0}),
    ("one that is already finished", {"prompt": "a lighthouse at dawn, gouache", "age": 600.0}),
    ("four prompts for a picture (describe)", {"verb": "describe"}),
)

_FakeProvider: TypeAlias = FakeUseapi | FakeMidjourneyProxy


async def demo(port: int, *, speed: float, browser: bool, provider: ProviderName = ProviderName.USEAPI) -> None:
    """Serve the demo until it is cancelled; print its URL, and open it where there is a browser.

    `provider` is the one whose fake the jobs are at.

    Raises `StartError` where the port is not available.
    """
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="darkroom-demo-"))
        clock: list[Any] = []  # of the simulated Discord, which is created after the bot that it is for
        kind = FakeUseapi if provider is ProviderName.USEAPI else FakeMidjourneyProxy
        fake: _FakeProvider = kind(
            token=_TOKEN, refresh=2.0, speed=speed, now=lambda: clock[0].now().timestamp() if clock else 0.0
        )
        await stack.enter_async_context(fake)
        bot = await stack.enter_async_context(open_darkroom(_settings(fake, Path(folder))))
        env = simcord.Env(bot, shard_count=1, check_errors=False, settle_timeout=_SETTLE_SECONDS)
        # simcord would also let short sleeps pass in real time, and a click waits for all of them. Here only the
        # driver advances the clock, so a click is done when the bot does nothing but wait for time to pass.
        env._schedule_timer = lambda *_: None  # type: ignore[method-assign]  # simcord is pinned
        hide_answered_errors(env)
        paint_mentions()
        serve_uploads(env, fake)
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
        await bot.store.servers.change_settings(guild.id, press_role=makers.id, start_role=makers.id)
        mira = guild.add_member(env.create_user("Mira"), roles=[moderators])
        ada = guild.add_member(env.create_user("Ada"), roles=[makers])
        bo = guild.add_member(env.create_user("Bo"))
        await bot.get_partial_messageable(channel.id).send(_welcome(fake))
        try:
            page = env.preview(channel, viewers=[mira, ada, bo], layout="channel", port=port or None)
            keep_pictures(page)
            explain_address(page, Path(folder))
            preview = await stack.enter_async_context(page)
        except simcord.SetupError:
            if not port:
                raise
            raise StartError(
                f"The demo cannot have port {port}. Is something else on it? Choose another, from 1 to 65535, or none: "
                "then it takes a free one."
            ) from None
        print(f"Darkroom's demo: {preview.url}\nCtrl-C ends it.", flush=True)  # noqa: T201 -- for a person
        if browser and _has_screen():  # in a thread, because some browsers return only when they are closed
            threading.Thread(target=webbrowser.open, args=(preview.url,), daemon=True).start()
        await _drive(env, channel, preview)


def _has_screen() -> bool:
    """Whether a browser can open a window; one in the terminal, such as w3m, would take it over."""
    return sys.platform in {"darwin", "win32"} or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")))


def _settings(fake: _FakeProvider, folder: Path) -> Settings:
    common: dict[str, Any] = {
        "discord_token": Secret("demo"),
        "allowed_guilds": None,
        "image_hosts": (fake.origin,),
        "data_dir": folder,
        "poll_seconds": _POLL_SECONDS,
        "update_check": UPDATE_CHECK_OFF,
    }
    if isinstance(fake, FakeUseapi):
        return Settings(**common, useapi_token=Secret(_TOKEN), useapi_url=fake.url)
    return Settings(
        **common, mj_proxy_url=Secret(fake.url), mj_proxy_secret=Secret(_TOKEN), mj_proxy_auth="authorization"
    )


def _welcome(fake: _FakeProvider) -> str:
    lines = []
    for text, options in _JOBS:
        jobid = fake.add_job(**options) if "age" in options else fake.add_job(starts_when_polled=True, **options)
        lines.append(f"- {text}\n`{jobid}`")
    return _WELCOME.format("\n".join(lines)).rstrip()


async def _drive(env: Any, channel: Any, preview: Any) -> None:
    """Advance the simulated Discord's clock by the real time, and refresh the page when a message has changed.

    That clock does not run on its own. simcord handles one action at a time and rejects a click during another, so
    clicks and this driver wait for each other.
    """
    lock = asyncio.Lock()
    act = preview._action  # the only place where a click can be made to wait; the version of simcord is pinned

    async def act_with_lock(context: Any, body: dict[str, Any]) -> Any:
        async with lock:
            preview._advance_presentation_time()  # else the page shows the time of the last step
            # The page may have been refreshed since the person aimed: the pressed button counts, not the revision.
            current = {"published_revision": preview._get_page(context).revision}
            return await act(context, {**body, **current} if "published_revision" in body else body)

    preview._action = act_with_lock
    advanced_at = time.monotonic()
    last_revisions = _revisions(channel)
    while True:
        await asyncio.sleep(_TICK)
        async with lock:
            now = time.monotonic()
            with contextlib.suppress(TimeoutError):  # the bot is busy with something long; the next step catches up
                await env.advance_time(now - advanced_at)
                advanced_at = now
                if (revisions := _revisions(channel)) != last_revisions:
                    await preview.refresh()
                    last_revisions = revisions


def _revisions(channel: Any) -> list[tuple[int, object]]:
    return [(message.id, message.edited_at) for message in channel.history()]


def main(words: Sequence[str] | None = None) -> int:
    """Read the arguments, those of the process if `None`, and serve; return the exit status."""
    parser = argparse.ArgumentParser(prog=f"{command_name()} demo", description="Try Darkroom in a browser.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument(
        "--speed", type=float, default=1.0, help="how many times faster than real jobs the demo's jobs run"
    )
    parser.add_argument(
        "--provider",
        type=ProviderName,
        choices=list(ProviderName),
        default=ProviderName.USEAPI,
        help="whose jobs they are",
    )
    parser.add_argument("--no-browser", action="store_true", help="only print the URL")
    arguments = parser.parse_args(words)
    logs.set_up("ERROR", ())
    try:
        serving = demo(
            arguments.port,
            speed=arguments.speed,
            browser=not arguments.no_browser,
            provider=arguments.provider,
        )
        asyncio.run(_until_stopped(serving))
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

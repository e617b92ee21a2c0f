"""The harness of the journeys: the unchanged bot with real HTTP and a real SQLite file inside simcord's Discord."""

import asyncio
import importlib
import inspect
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from zlib import crc32

import discord
import pytest
import simcord.backend.cdn
from aiohttp import web
from discord import app_commands
from simcord import _settlement
from simcord.backend.models import Overwrite
from simcord.builders import ChannelHandle
from simcord.enums import ChannelType, OverwriteType
from simcord.env import Env

from bot.app import open_darkroom
from bot.client import Darkroom
from bot.demo.midjourney_proxy import TRUEAI, Dialect
from bot.errors import DarkroomError
from bot.models import ProviderName
from bot.settings import Secret, Settings
from tests import log
from tests.conftest import only_long
from tests.database import migrated
from tests.fakes.providers import MidjourneyProxy, Useapi, fake_provider
from tests.journeys import invariants
from tests.journeys.idle import IdleLoop, asyncio_that_waits_for_idle, remembering
from tests.journeys.upload_limits import UploadLimits
from tests.sqlite_in_loop import call_sqlite_in_loop


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"loop": IdleLoop}


class BotHarness:
    """A server with a channel, the bot, a moderator (Mira), a member (Bo), and a provider whose clock is simcord's.

    The provider is useapi, unless the test is parametrised with another one: see `both_providers`.
    """

    env: Any  # simcord's handles are loosely typed
    bot: Darkroom

    def __init__(self, folder: Path, provider: ProviderName = ProviderName.USEAPI, dialect: Dialect = TRUEAI) -> None:
        self.folder = folder
        self.provider = fake_provider(provider, self.now, dialect)
        self.settings: dict[str, Any] = {}
        self.upload_limits = UploadLimits()
        self.kept_items: list[str] = []
        self._world = AsyncExitStack()
        self._life = AsyncExitStack()

    @property
    def useapi(self) -> Useapi:
        """The provider of the tests that are about useapi."""
        assert isinstance(self.provider, Useapi)
        return self.provider

    @property
    def proxy(self) -> MidjourneyProxy:
        """The provider of the tests that are about midjourney-proxy."""
        assert isinstance(self.provider, MidjourneyProxy)
        return self.provider

    def now(self) -> float:
        """The simulated time, in seconds since 1970."""
        return float(self.env.now().timestamp())

    def clock(self) -> Callable[[], datetime]:
        """The machine's wall clock; inside the bot it is simcord's."""
        return discord.utils.utcnow

    async def open(self) -> None:
        await self._world.enter_async_context(self.provider)
        self.env = Env(await self._make_bot(), shard_count=1, settle_timeout=30.0)
        # simcord asks every 50 ms whether the bot has come to rest, and lets its sleeps of less than 5 s pass in real
        # time too. Here it asks when the loop is idle, then every 2 ms while the bot waits for a thread or a process,
        # and nothing but `wait` moves the clock: journeys are quick and alike.
        self.env._settle_internal = partial(self.env._settle_internal, idle=0.002)
        self.env._schedule_timer = lambda *_: None
        # aiohttp sets a timer every 15 s to close connections that are not used any more. Each would be a step of
        # simulated time, twice as many as the bot makes itself; it closes them when it comes by them, too.
        patch = self._world.enter_context(pytest.MonkeyPatch.context())
        patch.setattr("aiohttp.helpers.weakref_handle", lambda *_, **__: None)
        patch.setattr("simcord.env.asyncio", asyncio_that_waits_for_idle())
        patch.setattr("simcord._settlement._park_reason", remembering(_settlement._park_reason))
        patch.setattr("simcord._runtime._CallbackRecord.__eq__", object.__eq__)  # compared field by field in long lists
        patch.setattr("simcord.backend.cdn.CDN_BASE", self.provider.origin)  # the bot fetches what people attach
        self.upload_limits.install(patch)
        self.provider.serve_uploads(lambda url: self.env.backend.cdn.get(url))
        patch.setattr("discord.ext.commands.bot.BotBase._load_from_module_spec", set_up_imported)
        patch.setattr("simcord.env._virtualize_recognized_waits", lambda *_: None)  # ends real timers: there are none
        asyncio.get_running_loop().set_exception_handler(self._on_error_in_callback)
        await self.env.start()
        self.guild = self.env.create_guild("Studio")
        self.channel = self.guild.create_text_channel("pictures")
        self.lounge = self.guild.create_text_channel("lounge")
        moderator = discord.Permissions(manage_messages=True)
        moderators = self.guild.create_role("Moderators", permissions=moderator)
        self.mira = self.guild.add_member(self.env.create_user("Mira"), roles=[moderators])
        self.bo = self.guild.add_member(self.env.create_user("Bo"))

    def _on_error_in_callback(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if "handle" in context:  # what a callback raised, and not what a task did
            self.env._record_error(context["exception"])
        loop.default_exception_handler(context)

    def newcomer(self) -> Any:
        """Another member, who has not used up their six `/job` a minute."""
        return self.guild.add_member(self.env.create_user(f"Newcomer {len(self.env.backend.users)}"))

    async def restart(self, *, away: float = 0, **settings: Any) -> None:
        """Close the whole bot and start it again, `away` seconds later, on the same folder, as an admin would."""
        self.settings.update(settings)
        await self.env.settle()
        self._note_kept_items()
        await self._life.aclose()
        await self.wait(away)
        await self.env.restart_bot(await self._make_bot())

    def _note_kept_items(self) -> None:
        """Note by their custom_ids the items and forms that discord.py keeps in memory, one for each message."""
        store = self.bot._connection._view_store
        self.kept_items += [custom_id for items in store._views.values() for _, custom_id in items]
        self.kept_items += store._modals

    async def close(self) -> None:
        self._note_kept_items()
        try:
            await self.env.shutdown()
        finally:
            await self._life.aclose()
            await self._world.aclose()

    async def _make_bot(self) -> Darkroom:
        settings: dict[str, Any] = {
            "discord_token": Secret("discord-token"),
            "allowed_guilds": None,
            "update_check": "off",
            "image_hosts": (self.provider.origin,),
            "data_dir": migrated(self.folder),
            **self.provider.settings(),
            **self.settings,
        }
        self.bot = await self._life.enter_async_context(open_darkroom(Settings(**settings), now=self.clock()))
        return self.bot

    # --- what a person does and sees --------------------------------------------------------------------------------

    async def job(self, who: Any, jobid: str, channel: Any = None) -> str:
        """`who` types /job; what the private answer says."""
        return (await self.ask(who, jobid, channel)).content

    async def ask(self, who: Any, jobid: str, channel: Any = None) -> discord.Message:
        """`who` types /job; the private answer with its embed and its buttons."""
        return await self._seen(await who.slash(channel or self.channel, "job", jobid=jobid))

    async def press(self, who: Any, message: discord.Message, label: str) -> discord.Message:
        """`who` presses the button with this label or emoji; the private answer."""
        return await self._seen(await who.click(message, custom_id=button(message, label).custom_id))

    async def _seen(self, answer: Any) -> discord.Message:
        await self.wait(0.1)  # the courier spaces its messages by a 48th of a second
        return private(answer)

    async def wait(self, seconds: float) -> None:
        await self.env.advance_time(seconds)

    async def suspend(self, seconds: float) -> None:
        """The machine is suspended and wakes up so much later: nothing was done meanwhile, and all that is due is late.

        Costs one step of simulated time; a day of `wait` costs a thousand.
        """
        self.env._move_clock(self.env._virtual_time + seconds)
        await self.env.settle(idle=0.002)

    @asynccontextmanager
    async def one_moment(self) -> AsyncIterator[None]:
        """What people do in here they do at the very same time: the bot gets to work when all of it is done."""

        async def not_yet(**_: Any) -> None: ...

        settle, self.env._settle_internal = self.env._settle_internal, not_yet
        try:
            yield
        finally:
            self.env._settle_internal = settle
        await self.env.settle(idle=0.002)

    def posts(self, channel: Any = None) -> list[discord.Message]:
        """The messages of the channel, the oldest first."""
        return list((channel or self.channel).history())

    @property
    def last(self) -> discord.Message:
        return self.posts()[-1]

    def called(self) -> set[int]:
        """Whom the newest message rings for: named by its text, and let through. simcord reads the text alone."""
        sent = [call for call in self.env.http_requests if re.fullmatch(r"/channels/\d+/messages", call.path)]
        post = next(call for call in reversed(sent) if call.method == "POST")
        assert post.json is not None
        allowed = {int(user_id) for user_id in post.json["allowed_mentions"].get("users", [])}
        return allowed & {int(user_id) for user_id in re.findall(r"<@(\d+)>", post.json["content"] or "")}

    def jump(self, message: discord.Message) -> str:
        """The address of a message, as Discord's "Copy Message Link" has it."""
        return f"https://discord.com/channels/{self.guild.id}/{message.channel.id}/{message.id}"

    def bytes_of(self, file: discord.Attachment) -> bytes | None:
        """What the bot uploaded."""
        data: bytes | None = self.env.backend.cdn.get(file.url)
        return data

    def sent(self, channel: Any = None) -> str:
        """All that the channel's messages hold, custom_ids and file names included."""
        messages = self.env.backend.messages[(channel or self.channel).id].values()
        return repr([message for message in messages if not message.is_ephemeral])

    def forbid(self, who: Any, *rights: str, channel: Any = None) -> None:
        """Take rights in one channel from a member, or from the bot (None); with no rights named, give all back."""
        target = self.env.backend.bot_user.id if who is None else who.id
        deny = discord.Permissions(**dict.fromkeys(rights, True)).value
        overwrite = Overwrite(target_id=target, type=OverwriteType.MEMBER, allow=0, deny=deny)
        self.env.backend.set_overwrite((channel or self.channel).id, overwrite)

    def allow(self, who: Any, *rights: str, channel: Any = None) -> None:
        """Give a member rights in one channel."""
        allow = discord.Permissions(**dict.fromkeys(rights, True)).value
        overwrite = Overwrite(target_id=who.id, type=OverwriteType.MEMBER, allow=allow, deny=0)
        self.env.backend.set_overwrite((channel or self.channel).id, overwrite)

    def close_to_all_but_moderators(self, channel: Any) -> None:
        """Hide a channel from everyone but the bot and the moderators."""
        bit = discord.Permissions(view_channel=True).value
        bot, moderators = self.env.backend.bot_user.id, self.guild.roles["Moderators"].id
        for overwrite in (
            Overwrite(target_id=self.guild.id, type=OverwriteType.ROLE, allow=0, deny=bit),
            Overwrite(target_id=moderators, type=OverwriteType.ROLE, allow=bit, deny=0),
            Overwrite(target_id=bot, type=OverwriteType.MEMBER, allow=bit, deny=0),
        ):
            self.env.backend.set_overwrite(channel.id, overwrite)

    def thread(self, *, private: bool = False, members: Iterable[Any] = (), channel: Any = None) -> ChannelHandle:
        """A thread of a channel; its starter is the first of `members`, else Bo."""
        people = [*members] or [self.bo]
        parent = (channel or self.channel).id
        kind = ChannelType.PRIVATE_THREAD if private else ChannelType.PUBLIC_THREAD
        thread = self.env.backend.create_thread(parent, "sketches", people[0].id, type=kind, broadcast=False)
        for person in people:
            self.env.backend.add_thread_member(thread.id, person.id)
        return ChannelHandle(self.env, self.guild, thread)

    def forge(self, custom_id: str, channel: Any = None) -> discord.Message:
        """A message of the bot's with one button, "Forged", that no code of ours has made."""
        button = {"type": 2, "style": 2, "label": "Forged", "custom_id": custom_id}
        rows = [{"type": 1, "components": [button]}]
        destination, me = (channel or self.channel).id, self.env.backend.bot_user.id
        forged = self.env.backend.create_message(destination, me, "forged", components=rows)
        return next(message for message in self.posts(channel) if message.id == forged.id)

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What the database holds, through the bot's connection: it lets no second one in."""
        return [tuple(row) for row in await self.bot.store.database.rows(sql)]

    # --- what the provider sees -------------------------------------------------------------------------------------

    def polls(self, jobid: str) -> int:
        """How often the bot asked the provider about a job."""
        return self.provider.times_polled(jobid)

    def button_requests(self) -> list[Mapping[str, Any]]:
        """The body of every press that came to useapi."""
        return [request.json for request in self.useapi.requests if request.path == "/v2/jobs/button"]


async def set_up_imported(bot: Darkroom, _spec: object, name: str) -> None:
    """Load an extension without executing its module again, which takes a twelfth of a journey; a process has one bot.

    A member's cooldowns are in the module, so they are forgotten.
    """
    await importlib.import_module(name).setup(bot)
    menus = bot.tree.walk_commands(type=discord.AppCommandType.message)
    for command in (*bot.tree.walk_commands(), *menus):
        for check in () if isinstance(command, app_commands.Group) else command.checks:
            inspect.getclosurevars(check).nonlocals["get_bucket"].__kwdefaults__["mapping"].clear()


def words(message: discord.Message) -> str:
    """All that a message says."""
    return "\n".join(filter(None, [message.content, *(embed.description for embed in message.embeds)]))


def labels(message: discord.Message) -> list[list[str]]:
    """The buttons of a message, row by row."""
    return [
        [str(button.label or button.emoji) for button in row.children if isinstance(button, discord.Button)]
        for row in message.components
        if isinstance(row, discord.ActionRow)
    ]


def button(message: discord.Message, label: str) -> discord.Button:
    """The one button with this label or emoji."""
    (found,) = [
        button
        for row in message.components
        if isinstance(row, discord.ActionRow)
        for button in row.children
        if isinstance(button, discord.Button) and str(button.label or button.emoji) == label
    ]
    return found


def key_in(text: str) -> str:
    """The short key of a job that a text names, without its `#`; "" where there is none."""
    found = re.search(r"#([2-9A-HJ-NP-Z]{4,8})\b", text)
    return found[1] if found else ""


def private(answer: Any) -> discord.Message:
    """The private answer to a command or a press; `test_command_mentions` reads it as it was sent.

    Mentions of commands, `</jobs:123>`, are shown in code style, as `/jobs`: their ids are Discord's.
    """
    assert answer.response is not None, "everybody gets an answer"
    assert answer.response.ephemeral, "what concerns one person is private"
    message: discord.Message = answer.response.message
    texts = [part.content for part in message.components if isinstance(part, discord.TextDisplay)]
    message.content = _in_code_style("\n".join([message.content, *texts]).strip())
    for embed in message.embeds:
        embed.description = embed.description and _in_code_style(embed.description)
    return message


def _in_code_style(text: str) -> str:
    return re.sub(r"</([a-z ]+):\d+>", r"`/\1`", text)


both_providers = pytest.mark.parametrize("provider", ProviderName)
"""Marks a journey that runs with each provider."""


def either_provider(journey: Callable[..., Any]) -> Any:
    """Mark a journey that is the same with either provider: it runs with one of them, in `make soak` with both.

    Its name decides which one, so that half of them run with each and none changes from run to run.
    """
    selected = list(ProviderName)[crc32(journey.__name__.encode()) % len(ProviderName)]
    providers = [pytest.param(name, marks=() if name is selected else only_long) for name in ProviderName]
    return pytest.mark.parametrize("provider", providers)(journey)


@pytest.fixture
def provider() -> ProviderName:
    return ProviderName.USEAPI


@pytest.fixture(autouse=True)
def sqlite_in_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    call_sqlite_in_loop(monkeypatch)


@pytest.fixture
def dialect() -> Dialect:
    """Whose protocol the midjourney-proxy server speaks."""
    return TRUEAI


@pytest.fixture
async def harness(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, provider: ProviderName, dialect: Dialect
) -> AsyncIterator[BotHarness]:
    harness = BotHarness(tmp_path, provider, dialect)
    with log.written(("discord-token", "demo-token")) as written:
        await harness.open()
        try:
            yield harness
        finally:
            await harness.close()
    secrets = ("discord-token", "demo-token", *harness.env.backend.interaction_tokens, *harness.provider.jobids)
    complaints = list(log.complaints(written.getvalue(), secrets))
    assert not complaints, "\n".join(complaints)
    complaints = list(invariants.violations(harness.env.http_requests))
    assert not complaints, "\n".join(complaints)
    bugs = [error for error in harness.env.errors if not is_sentence(error)]
    if bugs:
        raise ExceptionGroup("what the bot raised and nobody expected", bugs)
    tracebacks = [record.getMessage() for record in caplog.get_records("call") if record.exc_info]
    assert not tracebacks, "a traceback in the log is a bug; where it is the story, call caplog.clear()"
    assert not harness.kept_items, "discord.py keeps an item that is no DynamicItem as long as the bot runs"


@pytest.fixture
async def harness_with_cdn(harness: BotHarness, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[BotHarness]:
    """The same harness, whose Discord also serves what was uploaded to it, as simcord's alone does not."""

    async def get(request: web.Request) -> web.Response:
        data = harness.env.backend.cdn.get(f"{simcord.backend.cdn.CDN_BASE}{request.path}")
        return web.Response(status=404) if data is None else web.Response(body=data)

    app = web.Application()
    app.router.add_get("/{path:.*}", get)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    monkeypatch.setattr(simcord.backend.cdn, "CDN_BASE", origin)
    await harness.restart(image_hosts=(harness.provider.origin, origin))
    yield harness
    await runner.cleanup()


def is_sentence(error: BaseException) -> bool:
    """Whether a command raised this on purpose, for a person to read."""
    return isinstance(getattr(error, "original", error), DarkroomError | app_commands.CommandOnCooldown)

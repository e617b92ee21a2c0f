"""The discord.py client: no intents, no caches, an explicit list of cogs, one error handler."""

import asyncio
import hashlib
import json
import logging
import random
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from types import TracebackType
from typing import Any

import aiohttp
import discord
import yarl
from discord import app_commands
from discord.ext import commands

from bot import discord_internals, logs, ui
from bot.alerts import Alerts
from bot.backoff import backoff
from bot.delivery import Dispatcher
from bot.delivery.rate_limits import DiscordRateLimits, pause_before_identify
from bot.discord_errors import REQUEST_ERRORS
from bot.errors import StoreUnavailable, UserError
from bot.images import ImageClient
from bot.models import Destination
from bot.models.release import Release
from bot.polling import Pollers, WebhookInboxes
from bot.providers.registry import Providers
from bot.settings import DISCORD_API_URL, Settings
from bot.store import Store
from bot.submissions import SubmissionQueues
from bot.ui import replies
from bot.ui.accepted_answers import AcceptedAnswers
from bot.ui.age_restrictions import AgeRestrictions
from bot.ui.command_mentions import mentions_of
from bot.ui.file_limits import FileLimits
from bot.ui.posting_checks import PostingChecks
from bot.ui.refused_posts import RefusedPosts
from bot.ui.view_rights import ViewRights

log = logging.getLogger(__name__)

COGS = ("cogs.jobs", "cogs.imagine", "cogs.pictures", "cogs.admin", "cogs.background")
PERMISSIONS = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    embed_links=True,
    attach_files=True,
    read_message_history=True,
)
_MENTIONS = "command mentions"  # the name of a fact in the store
_FETCH_TIMEOUT_SECONDS = 10.0  # for the ids of the commands, which are not needed for the start
_CLOSE_TIMEOUT_SECONDS = 4.5  # for the last webhooks and the dispatcher's last messages, too
_UNREACHABLE = (OSError, aiohttp.ClientError, discord.GatewayNotFound, discord.DiscordServerError)


class Tree(app_commands.CommandTree["Darkroom"]):
    """The commands: they work in allowed servers only, and every error goes to `bot.ui.replies`."""

    async def interaction_check(self, interaction: discord.Interaction["Darkroom"], /) -> bool:
        """Whether the interaction's server is allowed; if not, it is answered."""
        return await interaction.client.check_server(interaction)

    async def on_error(
        self, interaction: discord.Interaction["Darkroom"], error: app_commands.AppCommandError, /
    ) -> None:
        """Answer a command that raised."""
        await replies.answer(interaction, error)


class Darkroom(commands.AutoShardedBot):
    """The client that everything else is attached to.

    `bot.app` builds it, and sets `pictures`, `dispatcher`, `poller` and the rest, which need the client themselves,
    before the login. `background` holds the loops that run beside it, by their names in the log. `after_background`
    ends what they have begun, once they have stopped and before the session with Discord is closed. `web` opens the
    bot's own HTTP servers, if any, after the login; they close before anything else does. With `always_sync` the
    commands are sent to Discord even if they did not change.
    """

    dispatcher: Dispatcher
    refused_posts: RefusedPosts
    accepted_answers: AcceptedAnswers
    poller: Pollers
    submissions: SubmissionQueues
    webhooks: WebhookInboxes
    pictures: ImageClient

    def __init__(self, *, settings: Settings, store: Store, providers: Providers, always_sync: bool = False) -> None:
        self.rate_limits = DiscordRateLimits()
        super().__init__(
            command_prefix=commands.when_mentioned,
            help_command=None,
            tree_cls=Tree,
            intents=discord.Intents.none(),  # interactions need none, and deliveries only ids
            member_cache_flags=discord.MemberCacheFlags.none(),
            max_messages=None,
            chunk_guilds_at_startup=False,
            allowed_mentions=discord.AllowedMentions.none(),
            http_trace=self.rate_limits.trace,
            allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
            allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=False, private_channel=False),
        )
        self.settings = settings
        self.store = store
        self.providers = providers
        self.background: dict[str, Callable[[], Awaitable[None]]] = {}
        self.after_background: list[Callable[[], Awaitable[None]]] = []
        self.view_rights = ViewRights(self)
        self.age_restrictions = AgeRestrictions(self)
        self.file_limits = FileLimits(self)
        self.command_mentions: Mapping[str, str] = {}
        self.newer_release: Release | None = None
        self.web: list[Callable[[], AbstractAsyncContextManager[object]]] = []
        self._opened = AsyncExitStack()
        self.posting_checks = PostingChecks(self)
        self.alerts = Alerts(self, store, settings.alert_channel)
        self._always_sync = always_sync
        discord_internals.expect_unreadable_data()
        if settings.discord_api_url != DISCORD_API_URL:
            discord_internals.set_api_url(settings.discord_api_url)

    def deliver_soon(self) -> None:
        """Wake the dispatcher: there is something new in the outbox."""
        self.dispatcher.wake()

    async def setup_hook(self) -> None:
        """Register the buttons, open the HTTP servers, load the cogs, sync the commands; a failure stops the start."""
        discord_internals.end_rate_limits(self)
        logging.getLogger("discord.app_commands.tree").addFilter(replies.shorten_refused_suggestions)
        self.add_dynamic_items(*ui.ALL)
        await self.alerts.recall()
        for opened in self.web:
            await self._opened.enter_async_context(opened())
        for name in COGS:
            await self.load_extension(name)
        await self._sync()

    async def _sync(self) -> None:
        """Send the commands to Discord if they changed, by a stored hash: Discord limits how often they are sent.

        The ids that Discord gives them are stored, too, as mentions. They are written first: after a crash in between,
        the commands are sent again, as they are after a start that could not write.
        """
        payload = [command.to_dict(self.tree) for command in self.tree.get_commands()]
        text = json.dumps([self.application_id, payload], sort_keys=True, default=str)
        digest = hashlib.sha256(text.encode()).hexdigest()
        if self._always_sync or await self.store.facts.get("commands") != digest:
            synced = await self.tree.sync()
            log.info("Sent the commands to Discord")
            with suppress(StoreUnavailable):  # already logged and alerted by Database; the start does without
                await self._keep_mentions(synced)
                await self.store.facts.set("commands", digest)
        elif stored := await self.store.facts.get(_MENTIONS):
            self.command_mentions = json.loads(stored)
        else:  # they were sent by a version that stored no ids
            try:
                async with asyncio.timeout(_FETCH_TIMEOUT_SECONDS):
                    fetched = await self.tree.fetch_commands()
                with suppress(StoreUnavailable):  # already logged and alerted by Database; the start does without
                    await self._keep_mentions(fetched)
            except REQUEST_ERRORS as error:
                log.info("Could not fetch the ids of the commands (%s)", type(error).__name__)

    async def _keep_mentions(self, commands: Iterable[app_commands.AppCommand]) -> None:
        self.command_mentions = mentions_of(commands)
        await self.store.facts.set(_MENTIONS, json.dumps(self.command_mentions))

    def serves(self, guild_id: int) -> bool:
        """Whether a server is allowed."""
        return self.settings.allowed_guilds is None or guild_id in self.settings.allowed_guilds

    async def joined_servers(self) -> set[int]:
        """The ids of all servers that the bot is in; raises what discord.py raises."""
        return {guild.id async for guild in self.fetch_guilds(limit=None, with_counts=False)}

    async def check_server(self, interaction: discord.Interaction[Any]) -> bool:
        """Whether the interaction's server is allowed; if not, answer with the setting to change.

        Every interaction passes here first, so this also sets its server and channel for the log.
        """
        if interaction.guild_id is not None and interaction.channel_id is not None:
            logs.turn_to(destination=Destination(guild_id=interaction.guild_id, channel_id=interaction.channel_id))
        guilds = self.settings.allowed_guilds
        if guilds is None or interaction.guild_id in guilds:
            return True
        if interaction.type is discord.InteractionType.autocomplete:
            with suppress(*REQUEST_ERRORS):
                await interaction.response.autocomplete([])
        else:
            sentence = (
                "This server is not on this bot's list. The bot's owner can add it: put "
                f"`{interaction.guild_id}` after `ALLOWED_GUILDS=` in the file `.env`, separated from the others by "
                "commas, and restart the bot."
            )
            await replies.answer(interaction, UserError(sentence))
        return False

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        """Answer forms, and buttons that no item of `ui.ALL` answers: discord.py would let the interaction fail."""
        if interaction.type is discord.InteractionType.modal_submit:
            await ui.submitted(interaction)
        if interaction.type is not discord.InteractionType.component or ui.is_ours(interaction):
            return
        if await self.check_server(interaction):
            sentence = "This button no longer works. `/job` with the job ID posts it again."
            await replies.answer(interaction, UserError(sentence))

    async def on_app_command_completion(self, interaction: discord.Interaction[Any], _command: object) -> None:
        """Keep the interaction: what it promised may be refused by Discord."""
        self.refused_posts.remember(interaction)

    async def on_error(self, event_method: str, /, *_args: Any, **_kwargs: Any) -> None:
        """Log what a handler of a gateway event raised: what Discord refused is no bug and needs no traceback."""
        error = sys.exc_info()[1]
        if (short := replies.short_form(error)) is not None:
            log.info("Discord did not let %s finish (%s)", event_method, short)
        else:
            log.error("Unexpected error in %s", event_method, exc_info=error)

    async def on_ready(self) -> None:
        """Log the bot's name."""
        log.info("Connected to Discord as %s", self.user)

    async def connect(self, *, reconnect: bool = True) -> None:
        """Stay connected to the gateway; GET /gateway/bot is retried with backoff until it succeeds.

        Raises `discord.LoginFailure` if Discord no longer accepts the token: it may be reset after the login.
        """
        attempt = 0
        while True:
            try:
                await self._save_identifies()
                await super().connect(reconnect=reconnect)
            except _UNREACHABLE as error:
                if discord_internals.is_token_refused(error):
                    raise discord.LoginFailure("the token was reset during the start") from None
                attempt = await _pause(attempt, error)
            else:
                return

    async def close(self) -> None:
        """Close the HTTP servers, then the loops, then the connection to Discord, within `_CLOSE_TIMEOUT_SECONDS`.

        The servers come first: the consumer of an accepted webhook, the store and Discord still work then. Without a
        network, closing the gateway alone would take half a minute.
        """
        deadline = asyncio.get_running_loop().time() + _CLOSE_TIMEOUT_SECONDS
        await self._opened.aclose()
        try:
            async with asyncio.timeout_at(deadline):
                await super().close()
        except TimeoutError:
            await discord_internals.close_http(self)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close what is not closed yet; the error that ends the bot stays what is raised.

        A close that took too long was cancelled, and discord.py raises that here once more, in the error's place.
        """
        try:
            await super().__aexit__(kind, error, traceback)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():  # somebody ends this task itself
                raise

    async def _save_identifies(self) -> None:
        """Wait before the connection if few of the day's IDENTIFYs are left."""
        limits = await self.fetch_session_start_limits()
        pause = pause_before_identify(limits.remaining, limits.reset_after / 1000)
        if pause > 0:
            log.warning("Discord allows %d more starts today; waiting %.0f s before this one", limits.remaining, pause)
            await asyncio.sleep(pause)

    async def launch_shard(self, gateway: yarl.URL, shard_id: int, *, initial: bool = False) -> None:
        """Connect one shard, retrying with backoff: discord.py itself retries every 5 s, with a traceback each time."""
        attempt = 0
        while True:
            try:
                await discord_internals.connect_shard(self, gateway, shard_id, initial=initial, pause=_backoff)
            except (*_UNREACHABLE, discord.ConnectionClosed, discord_internals.GatewayClosed) as error:
                attempt = await _pause(attempt, error)
            else:
                return


def _backoff(attempt: int) -> float:
    return backoff(attempt, jitter=(0.8, 1.2), random=random.random())  # noqa: S311 -- jitter, no secret


async def _pause(attempt: int, error: BaseException) -> int:
    seconds = _backoff(attempt)
    log.warning("Discord's gateway cannot be reached (%s); next try in %.0f s", type(error).__name__, seconds)
    await asyncio.sleep(seconds)
    return attempt + 1

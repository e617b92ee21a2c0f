"""The discord.py bot: no intents, no caches, an explicit list of cogs, one answer for every kind of error."""

import asyncio
import hashlib
import json
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from typing import Any

import aiohttp
import discord
import yarl
from discord import app_commands
from discord.ext import commands
from discord.gateway import DiscordWebSocket
from discord.http import Route
from discord.shard import Shard

from bot import logs, ui
from bot.alerts import Alerts
from bot.backoff import backoff
from bot.delivery import Dispatcher
from bot.delivery.rate_limits import DiscordRateLimits, pause_before_identify
from bot.errors import UserError
from bot.models import Destination
from bot.polling import Poller, WebhookInbox
from bot.providers.useapi import UseapiClient
from bot.settings import DISCORD_API_URL, Settings
from bot.store import Store
from bot.submissions import SubmissionQueue
from bot.ui import replies

log = logging.getLogger(__name__)

COGS = ("cogs.jobs", "cogs.admin", "cogs.background")
PERMISSIONS = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    embed_links=True,
    attach_files=True,
    read_message_history=True,
)
_LEAVE_WITHIN = 4.5  # seconds, the last webhooks and the courier's last messages included
_UNREACHABLE = (OSError, aiohttp.ClientError, discord.GatewayNotFound, discord.DiscordServerError)


class Tree(app_commands.CommandTree["Darkroom"]):
    """The commands; every error goes to `bot.ui.replies`, and only listed servers get further."""

    async def interaction_check(self, interaction: discord.Interaction["Darkroom"], /) -> bool:
        """Whether this server is served; if not, the person learns what its admin can do."""
        return await interaction.client.is_welcome(interaction)

    async def on_error(
        self, interaction: discord.Interaction["Darkroom"], error: app_commands.AppCommandError, /
    ) -> None:
        """Bring what a command raised to the one place that answers people."""
        await replies.answer(interaction, error)


class Darkroom(commands.AutoShardedBot):
    """The bot that people meet.

    `bot.app` builds it and gives it `dispatcher`, `poller` and the rest, which need the bot themselves, before it logs
    in. `background` holds the loops that run beside it, by their names in the log. `web` opens the bot's own HTTP
    servers, if any, after the login; they close before anything else does. With `always_sync` the commands are sent to
    Discord even where they did not change.
    """

    dispatcher: Dispatcher
    poller: Poller
    submissions: SubmissionQueue
    webhooks: WebhookInbox
    background: dict[str, Callable[[], Awaitable[None]]]

    def __init__(self, *, settings: Settings, store: Store, api: UseapiClient, always_sync: bool = False) -> None:
        self.rate_limits = DiscordRateLimits()
        super().__init__(
            command_prefix=commands.when_mentioned,
            help_command=None,
            tree_cls=Tree,
            intents=discord.Intents.none(),  # interactions come without any, and the courier only needs ids
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
        self.api = api
        self.web: list[Callable[[], AbstractAsyncContextManager[object]]] = []
        self._opened = AsyncExitStack()
        self.alerts = Alerts(self, store, settings.alert_channel)
        self._always_sync = always_sync
        if settings.discord_api_url != DISCORD_API_URL:
            Route.BASE = settings.discord_api_url  # discord.py has no other way to name it

    def deliver_soon(self) -> None:
        """Let the courier look into the outbox now."""
        self.dispatcher.set()

    async def setup_hook(self) -> None:
        """Make buttons of earlier runs work, load the cogs (one that cannot load stops the start), sync commands."""
        logging.getLogger("discord.app_commands.tree").addFilter(replies.shorten_refused_suggestions)
        self.add_dynamic_items(*ui.ALL)
        await self.alerts.recall()
        for opened in self.web:
            await self._opened.enter_async_context(opened())
        for name in COGS:
            await self.load_extension(name)
        await self._sync()

    async def _sync(self) -> None:
        """Send the commands to Discord when they changed; it limits how often, so a hash of them is kept."""
        payload = [command.to_dict(self.tree) for command in self.tree.get_commands()]
        text = json.dumps([self.application_id, payload], sort_keys=True, default=str)
        digest = hashlib.sha256(text.encode()).hexdigest()
        if self._always_sync or await self.store.fact("commands") != digest:
            await self.tree.sync()
            await self.store.set_fact("commands", digest)
            log.info("Sent the commands to Discord")

    async def is_welcome(self, interaction: discord.Interaction[Any]) -> bool:
        """Whether the interaction's server is on the list; if not, say so, with the line to add.

        Every interaction comes by here first, so from here on the log says where it happened.
        """
        if interaction.guild_id is not None and interaction.channel_id is not None:
            logs.turn_to(destination=Destination(guild_id=interaction.guild_id, channel_id=interaction.channel_id))
        guilds = self.settings.allowed_guilds
        if guilds is None or interaction.guild_id in guilds:
            return True
        if interaction.type is discord.InteractionType.autocomplete:
            with suppress(discord.HTTPException):
                await interaction.response.autocomplete([])
        else:
            sentence = (
                "This server is not on this bot's list. Whoever runs the bot can add it: put "
                f"`{interaction.guild_id}` behind `ALLOWED_GUILDS=` in the file `.env`, with a comma between it and "
                "the others, and start the bot again."
            )
            await replies.answer(interaction, UserError(sentence))
        return False

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        """Answer forms, and presses on buttons that nothing else will answer: discord.py would let them fail."""
        if interaction.type is discord.InteractionType.modal_submit:
            await ui.submitted(interaction)
        if interaction.type is not discord.InteractionType.component or ui.is_ours(interaction):
            return
        if await self.is_welcome(interaction):
            sentence = "I don't know this button any more. `/job` with the job's id shows it anew."
            await replies.answer(interaction, UserError(sentence))

    async def on_ready(self) -> None:
        """Say who we are."""
        log.info("Connected to Discord as %s", self.user)

    async def connect(self, *, reconnect: bool = True) -> None:
        """Stay on the gateway; an address that cannot be learnt yet is asked for again, with growing pauses.

        Raises `discord.LoginFailure` where Discord accepts the token no more: it may be reset after the login.
        """
        attempt = 0
        while True:
            try:
                await self._spare_identifies()
                await super().connect(reconnect=reconnect)
            except _UNREACHABLE as error:
                if _is_token_refused(error):
                    raise discord.LoginFailure("the token was reset during the start") from None
                attempt = await _pause(attempt, error)
            else:
                return

    async def close(self) -> None:
        """Close the HTTP servers, then the loops, then the connection to Discord, within `_LEAVE_WITHIN` in all.

        The servers come first: a webhook that is accepted still finds its consumer, the store and Discord at work. On a
        dead network, closing the gateway alone would wait for half a minute.
        """
        deadline = asyncio.get_running_loop().time() + _LEAVE_WITHIN
        await self._opened.aclose()
        try:
            async with asyncio.timeout_at(deadline):
                await super().close()
        except TimeoutError:
            await self.http.close()

    async def _spare_identifies(self) -> None:
        limits = await self.fetch_session_start_limits()
        pause = pause_before_identify(limits.remaining, limits.reset_after / 1000)
        if pause > 0:
            log.warning("Discord allows %d more starts today; waiting %.0f s before this one", limits.remaining, pause)
            await asyncio.sleep(pause)

    async def launch_shard(self, gateway: yarl.URL, shard_id: int, *, initial: bool = False) -> None:
        """Connect one shard, as long as it takes: discord.py's own try again every 5 s, each with a traceback."""
        DiscordWebSocket.DEFAULT_GATEWAY = gateway  # to which discord.py reconnects; Discord just named it
        attempt = 0
        while True:
            try:
                async with asyncio.timeout(self.shard_connect_timeout):
                    socket = await DiscordWebSocket.from_client(
                        self, initial=initial, gateway=gateway, shard_id=shard_id
                    )
            except (*_UNREACHABLE, discord.ConnectionClosed) as error:
                attempt = await _pause(attempt, error)
            else:
                break
        private = vars(self)  # discord.py keeps its shards and their queue to itself
        shard = Shard(socket, self, private["_AutoShardedClient__queue"].put_nowait)
        private["_AutoShardedClient__shards"][shard_id] = shard
        shard.launch()


def _is_token_refused(error: BaseException) -> bool:
    """Whether GET /gateway/bot was answered 401, of which discord.py makes a `GatewayNotFound` like of any refusal."""
    refusal = error.__cause__ if isinstance(error, discord.GatewayNotFound) else None
    return isinstance(refusal, discord.HTTPException) and refusal.status == 401


async def _pause(attempt: int, error: BaseException) -> int:
    seconds = backoff(attempt, jitter=(0.8, 1.2), random=random.random())  # noqa: S311 -- jitter, no secret
    log.warning("Discord's gateway cannot be reached (%s); again in %.0f s", type(error).__name__, seconds)
    await asyncio.sleep(seconds)
    return attempt + 1

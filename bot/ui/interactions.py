"""What commands and buttons share when somebody asks to be told: where, who, and whether that can work."""

import logging
from typing import Protocol, cast

import discord

from bot import logs
from bot.errors import TooManySubscriptions, UserError
from bot.models import Destination, Job, Person
from bot.polling import Poller
from bot.providers.useapi import UseapiClient
from bot.settings import Settings
from bot.store import Store, SubscriptionOutcome, SubscriptionResult
from bot.submissions import SubmissionQueue
from bot.ui.permissions import GONE, channel_trouble, lacking, listed, needed

log = logging.getLogger(__name__)

MOST_RUNNING = 10
"""Running jobs that one member may watch in one server."""


class Bot(Protocol):
    """What is asked of the running bot; `bot.client` has it all."""

    store: Store
    api: UseapiClient
    poller: Poller
    submissions: SubmissionQueue
    settings: Settings

    async def check_server(self, interaction: discord.Interaction) -> bool:
        """Whether the interaction's server is served; if not, the person was told."""

    async def is_owner(self, user: discord.User, /) -> bool:
        """Whether the application belongs to this person, or to a team that they develop it in."""

    def deliver_soon(self) -> None:
        """Let the courier look into the outbox now."""


def bot_of(interaction: discord.Interaction) -> Bot:
    """The bot that received an interaction."""
    return cast(Bot, interaction.client)


def destination_of(interaction: discord.Interaction) -> Destination:
    """Where an interaction happened; raises `UserError` outside a server."""
    if interaction.guild_id is None or interaction.channel_id is None:
        raise UserError("I work in a server's channels only.")
    return Destination(guild_id=interaction.guild_id, channel_id=interaction.channel_id)


def person_of(interaction: discord.Interaction) -> Person:
    """Who caused an interaction, by the name that the server shows."""
    return Person(id=interaction.user.id, name=interaction.user.display_name)


def is_moderator(interaction: discord.Interaction) -> bool:
    """Whether the member may manage messages in this channel."""
    return interaction.permissions.manage_messages


async def is_owner(interaction: discord.Interaction) -> bool:
    """Whether whoever caused an interaction runs this bot, so that they may see its accounts."""
    try:
        return await bot_of(interaction).is_owner(cast(discord.User, interaction.user))
    except (discord.HTTPException, OSError):  # discord.py asks once who it is
        return False


def check_rights(interaction: discord.Interaction) -> None:
    """Raise `UserError` that names the missing right, unless bot and member may both post here.

    Discord sends both sets with every interaction; threads have a right of their own for sending.
    """
    missing = lacking(interaction.app_permissions, thread=in_thread(interaction))
    if missing:
        raise UserError(
            f"I can't post here, because I lack {listed(missing)}. "
            "Somebody who manages this channel can change that under Edit Channel, Permissions."
        )
    _check_sender(interaction)


def _check_sender(interaction: discord.Interaction) -> None:
    _, (send, _) = needed(thread=in_thread(interaction))[:2]
    if not getattr(interaction.permissions, send):
        raise UserError("You may not send messages in this channel, so I won't post here for you either.")


def in_thread(interaction: discord.Interaction) -> bool:
    """Whether an interaction happened in a thread, for which Discord has a right of its own."""
    return isinstance(interaction.channel, discord.Thread)


async def results_destination(interaction: discord.Interaction) -> tuple[Destination, str]:
    """Where what is asked for here is shown: in the channel that the server's admins chose, else here.

    With it comes a sentence for the asker where the chosen channel will not do; the result is then shown here. Raises
    `UserError` as `check_rights` does. Who may read the chosen channel is the admins' choice.
    """
    here = destination_of(interaction)
    chosen = (await bot_of(interaction).store.servers.settings(here.guild_id)).results_channel
    if chosen is None or chosen == here.channel_id:
        check_rights(interaction)
        return here, ""
    _check_sender(interaction)
    there = Destination(guild_id=here.guild_id, channel_id=chosen)
    error = await channel_trouble(interaction.client, there)
    if not error:
        return there, ""
    check_rights(interaction)
    name = "the channel that this server chose for results" if error == GONE else f"<#{chosen}>, chosen for results"
    return here, f"I can't post in {name}: {error}. `/darkroom settings` changes that."


async def check_load(interaction: discord.Interaction) -> None:
    """Raise `UserError` where this member watches enough running jobs already."""
    destination = destination_of(interaction)
    if (
        await bot_of(interaction).store.subscriptions.count_running(interaction.user.id, destination.guild_id)
        >= MOST_RUNNING
    ):
        raise TooManySubscriptions(MOST_RUNNING)


async def ask(
    interaction: discord.Interaction, job: Job, *, destination: Destination | None = None, again: bool = False
) -> SubscriptionResult:
    """Subscribe the member of the interaction to `job`, here or at `destination`, and wake the loops."""
    bot = bot_of(interaction)
    bot.store.clock.note_snowflake(interaction.id)
    await remember_file_limit_of(interaction)
    subscribed = await bot.store.subscriptions.add(
        job, destination or destination_of(interaction), person_of(interaction), again=again, limit=MOST_RUNNING
    )
    # The promise stands from here on: watcher and courier find it in the store, also after a crash.
    bot.poller.add(subscribed.known)
    logs.turn_to(key=subscribed.known.key, destination=destination or destination_of(interaction))
    log.info("Asked for: %s", subscribed.outcome.value)
    if not interaction.app_permissions.read_message_history:
        # Discord then shows the courier an empty history, so a send that is cut off is protected by its nonce alone.
        log.warning("No right to Read Message History; a crash may repeat a post")
    if subscribed.outcome is not SubscriptionOutcome.POSTED:
        bot.deliver_soon()
    return subscribed


async def remember_file_limit_of(interaction: discord.Interaction) -> None:
    """Note how large files may be in this server: Discord says so with every interaction, and nowhere else."""
    if interaction.guild_id is not None and interaction.filesize_limit > 0:
        await bot_of(interaction).store.servers.remember_file_limit(interaction.guild_id, interaction.filesize_limit)


def jump(destination: Destination, message_id: int) -> str:
    """The address of a message."""
    return f"https://discord.com/channels/{destination.guild_id}/{destination.channel_id}/{message_id}"

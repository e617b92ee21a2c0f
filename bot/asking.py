"""What commands and buttons share when somebody asks to be told: where, who, and whether that can work."""

import logging
from typing import Protocol, cast

import discord

from bot.api import Useapi
from bot.errors import PersonError
from bot.jobs import Job, Person, Place
from bot.store import Asked, Store, Wish
from bot.watcher import Watcher

log = logging.getLogger(__name__)

MOST_RUNNING = 10
"""Running jobs that one member may watch in one server."""


class Bot(Protocol):
    """What is asked of the running bot; `bot.client` has it all."""

    store: Store
    api: Useapi
    watcher: Watcher

    async def is_welcome(self, interaction: discord.Interaction) -> bool:
        """Whether the interaction's server is served; if not, the person was told."""

    def deliver_soon(self) -> None:
        """Let the courier look into the outbox now."""


def bot_of(interaction: discord.Interaction) -> Bot:
    """The bot that received an interaction."""
    return cast(Bot, interaction.client)


def place_of(interaction: discord.Interaction) -> Place:
    """Where an interaction happened; raises `PersonError` outside a server."""
    if interaction.guild_id is None or interaction.channel_id is None:
        raise PersonError("I work in a server's channels only.")
    return Place(guild_id=interaction.guild_id, channel_id=interaction.channel_id)


def person_of(interaction: discord.Interaction) -> Person:
    """Who caused an interaction, by the name that the server shows."""
    return Person(id=interaction.user.id, name=interaction.user.display_name)


def is_moderator(interaction: discord.Interaction) -> bool:
    """Whether the member may manage messages in this channel."""
    return interaction.permissions.manage_messages


def check_rights(interaction: discord.Interaction) -> None:
    """Raise `PersonError` that names the missing right, unless bot and member may both post here.

    Discord sends both sets with every interaction; threads have a right of their own for sending.
    """
    in_thread = isinstance(interaction.channel, discord.Thread)
    send = ("send_messages_in_threads", "Send Messages in Threads") if in_thread else ("send_messages", "Send Messages")
    needed = (
        ("view_channel", "View Channel"),
        send,
        ("embed_links", "Embed Links"),
        ("attach_files", "Attach Files"),
    )
    missing = [label for name, label in needed if not getattr(interaction.app_permissions, name)]
    if missing:
        raise PersonError(
            f"I can't post here, because I lack {_listed(missing)}. "
            "Somebody who manages this channel can change that under Edit Channel, Permissions."
        )
    if not getattr(interaction.permissions, send[0]):
        raise PersonError("You may not send messages in this channel, so I won't post here for you either.")


async def check_load(interaction: discord.Interaction) -> None:
    """Raise `PersonError` where this member watches enough running jobs already."""
    place = place_of(interaction)
    if await bot_of(interaction).store.count_running(interaction.user.id, place.guild_id) >= MOST_RUNNING:
        raise PersonError(
            f"You are watching {MOST_RUNNING} running jobs already. Please wait until one of them is done."
        )


async def ask(interaction: discord.Interaction, job: Job, *, again: bool = False) -> Wish:
    """Keep the wish of whoever caused the interaction to be told here about `job`, and set everything moving."""
    bot = bot_of(interaction)
    bot.store.saw(interaction.id)
    if not interaction.app_permissions.read_message_history:
        # Discord then shows the courier an empty history, so a send that is cut off is protected by its nonce alone.
        log.warning("No right to Read Message History in channel %s; a crash may repeat a post", interaction.channel_id)
    wish = await bot.store.ask(job, place_of(interaction), person_of(interaction), again=again)
    # The promise stands from here on: watcher and courier find it in the store, also after a crash.
    bot.watcher.watch(wish.known)
    if wish.asked is not Asked.POSTED:
        bot.deliver_soon()
    return wish


def jump(place: Place, message_id: int) -> str:
    """The address of a message."""
    return f"https://discord.com/channels/{place.guild_id}/{place.channel_id}/{message_id}"


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"

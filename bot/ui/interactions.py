"""What an interaction (a command, a button, a form) says: its bot, destination, member and their permissions."""

from collections.abc import Mapping
from typing import Protocol, cast

import discord

from bot.discord_errors import REQUEST_ERRORS
from bot.errors import UserError
from bot.images import ImageClient
from bot.models import Destination, Person
from bot.polling import Pollers
from bot.providers.registry import Providers
from bot.settings import Settings
from bot.store import Store
from bot.submissions import SubmissionQueues
from bot.ui.age_restrictions import AgeRestrictions
from bot.ui.file_limits import FileLimits
from bot.ui.posting_checks import PostingChecks
from bot.ui.refused_posts import RefusedPosts
from bot.ui.view_rights import ViewRights


class Bot(Protocol):
    """The parts of the running bot that `bot.ui` uses; `bot.client.Darkroom` is one."""

    store: Store
    providers: Providers
    poller: Pollers
    submissions: SubmissionQueues
    settings: Settings
    command_mentions: Mapping[str, str]
    posting_checks: PostingChecks
    refused_posts: RefusedPosts
    view_rights: ViewRights
    age_restrictions: AgeRestrictions
    file_limits: FileLimits
    pictures: ImageClient

    async def check_server(self, interaction: discord.Interaction) -> bool:
        """Whether the interaction's server is served; if it is not, the interaction is answered."""

    async def is_owner(self, user: discord.User, /) -> bool:
        """Whether this person owns the application, or develops it in the team that owns it."""

    def deliver_soon(self) -> None:
        """Wake the dispatcher."""


def bot_of(interaction: discord.Interaction) -> Bot:
    """The bot that received an interaction."""
    return cast(Bot, interaction.client)


def destination_of(interaction: discord.Interaction) -> Destination:
    """Where an interaction happened; raises `UserError` outside a server."""
    if interaction.guild_id is None or interaction.channel_id is None:
        raise UserError("I work in a server's channels only.")
    return Destination(guild_id=interaction.guild_id, channel_id=interaction.channel_id)


def person_of(interaction: discord.Interaction) -> Person:
    """The member of an interaction, with their display name in its server."""
    return Person(id=interaction.user.id, name=interaction.user.display_name)


def role_ids_of(interaction: discord.Interaction) -> frozenset[int]:
    """The ids of the member's roles, including @everyone, whose id is the server's."""
    everyone = destination_of(interaction).guild_id
    # Member.roles knows cached roles only, and this bot has no cache; the ids came with the interaction.
    return frozenset((everyone, *(interaction.user._roles if isinstance(interaction.user, discord.Member) else ())))


def is_moderator(interaction: discord.Interaction) -> bool:
    """Whether the member has Manage Messages in this channel."""
    return interaction.permissions.manage_messages


async def is_owner(interaction: discord.Interaction) -> bool:
    """Whether the member owns this bot, so that they may see the provider's account; `False` if Discord is down."""
    try:
        return await bot_of(interaction).is_owner(cast(discord.User, interaction.user))
    except REQUEST_ERRORS:  # discord.py fetches the owner once
        return False


def in_thread(interaction: discord.Interaction) -> bool:
    """Whether an interaction happened in a thread, where sending needs another permission."""
    return isinstance(interaction.channel, discord.Thread)


async def remember_file_limit_of(interaction: discord.Interaction) -> None:
    """Store the server's file size limit, which Discord sends with every interaction; a member's own does not count."""
    if interaction.guild_id is None or interaction.filesize_limit <= 0:
        return
    limit = await bot_of(interaction).file_limits.of_server(interaction.guild_id, interaction.filesize_limit)
    if limit is not None:
        await bot_of(interaction).store.servers.remember_file_limit(interaction.guild_id, limit)


def jump(destination: Destination, message_id: int) -> str:
    """The jump link of a message."""
    return f"https://discord.com/channels/{destination.guild_id}/{destination.channel_id}/{message_id}"

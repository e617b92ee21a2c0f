"""Permissions for posting, and what Discord says now about the channel and the role that a server's admins chose.

Either may have been deleted since. The bot keeps no caches, so Discord is asked. If Discord does not answer, the
channel or role counts as usable: the dispatcher handles a refused post.
"""

import asyncio
import logging
from collections.abc import Collection, Sequence
from typing import NamedTuple

import discord

from bot import discord_internals
from bot.discord_codes import DiscordCode
from bot.discord_errors import REQUEST_ERRORS
from bot.models import Destination

log = logging.getLogger(__name__)

GONE = "it was deleted, or is hidden from me"

QUICK_TIMEOUT_SECONDS = 1.0
"""For a check before an interaction is answered: Discord expects the answer within 3 seconds."""
_TIMEOUT_SECONDS = 10.0  # for a few quick requests to Discord


class Permission(NamedTuple):
    """A permission: its attribute in `discord.Permissions`, and the name that Discord shows."""

    flag: str
    label: str


READ_HISTORY = Permission("read_message_history", "Read Message History")
_CONNECT = Permission("connect", "Connect")
_SEND = Permission("send_messages", "Send Messages")
_SEND_IN_THREADS = Permission("send_messages_in_threads", "Send Messages in Threads")


def send_permission(*, thread: bool) -> Permission:
    """The permission to send messages in a channel or in a thread."""
    return _SEND_IN_THREADS if thread else _SEND


def needed(*, thread: bool, voice: bool = False) -> tuple[Permission, ...]:
    """The permissions that a post needs; in the chat of a voice or stage channel, Connect is one.

    https://discord.com/developers/docs/topics/permissions#permission-overwrites
    """
    return (
        Permission("view_channel", "View Channel"),
        *((_CONNECT,) if voice else ()),
        send_permission(thread=thread),
        Permission("embed_links", "Embed Links"),
        Permission("attach_files", "Attach Files"),
    )


def lacking(permissions: discord.Permissions, *, thread: bool = False, voice: bool = False) -> list[str]:
    """The names of the permissions that are missing for a post."""
    return [
        permission.label
        for permission in needed(thread=thread, voice=voice)
        if not getattr(permissions, permission.flag)
    ]


def is_voice(channel: object) -> bool:
    """Whether a channel is a voice or stage channel, whose chat needs Connect, too, for reading and for writing."""
    return isinstance(channel, discord.VoiceChannel | discord.StageChannel)


def is_locked(thread: discord.Thread, permissions: discord.Permissions) -> bool:
    """Whether a moderator has locked a thread, for all who lack Manage Threads."""
    return thread.locked and not permissions.manage_threads


def listed(words: Sequence[str]) -> str:
    """Words as a sentence lists them: "A", "A and B", "A, B and C"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


async def channel_error(bot: discord.Client, destination: Destination) -> str | None:
    """Why the bot cannot post in a channel, as half a sentence; `None` if it can, as far as is known."""
    assert bot.user is not None
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            guild = await bot.fetch_guild(destination.guild_id, with_counts=False)
            channel = await guild.fetch_channel(destination.channel_id)
            thread = channel if isinstance(channel, discord.Thread) else None
            if thread is not None:  # a thread's permissions are those of its channel, which no cache holds
                channel = await guild.fetch_channel(thread.parent_id)
            me = await guild.fetch_member(bot.user.id)
    except (discord.NotFound, discord.Forbidden, discord.InvalidData):
        return GONE
    except REQUEST_ERRORS as error:  # this check keeps no member from requesting a job
        log.info("Could not check channel %s (%s)", destination.channel_id, type(error).__name__)
        return None
    if thread is None and not isinstance(channel, discord.abc.Messageable):
        return "messages can't be sent in it, only in a channel or post inside it"
    me.timed_out_until = None  # that would mask the permissions, and is waited for, see `posting_checks`
    permissions = channel.permissions_for(me)
    if thread is not None and is_locked(thread, permissions):
        return "it is locked"
    missing = lacking(permissions, thread=thread is not None, voice=is_voice(channel))
    if thread is None and _SEND.label in missing:  # Discord then reports Embed Links and Attach Files missing, too
        missing = missing[: missing.index(_SEND.label) + 1]
    return f"I lack {listed(missing)} there" if missing else None


async def postable_destination(
    bot: discord.Client, channel_id: int, guilds: Collection[int] | None
) -> Destination | None:
    """The destination of a channel, if its server is one of `guilds` (`None`: any) and the bot can post in it.

    Raises `OSError` if Discord does not answer.
    """
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            channel = await discord_internals.get_channel(bot, channel_id)
    except (discord.NotFound, discord.Forbidden):
        log.warning("Cannot post a job in the channel %d that it names: it is deleted or hidden", channel_id)
        return None
    except REQUEST_ERRORS as error:
        raise OSError(f"Discord did not say where a channel is ({type(error).__name__})") from None
    guild_id = int(str(channel.get("guild_id") or 0))
    if not guild_id or (guilds is not None and guild_id not in guilds):
        log.warning("Cannot post a job in the channel %d that it names: its server is not listed", channel_id)
        return None
    destination = Destination(guild_id=guild_id, channel_id=channel_id)
    if (why := await channel_error(bot, destination)) is not None:
        log.warning("Cannot post a job in the channel %d that it names: %s", channel_id, why)
        return None
    return destination


async def role_is_gone(
    bot: discord.Client, guild_id: int, role_id: int | None, *, timeout_seconds: float = _TIMEOUT_SECONDS
) -> bool:
    """Whether Discord says that a role was deleted; `False` if it does not answer within `timeout_seconds`."""
    if role_id is None or role_id == guild_id:
        return False  # no role, or @everyone
    try:
        async with asyncio.timeout(timeout_seconds):
            await discord_internals.get_role(bot, guild_id, role_id)
    except discord.NotFound as answer:
        return answer.code == DiscordCode.UNKNOWN_ROLE
    except REQUEST_ERRORS as error:
        log.info("Could not check role %s (%s)", role_id, type(error).__name__)
    return False

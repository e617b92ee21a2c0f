"""The channel and the role that a server's admins chose, as Discord knows them now: either may be gone since.

The bot keeps no caches, so it asks. What cannot be learnt just now counts as well: the courier copes if it is not.
"""

import asyncio
import logging
from collections.abc import Collection, Sequence

import discord

from bot import discord_internals
from bot.discord_codes import DiscordCode
from bot.models import Destination

log = logging.getLogger(__name__)

GONE = "it was deleted, or is hidden from me"

_PATIENCE = 10.0  # seconds for a few quick questions to Discord
_IN_CHANNEL, _IN_THREAD = ("send_messages", "Send Messages"), ("send_messages_in_threads", "Send Messages in Threads")


def needed(*, thread: bool) -> tuple[tuple[str, str], ...]:
    """The rights that a post needs, each with the name that Discord shows."""
    return (
        ("view_channel", "View Channel"),
        _IN_THREAD if thread else _IN_CHANNEL,
        ("embed_links", "Embed Links"),
        ("attach_files", "Attach Files"),
    )


def lacking(permissions: discord.Permissions, *, thread: bool = False) -> list[str]:
    """The names of the rights that are missing for a post."""
    return [label for name, label in needed(thread=thread) if not getattr(permissions, name)]


def listed(words: Sequence[str]) -> str:
    """Words as a sentence lists them: "A", "A and B", "A, B and C"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


async def channel_trouble(bot: discord.Client, destination: Destination) -> str:
    """Why the bot cannot post in a channel, as half a sentence; empty where it can, as far as is known."""
    assert bot.user is not None
    try:
        async with asyncio.timeout(_PATIENCE):
            guild = await bot.fetch_guild(destination.guild_id, with_counts=False)
            channel = await guild.fetch_channel(destination.channel_id)
            thread = channel if isinstance(channel, discord.Thread) else None
            if thread is not None:  # its rights are its channel's, which no cache holds
                channel = await guild.fetch_channel(thread.parent_id)
            me = await guild.fetch_member(bot.user.id)
    except (discord.NotFound, discord.Forbidden, discord.InvalidData):
        return GONE
    except Exception as error:  # noqa: BLE001 -- whatever it is, it must not keep anybody from asking for a job
        log.info("Discord did not say how channel %s stands (%s)", destination.channel_id, type(error).__name__)
        return ""
    if thread is None and not isinstance(channel, discord.abc.Messageable):
        return "nobody can write in it, only in a channel or post inside it"
    rights = channel.permissions_for(me)
    if thread is not None and thread.locked and not rights.manage_threads:
        return "it is locked"
    missing = lacking(rights, thread=thread is not None)
    if thread is None and _IN_CHANNEL[1] in missing:  # Discord then counts those to embed and attach as missing, too
        missing = missing[: missing.index(_IN_CHANNEL[1]) + 1]
    return f"I lack {listed(missing)} there" if missing else ""


async def postable_destination(
    bot: discord.Client, channel_id: int, guilds: Collection[int] | None
) -> Destination | None:
    """Where a channel is, if it is in one of these servers (`None`: any) and the bot can post in it; else `None`.

    Raises `OSError` where Discord does not say just now.
    """
    try:
        async with asyncio.timeout(_PATIENCE):
            channel = await discord_internals.get_channel(bot, channel_id)
    except (discord.NotFound, discord.Forbidden):
        log.warning("A job wants to be shown in channel %d, which I do not see", channel_id)
        return None
    except Exception as error:  # noqa: BLE001 -- whatever it is, it may be over when Discord is asked again
        raise OSError(f"Discord did not say where a channel is ({type(error).__name__})") from None
    guild_id = int(str(channel.get("guild_id") or 0))
    if not guild_id or (guilds is not None and guild_id not in guilds):
        log.warning("A job wants to be shown in channel %d, whose server is not listed", channel_id)
        return None
    destination = Destination(guild_id=guild_id, channel_id=channel_id)
    if why := await channel_trouble(bot, destination):
        log.warning("A job wants to be shown in channel %d: %s", channel_id, why)
        return None
    return destination


async def role_is_gone(bot: discord.Client, guild_id: int, role_id: int | None, *, patience: float = _PATIENCE) -> bool:
    """Whether a role was deleted, for certain; Discord has `patience` seconds to say so."""
    if role_id is None or role_id == guild_id:
        return False  # nobody's, or everybody's
    try:
        async with asyncio.timeout(patience):
            await discord_internals.get_role(bot, guild_id, role_id)
    except discord.NotFound as answer:
        return answer.code == DiscordCode.UNKNOWN_ROLE
    except Exception as error:  # noqa: BLE001 -- see above
        log.info("Discord did not say whether role %s is there (%s)", role_id, type(error).__name__)
    return False

"""Which channels a member, or every reader of a channel, can view: what happened elsewhere is shown to nobody else.

The bot keeps no caches of Discord's, so Discord is asked. What it does not answer counts as "no".
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Iterable

import discord

from bot.discord_errors import REQUEST_ERRORS
from bot.models import Destination
from bot.ui.permissions import is_voice

log = logging.getLogger(__name__)

_MAX_CHANNELS = 10  # asked about at once, a few requests each; of the others nothing is shown
_TIMEOUT_SECONDS = 5.0
_MAX_ANSWERS = 1000  # kept at a time
_READERS_MAX_AGE = 60.0  # seconds: a status card is edited every few seconds


class ViewRights:
    """Asks Discord who can view which channel, and keeps its answers for those who accept older ones."""

    def __init__(self, client: discord.Client) -> None:
        self._client = client
        self._answers: dict[tuple[int, int], tuple[float, bool]] = {}  # by who (member or channel) and channel

    async def of_member(
        self,
        interaction: discord.Interaction,
        channel_ids: Iterable[int],
        *,
        max_age: float = 0,
        timeout_seconds: float = _TIMEOUT_SECONDS,
    ) -> frozenset[int]:
        """Those of the channels and threads that the interaction's member can view; its own channel is one.

        `max_age`: how many seconds old an answer may be.
        """
        member, guild_id, channel_id = interaction.user, interaction.guild_id, interaction.channel_id
        if not isinstance(member, discord.Member) or guild_id is None or channel_id is None:
            return frozenset()
        here = Destination(guild_id=guild_id, channel_id=channel_id)

        async def can_view(guild: discord.Guild, channel_id: int) -> bool:
            return await _member_can_view(guild, channel_id, member)

        return await self._of(member.id, here, channel_ids, can_view, max_age, timeout_seconds)

    async def in_server(self, interaction: discord.Interaction, channel_ids: Collection[int]) -> list[int]:
        """Those of the channels and threads of the interaction's server that its member can view, in their order.

        Discord is asked for the whole server, in three requests however many channels there are. Private threads and
        archived ones are not in its answer: the first ten of them are asked about, see `of_member`.
        """
        member, guild_id = interaction.user, interaction.guild_id
        if not isinstance(member, discord.Member) or guild_id is None:
            return []
        listed: dict[int, bool] = {}
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                listed = await _viewable_of_server(self._client, guild_id, member)
        except REQUEST_ERRORS as error:
            log.info("Could not check which channels a member can view (%s)", type(error).__name__)
        others = await self.of_member(interaction, [each for each in channel_ids if each not in listed])
        return [each for each in channel_ids if listed.get(each, each in others)]

    async def of_readers(self, destination: Destination, channel_ids: Iterable[int]) -> frozenset[int]:
        """Those of the channels and threads that certainly all can view who can view `destination`, which is one."""

        async def can_view(guild: discord.Guild, channel_id: int) -> bool:
            return await _readers_can_view(guild, channel_id, destination.channel_id)

        return await self._of(
            destination.channel_id, destination, channel_ids, can_view, _READERS_MAX_AGE, _TIMEOUT_SECONDS
        )

    async def _of(
        self,
        who: int,
        here: Destination,
        channel_ids: Iterable[int],
        can_view: Callable[[discord.Guild, int], Awaitable[bool]],
        max_age: float,
        timeout_seconds: float,
    ) -> frozenset[int]:
        others = [channel_id for channel_id in dict.fromkeys(channel_ids) if channel_id != here.channel_id]
        oldest = time.monotonic() - max_age
        answers = {other: known for other in others if (known := self._answers.get((who, other))) and known[0] > oldest}
        unknown = [other for other in others if other not in answers][:_MAX_CHANNELS]
        if unknown:
            answers |= await self._ask(who, here.guild_id, unknown, can_view, timeout_seconds)
        return frozenset({here.channel_id, *(other for other, (_, visible) in answers.items() if visible)})

    async def _ask(
        self,
        who: int,
        guild_id: int,
        channel_ids: list[int],
        can_view: Callable[[discord.Guild, int], Awaitable[bool]],
        timeout_seconds: float,
    ) -> dict[int, tuple[float, bool]]:
        """Discord's answers by channel, as far as there are any; a bug in one of the checks is raised."""
        try:
            async with asyncio.timeout(timeout_seconds):
                guild = await self._client.fetch_guild(guild_id, with_counts=False)
                results = await asyncio.gather(
                    *(can_view(guild, channel_id) for channel_id in channel_ids), return_exceptions=True
                )
        except REQUEST_ERRORS as error:
            log.info("Could not check who can view channels (%s)", type(error).__name__)
            return {}
        now = time.monotonic()
        answers: dict[int, tuple[float, bool]] = {}
        for channel_id, result in zip(channel_ids, results, strict=True):
            if isinstance(result, bool):
                answers[channel_id] = (now, result)
            elif not isinstance(result, REQUEST_ERRORS):
                raise result
            elif not isinstance(result, discord.NotFound | discord.Forbidden):  # deleted, or hidden from the bot
                log.info("Could not check who can view channel %d (%s)", channel_id, type(result).__name__)
        if len(self._answers) + len(answers) > _MAX_ANSWERS:
            self._answers.clear()
        self._answers.update({(who, channel_id): answer for channel_id, answer in answers.items()})
        return answers


async def _viewable_of_server(client: discord.Client, guild_id: int, member: discord.Member) -> dict[int, bool]:
    """Whether a member can view each channel of a server, and each active public thread."""
    guild = await client.fetch_guild(guild_id, with_counts=False)
    channels, threads = await asyncio.gather(guild.fetch_channels(), guild.active_threads())
    viewable = {channel.id: _can_view(channel, member) for channel in channels}
    public = (thread for thread in threads if not thread.is_private())
    return viewable | {thread.id: viewable.get(thread.parent_id, False) for thread in public}


def _can_view(channel: discord.abc.GuildChannel, member: discord.Member) -> bool:
    permissions = channel.permissions_for(member)
    return permissions.view_channel and (permissions.connect or not is_voice(channel))


async def _member_can_view(guild: discord.Guild, channel_id: int, member: discord.Member) -> bool:
    channel, thread = await _fetch(guild, channel_id)
    if not _can_view(channel, member):
        return False
    if thread is None or not thread.is_private() or channel.permissions_for(member).manage_threads:
        return True
    try:
        await thread.fetch_member(member.id)
    except discord.NotFound:
        return False
    return True


async def _readers_can_view(guild: discord.Guild, channel_id: int, readers_of: int) -> bool:
    """Whether the channel holds a thread's readers, has the same rules for viewing, or is open to everyone."""
    channel, thread = await _fetch(guild, channel_id)
    if thread is not None and thread.is_private():
        return False
    own, _ = await _fetch(guild, readers_of)
    if own.id == channel.id:
        return True
    if is_voice(channel):
        return False
    rules = _view_rules(channel)
    if rules == _view_rules(own):
        return True
    return channel.permissions_for(guild.default_role).view_channel and False not in rules.values()


async def _fetch(guild: discord.Guild, channel_id: int) -> tuple[discord.abc.GuildChannel, discord.Thread | None]:
    """A channel, or the channel of a thread and the thread."""
    found = await guild.fetch_channel(channel_id)
    if not isinstance(found, discord.Thread):
        return found, None
    parent = await guild.fetch_channel(found.parent_id)
    assert not isinstance(parent, discord.Thread), "Discord has no threads in threads"
    return parent, found


def _view_rules(channel: discord.abc.GuildChannel) -> dict[int, bool]:
    """Whom the channel's overwrites allow or deny viewing it, by the id of the role or member."""
    overwrites = ((target.id, overwrite.view_channel) for target, overwrite in channel.overwrites.items())
    return {target_id: view for target_id, view in overwrites if view is not None}

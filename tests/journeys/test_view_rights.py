"""Who can view which channel, as Discord says it now: threads, voice chats, deleted and hidden channels."""

import discord

from bot.models import Destination
from bot.ui.view_rights import ViewRights, _member_can_view
from tests.journeys.conftest import BotHarness


async def test_a_member_can_view_what_discord_lets_them_read(harness: BotHarness) -> None:
    async def can_view(who: object, channel_id: int) -> bool:
        guild = await harness.bot.fetch_guild(harness.guild.id)
        return await _member_can_view(guild, channel_id, await guild.fetch_member(who.id))  # type: ignore[attr-defined]

    manage = discord.Permissions(manage_threads=True)
    keeper = harness.guild.add_member(
        harness.env.create_user("Kim"), roles=[harness.guild.create_role("Keepers", permissions=manage)]
    )
    public, private = harness.thread(), harness.thread(private=True, members=(harness.bo,))
    ada = harness.newcomer()
    assert await can_view(ada, harness.channel.id)
    assert await can_view(ada, public.id)
    assert [await can_view(who, private.id) for who in (harness.bo, keeper, ada)] == [True, True, False]
    harness.forbid(harness.bo, "view_channel")
    assert not await can_view(harness.bo, harness.channel.id)
    assert not await can_view(harness.bo, public.id)
    assert not await can_view(harness.bo, private.id), "a member of the thread, but not of its channel"
    voice = harness.guild.create_voice_channel("voice")
    assert await can_view(ada, voice.id)
    harness.forbid(ada, "connect", channel=voice)
    assert not await can_view(ada, voice.id)


async def test_readers_of_a_channel_can_view_an_open_one_and_one_with_the_same_rules(harness: BotHarness) -> None:
    pictures, lounge = harness.channel, harness.lounge
    public, private = harness.thread(), harness.thread(private=True)
    staff = harness.guild.create_text_channel("staff")
    harness.close_to_all_but_moderators(staff)

    async def viewable(channel_id: int) -> set[int]:
        destination = Destination(guild_id=harness.guild.id, channel_id=channel_id)
        channels = (pictures.id, lounge.id, public.id, private.id, staff.id, 12345)
        return set(await ViewRights(harness.bot).of_readers(destination, channels))

    open_to_all = {pictures.id, lounge.id, public.id}
    assert await viewable(pictures.id) == open_to_all
    assert await viewable(private.id) == open_to_all | {private.id}
    assert await viewable(staff.id) == open_to_all | {staff.id}
    harness.forbid(harness.bo, "view_channel", channel=lounge)
    assert await viewable(pictures.id) == open_to_all - {lounge.id}, "Bo reads the pictures"
    harness.close_to_all_but_moderators(pictures)
    assert await viewable(staff.id) == {pictures.id, public.id, staff.id}
    assert await viewable(public.id) == {pictures.id, public.id, staff.id}

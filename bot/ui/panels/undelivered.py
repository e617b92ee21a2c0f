"""What `/jobs` says about results that could not be posted, and posting one of them in another channel."""

from collections.abc import Collection, Sequence

import discord

from bot import formatting
from bot.models import Submission
from bot.store import SubscriptionOutcome, UndeliveredResult
from bot.ui.interactions import bot_of, destination_of, person_of
from bot.ui.posting_texts import error_text
from bot.ui.subscription_replies import posted_url
from bot.ui.subscription_requests import check_posting

_NOT_WAITING = "You aren't waiting for it any more."


def undelivered_lines(results: Sequence[UndeliveredResult], visible: Collection[int]) -> list[str]:
    """The lines about a member's results that are not posted; `visible` are the channels that they can view."""
    lines: list[str] = []
    for title, given_up in (("**Could not be posted**", True), ("**Not posted yet**", False)):
        listed = [result for result in results if result.given_up is given_up]
        if listed:
            lines += [title, *(_line(result, visible) for result in listed), ""]
    return lines


def notice_lines(submissions: Sequence[Submission]) -> list[str]:
    """The lines about a member's submissions whose notice could not be posted."""
    if not submissions:
        return []
    return ["**Not said in the channel**", *(f"- {formatting.ended(each)}" for each in submissions), ""]


def may_move(result: UndeliveredResult, visible: Collection[int]) -> bool:
    """Whether a member may have it posted elsewhere: what they brought themselves, and what they can view."""
    return result.given_up and (result.brought or result.delivery.destination.channel_id in visible)


async def post_here(interaction: discord.Interaction, delivery_id: int) -> str:
    """Have one of the member's given-up results posted in this channel; a sentence about it.

    Raises `UserError` as `check_posting` does.
    """
    bot, here = bot_of(interaction), destination_of(interaction)
    results = await bot.store.undelivered.of_member(interaction.user.id, here.guild_id)
    result = next((each for each in results if each.delivery.id == delivery_id), None)
    if result is None:
        return _NOT_WAITING
    visible = await bot.view_rights.of_member(interaction, [result.delivery.destination.channel_id])
    if not may_move(result, visible):
        return _NOT_WAITING
    waits = await check_posting(interaction)
    subscribed = await bot.store.undelivered.post_in(delivery_id, here, person_of(interaction))
    if subscribed is None:
        return _NOT_WAITING
    if subscribed.outcome is SubscriptionOutcome.POSTED:
        return f"It's already posted here: {posted_url(subscribed)}"
    bot.deliver_soon()
    return f"`#{subscribed.known.key}` is being posted here. {waits}".strip()


def _line(result: UndeliveredResult, visible: Collection[int]) -> str:
    channel_id, key = result.delivery.destination.channel_id, result.known.key
    reason = error_text(result.delivery.error)
    if not result.brought and channel_id not in visible:
        return f"- `#{key}` in another channel. {reason}"
    return f"- {formatting.summary(result.known.job)} `#{key}` in <#{channel_id}>. {reason}"

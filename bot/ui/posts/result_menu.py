"""The entries of a result's private menu (`⋯`) for everyone: related jobs, the prompt, the four pictures, full size."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import discord
import msgspec
from discord import ui

from bot import formatting
from bot.discord_errors import REQUEST_ERRORS
from bot.errors import UserError
from bot.images import link_ends, names_the_payer, on_allow_list
from bot.models import Delivery, DeliveryKind, Job, Status
from bot.models.midjourney_buttons import is_picture_grid
from bot.ui import replies
from bot.ui.base import NONCE, DeliveryButton, delete_post, may_know_reason, view_of
from bot.ui.interactions import bot_of, jump
from bot.ui.press.hidden_addresses import hide
from bot.ui.prompt_blocks import prompt_blocks
from bot.ui.refusals import EDIT_PERMISSIONS
from bot.ui.subscription_requests import check_posting

NO_PROMPT = "This job has no prompt."
"""The sentence where `may_read_prompt` says no."""

_URL_LIMIT = 512  # Discord's, for a button


class FullSizeLink(msgspec.Struct, frozen=True, kw_only=True):
    """The address of the picture in full size, and when it expires (aware)."""

    url: str
    until: datetime


def full_size(job: Job, now: datetime, hosts: Sequence[str], *, private: bool = False) -> FullSizeLink | None:
    """The link to Midjourney's own file at Discord; `None` if there is none, or if it has expired.

    `hosts` are those that pictures may come from: a host, for https, or a whole origin. `private`: it is for a member
    who may see the job id, and so an address that names the payer.
    """
    if job.status != Status.COMPLETED or not job.attachments or job.separate_pictures:
        return None
    url = job.attachments[0].url
    until = link_ends(url)
    if until is None or until <= now or len(url) > _URL_LIMIT or (names_the_payer(url) and not private):
        return None
    if not on_allow_list(url, hosts):
        return None
    return FullSizeLink(url=url, until=until)


def is_still_grid(job: Job) -> bool:
    """Whether the result shows four pictures in one file."""
    is_grid = is_picture_grid(job.buttons) or bool(job.separate_pictures)
    return job.status == Status.COMPLETED and is_grid and not job.video_ux


class RelatedButton(DeliveryButton, ui.DynamicItem[ui.Button[Any]], template=rf"dr:f:{NONCE}"):
    """Lists the jobs that a picture was made from, and those that were made from it."""

    code = "f"
    label = "Related"

    async def act(self, interaction: discord.Interaction) -> None:
        """List the ancestors and descendants that were posted where the member can view them."""
        delivery, known = await self.resolve(interaction, DeliveryKind.RESULT)
        await interaction.response.defer(ephemeral=True, thinking=True)  # Discord is asked what the member can view
        bot, destination = bot_of(interaction), delivery.destination
        channels = await bot.store.related_jobs.channels(known, destination.guild_id)
        visible = await bot.view_rights.of_member(interaction, channels)
        limit = formatting.RELATED_JOBS_LIMIT
        related, more = await bot.store.related_jobs.of(known, destination, visible, limit=limit)
        lines = [
            formatting.RelatedJobLine(
                job=each.known.job,
                key=each.known.key,
                generation=each.generation,
                url=_url(each.post),
                here=each.known.id == known.id,
            )
            for each in related
        ]
        await replies.say(interaction, "", embed=formatting.related_jobs(lines, more))


async def may_read_prompt(interaction: discord.Interaction, delivery: Delivery, job: Job) -> bool:
    """Whether there is a prompt that the member may read: a declined one is for whoever knows the reason."""
    if not formatting.prompt(job):
        return False
    return job.status != Status.MODERATED or await may_know_reason(interaction, delivery)


class PromptButton(DeliveryButton, ui.DynamicItem[ui.Button[Any]], template=rf"dr:pr:{NONCE}"):
    """Shows the prompt in its full length, in private, to copy it."""

    code = "pr"
    label = "Prompt"

    async def act(self, interaction: discord.Interaction) -> None:
        """Show the prompt; placeholders are in place of addresses that name the payer, as in the forms."""
        delivery, known = await self.resolve(interaction, DeliveryKind.RESULT)
        if not await may_read_prompt(interaction, delivery, known.job):
            raise UserError(NO_PROMPT)
        blocks = prompt_blocks(hide(formatting.prompt(known.job)))
        await interaction.response.send_message(embeds=blocks, ephemeral=True)


def _url(post: Delivery | None) -> str | None:
    return None if post is None or post.message_id is None else jump(post.destination, post.message_id)


class SplitButton(DeliveryButton, ui.DynamicItem[ui.Button[Any]], template=rf"dr:q:{NONCE}"):
    """Posts a grid's four pictures as separate files, free of charge."""

    code = "q"
    label = "Split into four"

    async def act(self, interaction: discord.Interaction) -> None:
        """Create the delivery of the four pictures, at most one per destination."""
        delivery, known = await self.resolve(interaction, DeliveryKind.RESULT)
        if not is_still_grid(known.job):
            raise UserError("This post isn't a grid of four pictures, so it can't be split.")
        waits = await check_posting(interaction)
        store = bot_of(interaction).store
        bot_of(interaction).refused_posts.expect_split(known.id, delivery.destination.channel_id, interaction.user.id)
        posted = await store.deliveries.add_split(known.id, delivery.destination)
        if posted is not None:
            await interaction.response.defer(ephemeral=True, thinking=True)
            if await _is_intact(interaction, posted):
                await replies.say(interaction, f"The four pictures are already posted: [see them here]({_url(posted)})")
                return
            await store.outbox.drop(posted)
            await store.deliveries.add_split(known.id, delivery.destination)
        bot_of(interaction).deliver_soon()
        await replies.say(interaction, f"I'll post the four pictures here. {waits}".strip())


async def _is_intact(interaction: discord.Interaction, split: Delivery) -> bool:
    """Whether the posted message still exists and holds pictures; `True` if Discord does not answer.

    A message without pictures (it says why they could not be fetched) is deleted, to be posted again. Raises
    `UserError` where the bot may not look: the message may have been deleted.
    """
    assert split.message_id is not None
    channel = interaction.client.get_partial_messageable(split.destination.channel_id)
    try:
        message = await channel.fetch_message(split.message_id)
        if not message.attachments:
            await message.delete()
    except discord.NotFound:
        return False
    except discord.Forbidden:
        raise UserError(
            f"The four pictures were posted before: [see them here]({_url(split)}). If they were deleted, I can't post "
            f"them again, because I lack Read Message History here. {EDIT_PERMISSIONS}"
        ) from None
    except REQUEST_ERRORS:
        return True
    return bool(message.attachments)


def split_view(nonce: str) -> ui.View:
    """The button below the four pictures."""
    return view_of(DeleteSplitButton(nonce))


class DeleteSplitButton(DeliveryButton, ui.DynamicItem[ui.Button[Any]], template=rf"dr:v:{NONCE}"):
    """Deletes the message with the four pictures."""

    code = "v"
    label = "Delete"

    async def act(self, interaction: discord.Interaction) -> None:
        """Delete it for the requester or a moderator."""
        delivery, _ = await self.resolve_for_manager(
            interaction, "Only whoever added this job and moderators can delete these.", DeliveryKind.SPLIT
        )
        await interaction.response.defer()
        await delete_post(interaction, delivery)

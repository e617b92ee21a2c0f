"""The buttons below a result, and the private menu that its `⋯` opens."""

from collections.abc import Mapping
from typing import Any

import discord
from discord import ui

from bot import formatting
from bot.errors import UserError
from bot.models import CostTier, DeliveryKind, DeliveryState, Job, Origin, Status
from bot.models.midjourney_buttons import button_for
from bot.ui import replies
from bot.ui.base import (
    NONCE,
    DeliveryButton,
    delete_post,
    may_know_reason,
    may_manage_post,
    may_see_id,
    picture_link,
    view_of,
)
from bot.ui.imagine import start_rules
from bot.ui.imagine.request import presser_of
from bot.ui.interactions import bot_of
from bot.ui.posts.again import AgainButton
from bot.ui.posts.described_prompts import described_prompt_buttons
from bot.ui.posts.result_menu import (
    PromptButton,
    RelatedButton,
    SplitButton,
    full_size,
    is_still_grid,
    may_read_prompt,
)
from bot.ui.posts.seed import SeedButton, offers_seed
from bot.ui.posts.star import star_button
from bot.ui.press.job_buttons import JobButton, name_of
from bot.ui.subscription_requests import check_posting, subscribe

# Seconds in which a post whose send was never answered may still get its picture: it may show a link only.
_PICTURE_RETRY_SECONDS = 60.0
_NO_PICKS: Mapping[str, str] = {}


def result_view(nonce: str, job: Job, *, bare: bool = False, used: Mapping[str, str] = _NO_PICKS) -> ui.View:
    """The buttons of a result: the job's own in Midjourney's layout, and `⋯`, which every result has.

    `used` maps the label of a used U1-U4 to the jump link of its picture; a link button then replaces that button. A
    `bare` view has `⋯` alone: Discord refused the message, maybe because of a button.
    """
    view = ui.View(timeout=None)
    described = [] if bare else described_prompt_buttons(nonce, job)
    for button in described:
        view.add_item(button)
    labels = [label if button_for(label).offered else "" for label in job.buttons]
    rows = formatting.button_rows(labels) if job.status == Status.COMPLETED and not bare else ()
    share = bool(rows) and len(described) + len(rows[0]) <= formatting.ROW_LIMIT  # as Midjourney's 🔄 does
    first = 1 if described and not share else 0
    rows = rows[: formatting.ROW_LIMIT - 2] if first else rows  # a description has hardly any button of its own
    for number, row in enumerate(rows, first):
        for face in row:
            if face.label in used and button_for(face.label).tier is CostTier.PICK:
                view.add_item(ui.Button(label=f"{face.label} ↗", url=used[face.label], row=number))
            else:
                view.add_item(JobButton(nonce, face.index, label=face.label, emoji=face.emoji, row=number))
    last = first + max(len(rows) - 1, 0)
    if sum(item.row == last for item in view.children) == formatting.ROW_LIMIT:
        last += 1
    if formatting.has_decline_reason(job):
        view.add_item(WhyButton(nonce, row=last))
    view.add_item(MoreButton(nonce, row=last))
    return view


def posted_view(nonce: str, url: str) -> ui.View:
    """The buttons below "It's already posted here.": a link to the post, and a button that posts it again here."""
    return view_of(picture_link(url), PostAgainButton(nonce))


class MoreButton(DeliveryButton, ui.DynamicItem[ui.Button[Any]], template=rf"dr:m:{NONCE}"):
    """`⋯`: opens the private menu. The dispatcher recognises its own results by this custom_id, too."""

    code = "m"
    label = "⋯"

    async def act(self, interaction: discord.Interaction) -> None:
        """Show what this member can do with the post."""
        delivery, known = await self.resolve(interaction, DeliveryKind.RESULT)
        if delivery.state is DeliveryState.SENDING and interaction.message is not None:  # proves that it was posted
            await bot_of(interaction).store.outbox.mark_posted(
                delivery, interaction.message.id, picture_for=_PICTURE_RETRY_SECONDS
            )
        view = view_of(RelatedButton(self.nonce))
        if await may_read_prompt(interaction, delivery, known.job):
            view.add_item(PromptButton(self.nonce))
            settings = await bot_of(interaction).store.servers.settings(delivery.destination.guild_id)
            if start_rules.may_start(settings, presser_of(interaction)):
                view.add_item(AgainButton(self.nonce))
        if offers_seed(known.job, bot_of(interaction).providers.of(known.job.provider)):
            view.add_item(SeedButton(self.nonce))
        if is_still_grid(known.job):
            view.add_item(SplitButton(self.nonce))
        if (star := await star_button(interaction, delivery, known)) is not None:
            view.add_item(star)
        text = f"{name_of(known.job)} · `#{known.key}`"
        may_see = await may_see_id(interaction, delivery)
        hosts = bot_of(interaction).settings.image_hosts
        if link := full_size(known.job, discord.utils.utcnow(), hosts, private=may_see):
            view.add_item(ui.Button(label="Full size", url=link.url))
            text += f" · full-size link works until {discord.utils.format_dt(link.until, 'f')}"
        if may_see:
            view.add_item(ShowIdButton(self.nonce))
        if await may_manage_post(interaction, delivery):
            view.add_item(DeleteButton(self.nonce))
        await replies.say(interaction, text, view=view)


class ShowIdButton(DeliveryButton, ui.DynamicItem[ui.Button[Any]], template=rf"dr:c:{NONCE}"):
    """Shows the provider's job id, in private: it holds the payer's account number."""

    code = "c"
    label = "Show job ID"

    async def act(self, interaction: discord.Interaction) -> None:
        """Show the id to the requester, or to a moderator where the job was brought."""
        delivery, known = await self.resolve(interaction, DeliveryKind.RESULT)
        if not await may_see_id(interaction, delivery):
            raise UserError("Only whoever added this job and moderators can see its ID.")
        await replies.say(interaction, f"```\n{known.job.jobid.replace('`', '')}\n```")


class DeleteButton(DeliveryButton, ui.DynamicItem[ui.Button[Any]], template=rf"dr:d:{NONCE}"):
    """Deletes the post; `/job` can show the job again."""

    code = "d"
    label = "Delete this post"
    style = discord.ButtonStyle.danger

    async def act(self, interaction: discord.Interaction) -> None:
        """Delete the message for the requester or a moderator."""
        delivery, known = await self.resolve_for_manager(
            interaction, "Only whoever added this job and moderators can delete its post."
        )
        await interaction.response.defer(ephemeral=True, thinking=True)  # Discord rate-limits deletes of old messages
        await delete_post(interaction, delivery)
        await replies.say(interaction, f"Deleted. `/job #{known.key}` posts it again.")


class WhyButton(DeliveryButton, ui.DynamicItem[ui.Button[Any]], template=rf"dr:w:{NONCE}"):
    """Shows Midjourney's reason for declining or failing the job, to the requester alone."""

    code = "w"
    label = "Why?"

    async def act(self, interaction: discord.Interaction) -> None:
        """Show the reason to the requester."""
        delivery, known = await self.resolve(interaction, DeliveryKind.RESULT)
        if not await may_know_reason(interaction, delivery):
            raise UserError("Only whoever added this job can see Midjourney's reason.")
        await replies.say(interaction, formatting.decline_reason(known.job))


class PostAgainButton(DeliveryButton, ui.DynamicItem[ui.Button[Any]], template=rf"dr:r:{NONCE}"):
    """Posts a result once more, because the first post may be far up in the channel."""

    code = "r"
    label = "Post again"

    async def act(self, interaction: discord.Interaction) -> None:
        """Create a second delivery."""
        _, known = await self.resolve(interaction, DeliveryKind.RESULT)
        waits = await check_posting(interaction)
        await interaction.response.defer()  # fails if Discord sent the press twice, or so late that it was repeated
        await subscribe(interaction, known.job, origin=Origin.POST, again=True)
        await replies.say(interaction, f"I'll post it here again. {waits}".strip())

"""What stands below a result, and what its `⋯` opens."""

from collections.abc import Mapping
from typing import Any

import discord
from discord import ui

from bot import formatting
from bot.errors import UserError
from bot.models import CostTier, DeliveryKind, DeliveryState, Job, Status
from bot.models.midjourney_buttons import button_for
from bot.ui import replies
from bot.ui.base import NONCE, DeliveryButton, delete_post, may_know_reason, may_manage_post
from bot.ui.interactions import ask, bot_of, check_rights
from bot.ui.posts.result_menu import FamilyButton, SplitButton, full_size, is_still_grid
from bot.ui.press.job_buttons import JobButton, name_of

_PICTURE_FOR = 60.0  # seconds in which a post of which nothing is known gets its picture (again): it may show a link
_NOTHING_USED: Mapping[str, str] = {}


def result_view(nonce: str, job: Job, *, bare: bool = False, used: Mapping[str, str] = _NOTHING_USED) -> ui.View:
    """The buttons of a result: the job's own, laid out as Midjourney has them, and `⋯`, which every result has.

    `used` maps the label of a U1-U4 that was pressed to the jump link of its picture, which then stands in its place.
    A `bare` view has `⋯` alone: perhaps it was a button that Discord refused.
    """
    view = ui.View(timeout=None)
    labels = [label if button_for(label).offered else "" for label in job.buttons]
    rows = formatting.button_rows(labels) if job.status == Status.COMPLETED and not bare else ()
    for number, row in enumerate(rows):
        for face in row:
            if face.label in used and button_for(face.label).tier is CostTier.PICK:
                view.add_item(ui.Button(label=f"{face.label} ↗", url=used[face.label], row=number))
            else:
                view.add_item(JobButton(nonce, face.index, label=face.label, emoji=face.emoji, row=number))
    last = max(len(rows) - 1, 0)
    if rows and len(rows[last]) == 5:
        last += 1
    if formatting.has_decline_reason(job):
        view.add_item(WhyButton(nonce, row=last))
    view.add_item(MoreButton(nonce, row=last))
    return view


def posted_view(nonce: str, url: str) -> ui.View:
    """What stands below "Already posted": the way there, and the wish to see it again here."""
    view = ui.View(timeout=None)
    view.add_item(ui.Button(label="Go to the picture", url=url))
    view.add_item(PostAgainButton(nonce))
    return view


class MoreButton(DeliveryButton, ui.DynamicItem[ui.Button[Any]], template=rf"dr:m:{NONCE}"):
    """`⋯`: private extras. Its custom_id is also how the courier knows its own results again."""

    code = "m"
    label = "⋯"

    async def act(self, interaction: discord.Interaction) -> None:
        """Show what this person can do with the post."""
        delivery, known = await self.resolve(interaction, DeliveryKind.RESULT)
        if delivery.state is DeliveryState.SENDING and interaction.message is not None:  # it stands: here is the proof
            await bot_of(interaction).store.outbox.mark_posted(
                delivery, interaction.message.id, picture_for=_PICTURE_FOR
            )
        view = ui.View(timeout=None)
        view.add_item(FamilyButton(self.nonce))
        if is_still_grid(known.job):
            view.add_item(SplitButton(self.nonce))
        words = f"{name_of(known.job)} · `#{known.key}`"
        may_manage = await may_manage_post(interaction, delivery)
        hosts = bot_of(interaction).settings.image_hosts
        if link := full_size(known.job, discord.utils.utcnow(), hosts, private=may_manage):
            view.add_item(ui.Button(label="Full size", url=link.url))
            words += f" · full size until {discord.utils.format_dt(link.until, 'f')}"
        if may_manage:
            view.add_item(CopyIdButton(self.nonce))
            view.add_item(DeleteButton(self.nonce))
        await replies.say(interaction, words, view=view)


class CopyIdButton(DeliveryButton, ui.DynamicItem[ui.Button[Any]], template=rf"dr:c:{NONCE}"):
    """Shows useapi's id, in private: it holds the payer's account number."""

    code = "c"
    label = "Copy job id"

    async def act(self, interaction: discord.Interaction) -> None:
        """Show the id to the asker or a moderator."""
        _, known = await self.resolve_for_manager(interaction, "see its id")
        await replies.say(interaction, f"```\n{known.job.jobid.replace('`', '')}\n```")


class DeleteButton(DeliveryButton, ui.DynamicItem[ui.Button[Any]], template=rf"dr:d:{NONCE}"):
    """Deletes the post; `/job` can show the job again."""

    code = "d"
    label = "Delete this post"
    style = discord.ButtonStyle.danger

    async def act(self, interaction: discord.Interaction) -> None:
        """Delete the message for the asker or a moderator."""
        delivery, known = await self.resolve_for_manager(interaction, "delete its post")
        await interaction.response.defer(ephemeral=True, thinking=True)  # deletions of old messages are rationed
        await delete_post(interaction, delivery)
        await replies.say(interaction, f"Deleted. `/job #{known.key}` posts it again.")


class WhyButton(DeliveryButton, ui.DynamicItem[ui.Button[Any]], template=rf"dr:w:{NONCE}"):
    """Midjourney's reason for declining, for the asker alone."""

    code = "w"
    label = "Why?"

    async def act(self, interaction: discord.Interaction) -> None:
        """Tell the reason to the asker."""
        delivery, known = await self.resolve(interaction, DeliveryKind.RESULT)
        if not await may_know_reason(interaction, delivery):
            raise UserError("Only the member who brought this job here can see why it was declined.")
        await replies.say(interaction, formatting.decline_reason(known.job))


class PostAgainButton(DeliveryButton, ui.DynamicItem[ui.Button[Any]], template=rf"dr:r:{NONCE}"):
    """Posts a result once more, for who finds the first one too far up."""

    code = "r"
    label = "Post again"

    async def act(self, interaction: discord.Interaction) -> None:
        """Put a second delivery into the outbox."""
        _, known = await self.resolve(interaction, DeliveryKind.RESULT)
        check_rights(interaction)
        await interaction.response.defer()  # fails where the press came twice, or so late that it was made again
        await ask(interaction, known.job, again=True)
        await interaction.edit_original_response(content="I'll post it here again.", view=None)

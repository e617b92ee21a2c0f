"""The button below a notice, which is posted if a presser can no longer be answered in private."""

from typing import Any

import discord
from discord import ui

from bot import formatting
from bot.errors import UserError
from bot.models import DeliveryKind, SubmissionState
from bot.ui import replies
from bot.ui.base import NONCE, DeliveryButton, delete_post, view_of
from bot.ui.interactions import bot_of, is_moderator


def notice_view(nonce: str) -> ui.View:
    """The button of a notice."""
    return view_of(DismissNoticeButton(nonce))


class DismissNoticeButton(DeliveryButton, ui.DynamicItem[ui.Button[Any]], template=rf"dr:k:{NONCE}"):
    """Deletes a notice; the presser of a declined submission is told the reason, in private."""

    code = "k"
    label = "Got it"

    async def act(self, interaction: discord.Interaction) -> None:
        """Delete the notice for its presser or a moderator."""
        notice = await self.resolve_delivery(interaction, DeliveryKind.NOTICE)
        store = bot_of(interaction).store
        submission = None if notice.submission_id is None else await store.history.by_id(notice.submission_id)
        is_presser = submission is not None and submission.person.id == interaction.user.id
        if not is_presser and not is_moderator(interaction):
            raise UserError("Only the member it is for and moderators can remove this notice.")
        if submission is not None and is_presser and submission.state is SubmissionState.DECLINED:
            await replies.say(interaction, formatting.declined(submission))
        else:
            await interaction.response.defer()
        await delete_post(interaction, notice)

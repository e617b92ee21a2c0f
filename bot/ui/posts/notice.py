"""What stands below a notice, which tells a presser in the channel what could not be told in private any more."""

from typing import Any

import discord
from discord import ui

from bot import formatting
from bot.errors import UserError
from bot.models import DeliveryKind, SubmissionState
from bot.ui import replies
from bot.ui.base import NONCE, DeliveryButton, delete_post
from bot.ui.interactions import bot_of, is_moderator


def notice_view(nonce: str) -> ui.View:
    """The button of a notice."""
    view = ui.View(timeout=None)
    view.add_item(DismissNoticeButton(nonce))
    return view


class DismissNoticeButton(DeliveryButton, ui.DynamicItem[ui.Button[Any]], template=rf"dr:k:{NONCE}"):
    """Takes a notice away, for whom it is meant; who was declined learns why, which is for nobody else."""

    code = "k"
    label = "Got it"

    async def act(self, interaction: discord.Interaction) -> None:
        """Delete the notice for its presser or a moderator."""
        notice, _ = await self.resolve(interaction, DeliveryKind.NOTICE)
        press = (
            None
            if notice.submission_id is None
            else await bot_of(interaction).store.history.by_id(notice.submission_id)
        )
        is_presser = press is not None and press.person.id == interaction.user.id
        if not is_presser and not is_moderator(interaction):
            raise UserError("This is for the member who pressed; they and moderators can take it away.")
        if press is not None and is_presser and press.state is SubmissionState.DECLINED:
            await replies.say(interaction, formatting.declined(press))
        else:
            await interaction.response.defer()
        await delete_post(interaction, notice)

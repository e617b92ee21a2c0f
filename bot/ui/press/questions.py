"""A private question whether to run what uses much GPU time, and its end."""

from typing import Any

import discord
from discord import ui

from bot.errors import UserError
from bot.ui.base import NONCE, DeliveryButton


def check_question(interaction: discord.Interaction) -> None:
    """Raise `UserError` unless the button is below a private message: an answer would replace a post."""
    if interaction.message is None or not interaction.message.flags.ephemeral:
        raise UserError("This only works below a private question.")


class CancelQuestionButton(DeliveryButton, ui.DynamicItem[ui.Button[Any]], template=rf"dr:o:{NONCE}"):
    """Answers "… uses GPU time. Run it?", of a button or of its prompt, with no."""

    code = "o"
    label = "Cancel"

    async def act(self, interaction: discord.Interaction) -> None:
        """Replace the question, which is a private message; nothing was submitted."""
        check_question(interaction)
        await interaction.response.edit_message(content="Cancelled. Nothing was sent.", embeds=[], view=None)

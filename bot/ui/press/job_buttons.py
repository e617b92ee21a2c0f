"""The job's own buttons, and the question before those that cost most."""

from typing import Any

import discord
from discord import ui

from bot import formatting
from bot.models import CostTier, Job
from bot.ui import replies
from bot.ui.base import INDEX, NONCE, JobButtonBase
from bot.ui.press.press_request import PressesJob
from bot.ui.press.press_rules import wants_prompt
from bot.ui.press.prompt_modal import form


class JobButton(PressesJob, JobButtonBase, ui.DynamicItem[ui.Button[Any]], template=rf"dr:p:{NONCE}:{INDEX}"):
    """One of the job's own buttons; the list that `index` counts in no longer changes once the job is over."""

    code = "p"

    async def act(self, interaction: discord.Interaction) -> None:
        """Put the press into the line, or first ask for what it needs: a yes, a prompt."""
        request = await self.request(interaction)
        if request.tier is CostTier.UPSCALE:
            view = ui.View(timeout=None)
            view.add_item(ConfirmButton(self.nonce, self.index))
            await replies.say(interaction, f"{request.name} costs GPU time. Shall I press it?", view=view)
        elif wants_prompt(request.parent.job, request.button, request.settings):
            await interaction.response.send_modal(form(self.nonce, self.index, request.parent.job, request.button))
        else:
            await self.take(interaction, request)


class ConfirmButton(PressesJob, JobButtonBase, ui.DynamicItem[ui.Button[Any]], template=rf"dr:y:{NONCE}:{INDEX}"):
    """The yes to "this costs GPU time"."""

    code = "y"
    label = "Yes, press it"

    async def act(self, interaction: discord.Interaction) -> None:
        """Put the press into the line; the question goes."""
        request = await self.request(interaction)
        await self.take(
            interaction, request, say=lambda words: interaction.response.edit_message(content=words, view=None)
        )


def name_of(job: Job) -> str:
    """What an answer calls the job; Markdown in it is harmless, and it has at most 100 characters."""
    return formatting.plain(formatting.label(job), 100)

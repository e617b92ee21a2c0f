"""The buttons that Midjourney offers for a job, and the confirmation of those that use the most GPU time."""

from typing import Any

import discord
from discord import ui

from bot import formatting
from bot.models import CostTier, Job
from bot.ui import replies
from bot.ui.base import INDEX, NONCE, JobButtonBase, view_of
from bot.ui.press.press_request import PressesJob
from bot.ui.press.press_rules import wants_prompt
from bot.ui.press.prompt_modal import form
from bot.ui.press.questions import CancelQuestionButton


class JobButton(PressesJob, JobButtonBase, ui.DynamicItem[ui.Button[Any]], template=rf"dr:p:{NONCE}:{INDEX}"):
    """One of the job's own buttons; `Job.buttons`, which `index` counts in, is final once the job has completed."""

    code = "p"

    async def act(self, interaction: discord.Interaction) -> None:
        """Submit the button, or first ask for what it needs: a confirmation or a prompt."""
        request = await self.request(interaction)
        if request.tier is CostTier.UPSCALE:
            view = view_of(ConfirmButton(self.nonce, self.index), CancelQuestionButton(self.nonce))
            await replies.say(interaction, f"{request.name} uses GPU time. Run it?", view=view)
        elif wants_prompt(request.parent.job, request.button, request.settings):
            await interaction.response.send_modal(form(self.nonce, self.index, request.parent.job, request.button))
        else:
            await self.submit(interaction, request)


class ConfirmButton(PressesJob, JobButtonBase, ui.DynamicItem[ui.Button[Any]], template=rf"dr:y:{NONCE}:{INDEX}"):
    """Confirms "… uses GPU time. Run it?"."""

    code = "y"
    label = "Run it"

    async def act(self, interaction: discord.Interaction) -> None:
        """Submit the button; the answer replaces the question."""
        request = await self.request(interaction)
        await self.submit(interaction, request, replace_question=True)


def name_of(job: Job) -> str:
    """What an answer calls the job: escaped, at most 100 characters."""
    return formatting.plain(formatting.label(job), 100)

"""The buttons that Midjourney offers for a job, and the confirmation of those that use the most GPU time."""

import re
from typing import Any, Self

import discord
from discord import ui

from bot import formatting
from bot.models import CostTier, Job
from bot.ui import replies
from bot.ui.base import INDEX, NONCE, SNOWFLAKE, JobButtonBase, view_of
from bot.ui.press.press_request import PressesJob
from bot.ui.press.press_rules import wants_prompt
from bot.ui.press.prompt_modal import form
from bot.ui.press.questions import CancelQuestionButton, check_question


class JobButton(PressesJob, JobButtonBase, ui.DynamicItem[ui.Button[Any]], template=rf"dr:p:{NONCE}:{INDEX}"):
    """One of the job's own buttons; `Job.buttons`, which `index` counts in, is final once the job has completed."""

    code = "p"

    async def act(self, interaction: discord.Interaction) -> None:
        """Submit the button, or first ask for what it needs: a confirmation or a prompt."""
        request = await self.request(interaction)
        if request.tier is CostTier.UPSCALE:
            view = view_of(ConfirmButton(self.nonce, self.index, interaction.id), CancelQuestionButton(self.nonce))
            await replies.say(interaction, f"{request.name} uses GPU time. Run it?", view=view)
        elif wants_prompt(request.parent.job, request.button, request.settings):
            await interaction.response.send_modal(form(self.nonce, self.index, request.parent.job, request.button))
        else:
            await self.submit(interaction, request)


class ConfirmButton(
    PressesJob, JobButtonBase, ui.DynamicItem[ui.Button[Any]], template=rf"dr:y:{NONCE}:{INDEX}(?::{SNOWFLAKE})?"
):
    """Confirms "… uses GPU time. Run it?".

    `question_id` is the interaction that asked. A second click sends nothing, because an interaction is one submission.
    `None` below a question of version 0.1.0.
    """

    code = "y"
    label = "Run it"

    def __init__(self, nonce: str, index: int, question_id: int | None) -> None:
        super().__init__(nonce, index)
        if question_id is not None:
            self.custom_id = f"{self.custom_id}:{question_id}"
        self.question_id = question_id

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction, _item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Rebuild the button from its custom_id."""
        return cls(match["nonce"], int(match["index"]), int(match[3]) if match[3] else None)

    async def act(self, interaction: discord.Interaction) -> None:
        """Submit the button; the answer replaces the question."""
        request = await self.request(interaction)
        check_question(interaction)
        await self.submit(interaction, request, interaction_id=self.question_id, replace_question=True)


def name_of(job: Job) -> str:
    """What an answer calls the job: escaped, at most 100 characters."""
    return formatting.plain(formatting.label(job), 100)

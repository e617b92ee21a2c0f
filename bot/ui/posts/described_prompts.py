"""The buttons below a described picture: each opens the form of `/imagine` with one of the four prompts."""

from typing import Any

import discord
from discord import ui

from bot import formatting
from bot.errors import UserError
from bot.models import DeliveryKind, Job, Status
from bot.ui.base import INDEX, NONCE, JobButtonBase
from bot.ui.imagine.draft import PromptDraft
from bot.ui.imagine.prompt_form import open_prompt_form


class DescribedPromptButton(JobButtonBase, ui.DynamicItem[ui.Button[Any]], template=rf"dr:ip:{NONCE}:{INDEX}"):
    """1️⃣ to 4️⃣: `index` counts in the prompts of the description. Midjourney's own buttons would start a job at once."""

    code = "ip"

    async def act(self, interaction: discord.Interaction) -> None:
        """Open the form; it says who may start jobs here."""
        _, known = await self.resolve(interaction, DeliveryKind.RESULT)
        prompts = formatting.described_prompts(known.job)
        if self.index >= len(prompts):
            raise UserError("This picture has no such prompt any more.")
        await open_prompt_form(interaction, PromptDraft(prompt=prompts[self.index]))


def described_prompt_buttons(nonce: str, job: Job) -> list[DescribedPromptButton]:
    """One button for each prompt of a completed description, for the first row."""
    if job.status != Status.COMPLETED:
        return []
    numbers = range(len(formatting.described_prompts(job)))
    return [DescribedPromptButton(nonce, index, emoji=formatting.keycap(index + 1), row=0) for index in numbers]

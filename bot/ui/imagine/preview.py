"""`/imagine`: the answer to a prompt, and the private preview with its buttons.

A preview holds the whole prompt, and the button below it the id of the command, so it also works after a restart. A
second click on it sends nothing, because an interaction is one submission.
"""

import re
from typing import Any, Self

import discord
from discord import ui

from bot import formatting
from bot.errors import UserError
from bot.models.prompt import PromptOptions
from bot.ui import replies
from bot.ui.base import PersistentItem, view_of
from bot.ui.imagine import start_rules
from bot.ui.imagine.request import ImagineRequest, read_request, submit
from bot.ui.prompt_blocks import prompt_blocks, prompt_in

_QUESTION = "Run it?"
_GONE = "I can't read this preview any more. Please send the prompt with `/imagine` again."


async def answer_prompt(interaction: discord.Interaction, prompt: str, options: PromptOptions) -> None:
    """Send a prompt, or show a private preview first where something is to be decided; say why it can't be sent."""
    request = await read_request(interaction, prompt, options)
    checked = request.checked
    if checked.stop is not None:
        await replies.say(
            interaction, formatting.prompt_stop(checked.stop), embed=next(iter(prompt_blocks(checked.prompt)), None)
        )
        return
    if not start_rules.may_run(checked.tier, request.presser):
        await replies.say(
            interaction, start_rules.only_moderators(), embed=next(iter(prompt_blocks(checked.prompt)), None)
        )
        return
    if not request.needs_decision:
        await submit(interaction, request, interaction_id=interaction.id)
        return
    view = view_of(RunPromptButton(interaction.id), CancelPromptButton())
    await interaction.response.send_message(
        _question(request), embeds=prompt_blocks(checked.prompt), view=view, ephemeral=True
    )


async def _refuse(interaction: discord.Interaction, why: str, prompt: str) -> None:
    """Say why a prompt is not sent, with its beginning, to copy it."""
    await replies.say(interaction, why, embed=next(iter(prompt_blocks(prompt)), None))


def _question(request: ImagineRequest) -> str:
    """The hints, each in a line of its own, what is costly, and the question."""
    lines = [*map(formatting.prompt_hint, request.checked.hints)]
    if request.is_costly:
        lines.append(start_rules.COSTLY)
    return "\n".join([*lines, _QUESTION])


class RunPromptButton(PersistentItem, ui.DynamicItem[ui.Button[Any]], template=r"dr:i:(\d{1,20})"):
    """Sends the prompt of the preview above it; `command_id` is the interaction that made the preview."""

    def __init__(self, command_id: int) -> None:
        super().__init__(ui.Button(label="Run it", style=discord.ButtonStyle.secondary, custom_id=f"dr:i:{command_id}"))
        self.command_id = command_id

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction, _item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Rebuild the button from its custom_id."""
        return cls(int(match[1]))

    async def act(self, interaction: discord.Interaction) -> None:
        """Check the prompt once more, and send it; the answer replaces the preview."""
        request = await read_request(interaction, _previewed(interaction), PromptOptions())
        stop = request.checked.stop
        if stop is not None:
            raise UserError(formatting.prompt_stop(stop))
        await submit(interaction, request, interaction_id=self.command_id, replace_question=True)


class CancelPromptButton(PersistentItem, ui.DynamicItem[ui.Button[Any]], template=r"dr:i:c"):
    """Dismisses the preview."""

    def __init__(self) -> None:
        super().__init__(ui.Button(label="Cancel", style=discord.ButtonStyle.secondary, custom_id="dr:i:c"))

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction, _item: ui.Item[Any], _match: re.Match[str], /
    ) -> Self:
        """Rebuild the button."""
        return cls()

    async def act(self, interaction: discord.Interaction) -> None:
        """Replace the preview; nothing was sent."""
        _previewed(interaction)
        await interaction.response.edit_message(content="Cancelled. Nothing was sent.", embeds=[], view=None)


def _previewed(interaction: discord.Interaction) -> str:
    """The prompt of the preview that the interaction's button is below; raises `UserError` where there is none."""
    message = interaction.message
    prompt = "" if message is None or not message.flags.ephemeral else prompt_in(message)
    if not prompt:
        raise UserError(_GONE)
    return prompt

"""`/imagine` and its form: the answer to a prompt, and the private preview with its buttons.

A preview holds the whole prompt, and the button below it the id of the command, so it also works after a restart. A
second click on it sends nothing, because an interaction is one submission.
"""

import re
from collections.abc import Sequence
from typing import Any

import discord
import msgspec
from discord import ui

from bot import formatting
from bot.errors import DarkroomError, UserError
from bot.formatting.captions import CONTENT_LIMIT
from bot.ui.base import SNOWFLAKE, PersistentItem, view_of
from bot.ui.command_mentions import with_mentions
from bot.ui.forms import MAX_LENGTH, Form
from bot.ui.imagine.draft import PromptDraft
from bot.ui.imagine.pictures import AttachedFile, files_in, picture_problem
from bot.ui.imagine.prompt_form import IMAGINE_FORM, EditPromptButton, draft_in
from bot.ui.imagine.request import ImagineRequest, read_request, submit
from bot.ui.press import press_rules
from bot.ui.prompt_blocks import prompt_blocks, prompt_in
from bot.ui.usage import left_today

_QUESTION = "Run it?"
_GONE = "I can't read this preview any more. Please send the prompt with `/imagine` again."


async def answer_prompt(
    interaction: discord.Interaction,
    draft: PromptDraft,
    *,
    files: Sequence[AttachedFile] = (),
    replace_question: bool = False,
) -> None:
    """Send a prompt, or show a private preview first where something is to be decided; say why it can't be sent.

    `files` are the pictures whose links are among the options. They and those whose links are in the prompt, as when a
    refused one is edited, are read and checked, which takes its time. `replace_question`: the answer replaces the
    private message that the form was opened from, unless it takes time.
    """
    if files:
        await _defer(interaction)
    request = await read_request(interaction, draft)
    prompt = request.checked.prompt
    known = {file.link for file in files}
    files = [*files, *(file for file in files_in(interaction, prompt) if file.link not in known)]
    if request.refusal is None and files:
        await _defer(interaction)
        request = msgspec.structs.replace(request, refusal=await picture_problem(interaction, files))
    if request.needs_decision:
        buttons = [RunPromptButton(interaction.id), *_edit(prompt), CancelPromptButton()]
        left = await left_today(interaction, request.settings, request.presser)
        await _show(interaction, _question(request, left), prompt, buttons, replace=replace_question)
        return
    try:
        await submit(interaction, request, interaction_id=interaction.id, replace_question=replace_question)
    except DarkroomError as error:  # what was written is not lost
        buttons = _edit(prompt) if request.may_start else []
        await _show(interaction, str(error), prompt, buttons, replace=replace_question)


async def _defer(interaction: discord.Interaction) -> None:
    """Have Discord wait for the answer, once, which is a message of its own.

    `AnswerChecks` reads it. Of a deferred update of another message it would read what that one says meanwhile, such as
    the answer to another press.
    """
    if not interaction.response.is_done():
        await interaction.response.defer(ephemeral=True, thinking=True)


def _edit(prompt: str) -> list[ui.Item[Any]]:
    return [EditPromptButton()] if len(prompt) <= MAX_LENGTH else []


async def _show(
    interaction: discord.Interaction, content: str, prompt: str, buttons: list[ui.Item[Any]], *, replace: bool
) -> None:
    """Answer in private with the prompt in code blocks, to copy it, and with buttons below."""
    text, embeds, view = with_mentions(interaction, content)[:CONTENT_LIMIT], prompt_blocks(prompt), view_of(*buttons)
    if interaction.response.is_done():
        await interaction.edit_original_response(content=text, embeds=embeds, view=view)
    elif replace:
        await interaction.response.edit_message(content=text, embeds=embeds, view=view)
    else:
        await interaction.response.send_message(text, embeds=embeds, view=view, ephemeral=True)


def _question(request: ImagineRequest, left: str | None) -> str:
    """The hints, each in a line of its own, what is costly, what is left today, and the question."""
    lines = [*map(formatting.prompt_hint, request.checked.hints)]
    if request.is_costly:
        lines.append(press_rules.COSTLY)
    return "\n".join([*lines, *([left] if left else []), _QUESTION])


class ImagineForm(Form):
    """The submitted form for a prompt."""

    template = re.compile(IMAGINE_FORM)

    async def act(self, interaction: discord.Interaction) -> None:
        """Answer the prompt; below a private message the answer replaces it, unless it takes time."""
        message = interaction.message
        replaces = message is not None and message.flags.ephemeral
        await answer_prompt(interaction, draft_in(self.fields), replace_question=replaces)


class RunPromptButton(PersistentItem, ui.DynamicItem[ui.Button[Any]], template=rf"dr:i:{SNOWFLAKE}"):
    """Sends the prompt of the preview above it; `command_id` is the interaction that made the preview."""

    def __init__(self, command_id: int | str) -> None:
        super().__init__(ui.Button(label="Run it", style=discord.ButtonStyle.secondary, custom_id=f"dr:i:{command_id}"))
        self.command_id = int(command_id)

    async def act(self, interaction: discord.Interaction) -> None:
        """Check the prompt once more, and send it; the answer replaces the preview."""
        request = await read_request(interaction, PromptDraft(prompt=_previewed(interaction)))
        await submit(interaction, request, interaction_id=self.command_id, replace_question=True)


class CancelPromptButton(PersistentItem, ui.DynamicItem[ui.Button[Any]], template=r"dr:i:c"):
    """Dismisses the preview."""

    def __init__(self) -> None:
        super().__init__(ui.Button(label="Cancel", style=discord.ButtonStyle.secondary, custom_id="dr:i:c"))

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

"""The presets and the word list on the page "Start jobs" of `/darkroom settings`: selects, buttons and their forms.

What is not saved comes back below the sentence that says why, with a button that opens the form with it again.
"""

import logging
import re
from collections.abc import Sequence
from typing import Any

import discord
from discord import ui

from bot import formatting
from bot.models import CostTier
from bot.models.prompt import (
    MAX_PRESET_NAME_LENGTH,
    MAX_SUFFIX_LENGTH,
    MAX_WORD_LIST_LENGTH,
    CheckedPrompt,
    Preset,
    PresetProblem,
    words_digest,
)
from bot.submissions.preset_check import CheckedPreset, check_preset
from bot.submissions.prompt_guard import forbidden_word, read_words
from bot.ui.base import view_of
from bot.ui.forms import Form, form_of, text_field
from bot.ui.imagine import start_rules
from bot.ui.imagine.prompt_form import preset_option
from bot.ui.interactions import bot_of, destination_of
from bot.ui.panels.base import ManagerPanel, button, check_manager, selected_id
from bot.ui.panels.settings_text import Page
from bot.ui.press.hidden_addresses import hide
from bot.ui.prompt_blocks import prompt_blocks, prompt_in

log = logging.getLogger(__name__)

_NAME, _SUFFIX, _WORDS = "name", "suffix", "words"
_NEW = "new"
_ID = rf"({_NEW}|\d{{1,18}})"
_DIGEST = r"([0-9a-f]{16})"


async def _show_page(interaction: discord.Interaction, notice: str) -> None:
    # Imported here: the page is built of the items below.
    from bot.ui.panels.settings import show_settings

    if not interaction.response.is_done():
        await interaction.response.defer()
    await show_settings(interaction, Page.START, notice=notice)


# --- presets ----------------------------------------------------------------------------------------------------------


def preset_form(preset_id: str, name: str = "", suffix: str = "") -> ui.Modal:
    """The form for a new preset, or for the one with this row id."""
    return form_of(
        "New preset" if preset_id == _NEW else "Change a preset",
        f"dr:g:pf:{preset_id}",
        text_field(_NAME, "Name", text=name, max_length=MAX_PRESET_NAME_LENGTH, placeholder="Ink"),
        text_field(
            _SUFFIX,
            "Adds to a prompt",
            text=suffix,
            max_length=MAX_SUFFIX_LENGTH,
            placeholder="ink wash, white background --ar 3:2 --s 50",
            description="Words and parameters; what a member writes or selects wins over these",
            paragraph=True,
        ),
    )


class AddPresetButton(ManagerPanel, ui.DynamicItem[ui.Button[Any]], template=r"dr:g:pa"):
    """Opens the form for a new preset."""

    def __init__(self) -> None:
        super().__init__(button("Add a preset", "dr:g:pa"))

    async def run(self, interaction: discord.Interaction) -> None:
        """Open the form."""
        await interaction.response.send_modal(preset_form(_NEW))


class PresetSelect(ManagerPanel, ui.DynamicItem[ui.Select[Any]], template=r"dr:g:p([cd])"):
    """Selects a preset to change or to delete."""

    def __init__(self, action: str, presets: Sequence[Preset] = ()) -> None:
        super().__init__(
            ui.Select(
                custom_id=f"dr:g:p{action}",
                options=[preset_option(preset, value=str(preset.id)) for preset in presets],
                placeholder="Choose one…",
            )
        )
        self.action = action

    async def run(self, interaction: discord.Interaction) -> None:
        """Open the preset's form, or delete it."""
        presets, guild_id = bot_of(interaction).store.presets, destination_of(interaction).guild_id
        selected = selected_id(interaction) or 0
        if self.action == "c":
            preset = await presets.by_id(guild_id, selected)
            if preset is not None:
                await interaction.response.send_modal(preset_form(str(selected), preset.name, preset.suffix))
                return
        else:
            preset = await presets.delete(guild_id, selected)
            log.info("Member %d deleted a preset", interaction.user.id)
        notice = formatting.PRESET_GONE if preset is None else formatting.preset_deleted(preset.name, preset.suffix)
        await _show_page(interaction, notice)


class PresetForm(Form):
    """The submitted form of a preset."""

    template = re.compile(rf"dr:g:pf:{_ID}")

    async def act(self, interaction: discord.Interaction) -> None:
        """Save the preset, or give it back."""
        check_manager(interaction)
        store, guild_id = bot_of(interaction).store, destination_of(interaction).guild_id
        settings, words = await store.servers.settings(guild_id), await store.servers.words(guild_id)
        checked = check_preset(
            self.fields.get(_NAME, ""), self.fields.get(_SUFFIX, ""), rules=start_rules.rules(settings), words=words
        )
        preset_id = self.match[1]
        refusal = _preset_refusal(checked)
        if refusal is None:
            if preset_id == _NEW:
                problem = await store.presets.add(guild_id, checked.name, checked.suffix)
            else:
                problem = await store.presets.change(guild_id, int(preset_id), checked.name, checked.suffix)
            if problem is None:
                log.info("Member %d saved a preset", interaction.user.id)
                await _show_page(interaction, _preset_notice(checked.name, checked.tried))
                return
            refusal = formatting.preset_problem(problem, checked.name)
            preset_id = _NEW if problem is PresetProblem.DELETED else preset_id
        await _give_back(interaction, refusal, f"{checked.name}\n{checked.suffix}", EditPresetButton(preset_id))


def _preset_refusal(checked: CheckedPreset) -> str | None:
    """Why a preset is not saved, as far as its text says."""
    problem = checked.problem
    if problem is None and hide(checked.suffix) != checked.suffix:
        problem = PresetProblem.NAMES_PAYER
    if problem is not None:
        return formatting.preset_problem(problem, checked.name)
    if checked.stop is not None:
        return formatting.preset_stopped(checked.stop)
    return None if checked.word is None else formatting.preset_forbidden(checked.word)


def _preset_notice(name: str, tried: CheckedPrompt) -> str:
    lines = [formatting.preset_saved(name), *map(formatting.prompt_hint, tried.hints)]
    if tried.tier is CostTier.UPSCALE:
        lines.append(formatting.PRESET_COSTLY)
    return "\n".join(lines)


class EditPresetButton(ManagerPanel, ui.DynamicItem[ui.Button[Any]], template=rf"dr:g:pe:{_ID}"):
    """Opens the form with the preset in the message above it."""

    def __init__(self, preset_id: str) -> None:
        super().__init__(button("Edit", f"dr:g:pe:{preset_id}"))
        self.preset_id = preset_id

    async def run(self, interaction: discord.Interaction) -> None:
        """Open the form."""
        name, _, suffix = _given_back(interaction).partition("\n")
        await interaction.response.send_modal(preset_form(self.preset_id, name.strip(), suffix.strip()))


# --- the word list ----------------------------------------------------------------------------------------------------


def word_list_form(text: str, digest: str) -> ui.Modal:
    """The form of the word list; `digest` is that of the list it was opened with."""
    return form_of(
        "Word list",
        f"dr:g:wf:{digest}",
        text_field(
            _WORDS,
            "Words that no prompt may contain",
            text=text,
            max_length=MAX_WORD_LIST_LENGTH,
            description="One in each line, or with commas; case and accents don't matter",
            required=False,
            paragraph=True,
        ),
    )


class WordListButton(ManagerPanel, ui.DynamicItem[ui.Button[Any]], template=r"dr:g:w"):
    """Opens the form of the word list."""

    def __init__(self) -> None:
        super().__init__(button("Word list", "dr:g:w"))

    async def run(self, interaction: discord.Interaction) -> None:
        """Open the form."""
        words = await bot_of(interaction).store.servers.words(destination_of(interaction).guild_id)
        await interaction.response.send_modal(word_list_form("\n".join(words), words_digest(words)))


class WordListForm(Form):
    """The submitted form of the word list."""

    template = re.compile(rf"dr:g:wf:{_DIGEST}")

    async def act(self, interaction: discord.Interaction) -> None:
        """Save the list, or give it back."""
        check_manager(interaction)
        store, guild_id = bot_of(interaction).store, destination_of(interaction).guild_id
        text, digest = self.fields.get(_WORDS, "")[:MAX_WORD_LIST_LENGTH], self.match[1]
        read = read_words(text)
        if read.problem is not None:
            refusal = formatting.word_list_problem(read.problem, read.entry)
        elif await store.servers.change_words(guild_id, read.words, before=digest):
            log.info("Member %d saved a word list of %d entries", interaction.user.id, len(read.words))
            presets = await store.presets.of_server(guild_id)
            unusable = [each.name for each in presets if forbidden_word(each.suffix, read.words) is not None]
            await _show_page(interaction, formatting.words_saved(len(read.words), unusable))
            return
        else:
            refusal = formatting.WORDS_CHANGED
            digest = words_digest(await store.servers.words(guild_id))
        await _give_back(interaction, refusal, text, EditWordsButton(digest))


class EditWordsButton(ManagerPanel, ui.DynamicItem[ui.Button[Any]], template=rf"dr:g:we:{_DIGEST}"):
    """Opens the form with the words in the message above it."""

    def __init__(self, digest: str) -> None:
        super().__init__(button("Edit", f"dr:g:we:{digest}"))
        self.digest = digest

    async def run(self, interaction: discord.Interaction) -> None:
        """Open the form."""
        await interaction.response.send_modal(word_list_form(_given_back(interaction), self.digest))


async def _give_back(interaction: discord.Interaction, why: str, text: str, edit: ui.Item[Any]) -> None:
    """Answer why a form was not saved, with what was written in it; replaces an earlier answer of this kind."""
    message, embeds, view = interaction.message, prompt_blocks(text), view_of(edit)
    if message is not None and message.flags.ephemeral and not message.flags.components_v2:
        await interaction.response.edit_message(content=why, embeds=embeds, view=view)
    else:
        await interaction.response.send_message(why, embeds=embeds, view=view, ephemeral=True)


def _given_back(interaction: discord.Interaction) -> str:
    message = interaction.message
    return "" if message is None else prompt_in(message)


ITEMS: tuple[type[ui.DynamicItem[Any]], ...] = (
    AddPresetButton,
    PresetSelect,
    EditPresetButton,
    WordListButton,
    EditWordsButton,
)
FORMS: tuple[type[Form], ...] = (PresetForm, WordListForm)

"""The form for a prompt: for a long one, and to change one that was written before.

It has a field for each option that the server offers, so that what was selected in the command is selected in the form,
and the submit has all of it: after an hour and after a restart, too.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import discord
from discord import ui

from bot import formatting
from bot.errors import UserError
from bot.models.prompt import Preset, PromptOptions
from bot.submissions import prompt_check
from bot.text import clip
from bot.ui.base import PersistentItem
from bot.ui.forms import MAX_LENGTH, PROMPT, form_of, prompt_field, select_field, text_field
from bot.ui.imagine import start_rules
from bot.ui.imagine.draft import PromptDraft
from bot.ui.imagine.request import start_refusal
from bot.ui.interactions import bot_of, destination_of
from bot.ui.prompt_blocks import prompt_in

IMAGINE_FORM = "dr:if"
"""The custom_id of the form whose prompt is sent as if it came with `/imagine`."""
MAX_ASPECT_LENGTH = 20
"""Characters."""

_ASPECT, _STYLE, _SPEED = "aspect", "style", "speed"
_TITLE = "Imagine"
_DESCRIPTION = "What the pictures should show; parameters such as --ar 3:2 come last"
_GONE = "I can't read this prompt any more. Please write it again with `/imagine`."


async def open_prompt_form(
    interaction: discord.Interaction,
    draft: PromptDraft,
    *,
    custom_id: str = IMAGINE_FORM,
    title: str = _TITLE,
    description: str | None = None,
) -> None:
    """Open the form, prefilled with a draft; raises `UserError` if the member may not start jobs here, or not now.

    `description`: what to know about the draft.
    """
    store, guild_id = bot_of(interaction).store, destination_of(interaction).guild_id
    settings = await store.servers.settings(guild_id)
    if (refusal := await start_refusal(interaction, settings)) is not None:
        raise UserError(refusal)
    presets = await store.presets.of_server(guild_id)
    form = prompt_form(
        draft,
        presets,
        speeds=settings.speeds,
        custom_id=custom_id,
        title=title,
        description=description or _DESCRIPTION,
    )
    await interaction.response.send_modal(form)


def prompt_form(
    draft: PromptDraft,
    presets: Sequence[Preset],
    *,
    speeds: bool,
    custom_id: str = IMAGINE_FORM,
    title: str = _TITLE,
    description: str = _DESCRIPTION,
) -> ui.Modal:
    """The form, prefilled with a draft; `speeds`: the server lets prompts choose the speed.

    Links of the draft's options are put where Midjourney reads them: into the prompt. Raises `UserError` if the server
    has no such preset.
    """
    preset = next((each for each in presets if draft.preset and each.is_called(draft.preset)), None)
    if draft.preset and preset is None:
        raise UserError(formatting.no_such_preset(draft.preset))
    links = PromptOptions(images=draft.options.images, references=draft.options.references)
    prompt = prompt_check.check(draft.prompt, options=links).prompt if links != PromptOptions() else draft.prompt
    aspect = text_field(
        _ASPECT,
        "Aspect ratio",
        text=draft.options.aspect or "",
        max_length=MAX_ASPECT_LENGTH,
        placeholder="3:2",
        required=False,
    )
    fields = [prompt_field(prompt, description=description), aspect]
    if presets:
        fields.append(select_field(_STYLE, "Style", _styles(presets, preset)))
    if speeds or draft.options.speed:
        fields.append(select_field(_SPEED, "Speed", _speeds(draft.options.speed)))
    return form_of(title, custom_id, *fields)


def draft_in(fields: Mapping[str, str]) -> PromptDraft:
    """What a submitted form holds."""
    speed = fields.get(_SPEED)
    return PromptDraft(
        prompt=fields.get(PROMPT, "")[:MAX_LENGTH],
        options=PromptOptions(
            aspect=formatting.clean(fields.get(_ASPECT, ""))[:MAX_ASPECT_LENGTH] or None,
            speed=speed if speed in start_rules.SPEEDS else None,
        ),
        preset=fields.get(_STYLE) or None,
    )


def _styles(presets: Sequence[Preset], selected: Preset | None) -> list[discord.SelectOption]:
    return [preset_option(each, value=each.name, selected=each == selected) for each in presets]


def preset_option(preset: Preset, *, value: str, selected: bool = False) -> discord.SelectOption:
    """A preset in a select, with the beginning of what it adds."""
    return discord.SelectOption(label=preset.name, value=value, description=clip(preset.suffix, 100), default=selected)


def _speeds(selected: str | None) -> list[discord.SelectOption]:
    return [
        discord.SelectOption(label=mode.capitalize(), value=mode, default=mode == selected)
        for mode in start_rules.SPEEDS
    ]


class EditPromptButton(PersistentItem, ui.DynamicItem[ui.Button[Any]], template=r"dr:i:e"):
    """Opens the form with the prompt of the private message above it."""

    label: ClassVar[str] = "Edit"

    def __init__(self) -> None:
        super().__init__(ui.Button(label=self.label, style=discord.ButtonStyle.secondary, custom_id="dr:i:e"))

    async def act(self, interaction: discord.Interaction) -> None:
        """Open the form; the options are in the prompt already."""
        message = interaction.message
        if message is None or not message.flags.ephemeral:
            raise UserError(_GONE)
        await open_prompt_form(interaction, PromptDraft(prompt=prompt_in(message)))

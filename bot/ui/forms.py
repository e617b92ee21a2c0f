"""Forms (Discord's modals): what handles a submitted one, and the fields that they are made of.

A form's state is in its custom_id and its fields, and discord.py keeps none of it: `bot.client` passes every submit to
`bot.ui.submitted`, also of a form that was opened long ago or before a restart.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import discord
from discord import ui

from bot.errors import UserError
from bot.ui.base import PersistentItem

MAX_LENGTH = 4000
"""Characters that Discord takes in a form's field; providers take 5,000 in a prompt."""
PROMPT = "prompt"
"""The custom_id of the field for a prompt."""

_TITLE_LIMIT = 45  # Discord's
_PARAMETERS = re.compile(r"(?:^|\s)(?:--|—)[a-z].*", re.IGNORECASE | re.DOTALL)
_SHORTENED = "Discord's form is too small for the whole prompt: its words are cut, its parameters kept."


class Form(PersistentItem):
    """A submitted form: `fields` has its texts and what was selected in it, by custom_id; empty for nothing."""

    template: ClassVar[re.Pattern[str]]

    def __init__(self, match: re.Match[str], fields: Mapping[str, str]) -> None:
        self.match = match
        self.fields = fields


async def submit_form(interaction: discord.Interaction, kinds: Sequence[type[Form]]) -> None:
    """Handle a submitted form of one of these kinds; any other is answered, too."""
    data: Any = interaction.data or {}
    custom_id = str(data.get("custom_id", ""))
    for kind in kinds:
        if match := kind.template.fullmatch(custom_id):
            await kind(match, dict(_fields(data.get("components")))).callback(interaction)
            return
    await _UnknownForm().callback(interaction)


class _UnknownForm(PersistentItem):
    async def act(self, _interaction: discord.Interaction, /) -> None:
        raise UserError("I don't know this form any more. `/job` with the job's id shows its buttons again.")


def _fields(components: Any) -> Iterator[tuple[str, str]]:
    """The fields of a form, which may be nested in rows or labels, with their values; a select has at most one."""
    for component in components if isinstance(components, list) else []:
        inner = [component["component"]] if "component" in component else component.get("components")
        if inner is not None:
            yield from _fields(inner)
        elif isinstance(value := component.get("value"), str):
            yield str(component.get("custom_id")), value
        elif isinstance(values := component.get("values"), list):
            yield str(component.get("custom_id")), str(values[0]) if values else ""


def form_of(title: str, custom_id: str, *fields: ui.Label[Any]) -> ui.Modal:
    """A form with these fields, at most five."""
    modal = ui.Modal(title=title[:_TITLE_LIMIT], custom_id=custom_id)
    for field in fields:
        modal.add_item(field)
    modal.stop()  # discord.py then keeps no reference to it: the submit carries all that is needed
    return modal


def prompt_field(prompt: str, *, description: str | None = None, too_long: bool = False) -> ui.Label[Any]:
    """The field for a prompt, prefilled with `prompt`, which is shortened if it must be.

    `too_long`: it was shortened already.
    """
    return ui.Label(
        text="Prompt",
        description=_SHORTENED if too_long or len(prompt) > MAX_LENGTH else description,
        component=ui.TextInput(
            custom_id=PROMPT,
            style=discord.TextStyle.paragraph,
            default=shortened(prompt, MAX_LENGTH) or None,
            max_length=MAX_LENGTH,
        ),
    )


def shortened(prompt: str, limit: int) -> str:
    """Cut words from the end of the prompt, before its parameters, which Midjourney reads last."""
    if len(prompt) <= limit:
        return prompt
    found = _PARAMETERS.search(prompt)
    parameters = found[0] if found else ""
    words = prompt[: len(prompt) - len(parameters)]
    return words[: max(limit - len(parameters), 0)] + parameters[:limit]


def text_field(
    custom_id: str,
    label: str,
    *,
    text: str = "",
    max_length: int,
    placeholder: str | None = None,
    description: str | None = None,
    required: bool = True,
    paragraph: bool = False,
) -> ui.Label[Any]:
    """A field for a text."""
    return ui.Label(
        text=label,
        description=description,
        component=ui.TextInput(
            custom_id=custom_id,
            style=discord.TextStyle.paragraph if paragraph else discord.TextStyle.short,
            default=text[:max_length] or None,
            max_length=max_length,
            placeholder=placeholder,
            required=required,
        ),
    )


def select_field(custom_id: str, label: str, options: Sequence[discord.SelectOption]) -> ui.Label[Any]:
    """A field in which one of the options may be selected, or none."""
    return ui.Label(
        text=label, component=ui.Select(custom_id=custom_id, options=list(options), min_values=0, required=False)
    )

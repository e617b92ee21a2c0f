"""The prompt for editing: what Custom Zoom wants, and what other buttons take when remix is on.

A form's state is in its custom_id, and discord.py remembers none of them: `bot.client` brings every submit here, also
of a form that was opened before a restart. Discord takes 4,000 characters in a form, useapi 5,000.
"""

import re
from collections.abc import Iterator
from typing import Any, ClassVar

import discord
from discord import ui

from bot import formatting
from bot.errors import UserError
from bot.models import Job
from bot.models.midjourney_buttons import CUSTOM_ZOOM
from bot.submissions.prompt_check import costly_part
from bot.ui import replies
from bot.ui.base import INDEX, NONCE, JobButtonBase, PersistentItem
from bot.ui.press.press_request import PressesJob
from bot.ui.press.press_rules import wants_prompt

LONGEST = 4000
"""Characters that Discord takes in a form's field."""
ZOOM = "--zoom 1.8"
"""What Custom Zoom's form begins with."""

_FIELD = "prompt"
_PARAMETERS = re.compile(r"(?:^|\s)(?:--|—)[a-z].*", re.IGNORECASE | re.DOTALL)
_ZOOMS = re.compile(r"(?:^|\s)(?:--|—)zoom(?:\s+([^\s—-]\S*))?(?=\s|$)", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9](?:\.[0-9]{1,6})?")
_FENCE = "```"
_SHORTENED = "Discord's form is too small for the whole prompt: its words are cut, its parameters kept."
_NEEDS_ZOOM = "Custom Zoom needs `--zoom` once in the prompt, with a number from 1.0 to 2.0, such as `--zoom 1.8`."
_NEEDS_WORDS = "The prompt was empty, so nothing was sent."
_REMIX_IS_OFF = (
    "Remix was switched off in this server meanwhile, so the prompt cannot be changed. Press the button again to use "
    "it as it is."
)


def prefilled(job: Job, button: str) -> str:
    """The prompt that a form begins with, at most 4,000 characters; Custom Zoom's has its `--zoom`."""
    text = formatting.prompt(job)
    if button != CUSTOM_ZOOM:
        return _shortened(text, LONGEST)
    return f"{_shortened(_ZOOMS.sub('', text).strip(), LONGEST - len(ZOOM) - 1)} {ZOOM}".strip()


def _shortened(text: str, limit: int) -> str:
    """Cut where nothing but words is lost: Midjourney reads the parameters at the end."""
    if len(text) <= limit:
        return text
    found = _PARAMETERS.search(text)
    parameters = found[0] if found else ""
    words = text[: len(text) - len(parameters)]
    return words[: max(limit - len(parameters), 0)] + parameters[:limit]


def trouble_with(prompt: str, button: str) -> str:
    """Why this prompt is not sent, in a sentence; empty where it is."""
    if not prompt:
        return _NEEDS_WORDS
    if button == CUSTOM_ZOOM:
        zooms = _ZOOMS.findall(prompt)
        if len(zooms) != 1 or not _NUMBER.fullmatch(zooms[0]) or not 1.0 <= float(zooms[0]) <= 2.0:
            return _NEEDS_ZOOM
    return costly_part(prompt)


def form(nonce: str, index: int, job: Job, button: str, *, text: str = "") -> ui.Modal:
    """The form for one of a job's buttons, with `text` (a former try) or the job's own prompt."""
    title = CUSTOM_ZOOM if button == CUSTOM_ZOOM else f"{formatting.label(job_of(button))} with another prompt"
    begun = text or prefilled(job, button)
    modal = ui.Modal(title=title[:45], custom_id=f"dr:{PromptForm.code}:{nonce}:{index}")
    modal.add_item(
        ui.Label(
            text="Prompt",
            description=_SHORTENED if not text and len(formatting.prompt(job)) > LONGEST else None,
            component=ui.TextInput(
                custom_id=_FIELD,
                style=discord.TextStyle.paragraph,
                default=begun or None,
                max_length=LONGEST,
            ),
        )
    )
    modal.stop()  # discord.py remembers none that is over: the submit brings all that is needed
    return modal


def job_of(button: str) -> Job:
    """A job that goes by the name of a button."""
    return Job(jobid="", verb="button", button=button)


class PromptForm(PressesJob):
    """A form that somebody sent; `text` is what they wrote."""

    code: ClassVar[str] = "z"
    template: ClassVar[re.Pattern[str]] = re.compile(rf"dr:z:{NONCE}:{INDEX}")

    def __init__(self, match: re.Match[str], text: str) -> None:
        self.nonce = match["nonce"]
        self.index = int(match["index"])
        self.text = text

    async def act(self, interaction: discord.Interaction) -> None:
        """Put the press into the line with this prompt; one that would not be taken is given back."""
        request = await self.request(interaction)
        job = request.parent.job
        if not wants_prompt(job, request.button, request.settings):
            raise UserError(_REMIX_IS_OFF)
        prompt = formatting.clean(self.text[:LONGEST])
        if error := trouble_with(prompt, request.button):
            view = ui.View(timeout=None)
            view.add_item(TryAgainButton(self.nonce, self.index))
            await replies.say(interaction, error, embed=_kept(prompt), view=view)
            return
        unchanged = request.button != CUSTOM_ZOOM and prompt == prefilled(job, request.button)
        await self.take(interaction, request, prompt="" if unchanged else prompt)


class TryAgainButton(PressesJob, JobButtonBase, ui.DynamicItem[ui.Button[Any]], template=rf"dr:e:{NONCE}:{INDEX}"):
    """Opens the form again, with the text that stands above this button."""

    code = "e"
    label = "Try again"

    async def act(self, interaction: discord.Interaction) -> None:
        """Open the form."""
        request = await self.request(interaction)
        job = request.parent.job
        if not wants_prompt(job, request.button, request.settings):
            raise UserError(_REMIX_IS_OFF)
        text = "" if interaction.message is None else _kept_in(interaction.message)
        await interaction.response.send_modal(form(self.nonce, self.index, job, request.button, text=text))


def _kept(prompt: str) -> discord.Embed | None:
    """The text, kept in the answer itself until it is wanted again."""
    whole = prompt.replace(_FENCE, "'''")
    return discord.Embed(description=f"{_FENCE}\n{whole}\n{_FENCE}") if prompt else None


def _kept_in(message: discord.Message) -> str:
    kept = next((embed.description or "" for embed in message.embeds), "")
    return kept.removeprefix(_FENCE).removesuffix(_FENCE).strip()[:LONGEST]


FORMS: tuple[type[PromptForm], ...] = (PromptForm,)


async def submitted(interaction: discord.Interaction) -> None:
    """Answer a form that somebody sent; one that nobody knows, too."""
    data: Any = interaction.data or {}
    custom_id = str(data.get("custom_id", ""))
    for kind in FORMS:
        if match := kind.template.fullmatch(custom_id):
            text = next((value for value in _values(data.get("components"))), "")
            await kind(match, text).callback(interaction)
            return
    await _Unknown().callback(interaction)


def _values(components: Any) -> Iterator[str]:
    """The texts in a form's fields, whatever they stand in: rows, or labels."""
    for component in components if isinstance(components, list) else []:
        inner = [component["component"]] if "component" in component else component.get("components")
        if inner is not None:
            yield from _values(inner)
        elif isinstance(component.get("value"), str):
            yield component["value"]


class _Unknown(PersistentItem):
    async def act(self, _interaction: discord.Interaction, /) -> None:
        raise UserError("I don't know this form any more. `/job` with the job's id shows its buttons anew.")

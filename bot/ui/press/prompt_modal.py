"""The form for editing a prompt: Custom Zoom always opens it, other buttons do when remix is on."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

import discord
import msgspec
from discord import ui

from bot import formatting
from bot.errors import DarkroomError, UserError
from bot.models import CostTier, Job
from bot.models.midjourney_buttons import CUSTOM_ZOOM
from bot.models.prompt import CheckedPrompt, PromptRules
from bot.submissions import prompt_check
from bot.submissions.prompt_guard import forbidden_word
from bot.ui import replies
from bot.ui.base import INDEX, NONCE, SNOWFLAKE, JobButtonBase, view_of
from bot.ui.forms import MAX_LENGTH, PROMPT, Form, form_of, prompt_field, shortened
from bot.ui.interactions import bot_of
from bot.ui.press import press_rules
from bot.ui.press.hidden_addresses import hide, restore
from bot.ui.press.press_request import PressesJob, PressRequest
from bot.ui.press.press_rules import wants_prompt
from bot.ui.press.questions import CancelQuestionButton, check_question

ZOOM = "--zoom 1.8"
"""The parameter that Custom Zoom's form is prefilled with."""

_ZOOMS = re.compile(r"(?:^|\s)(?:--|—)zoom(?:\s+([^\s—-]\S*))?(?=\s|$)", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9](?:\.[0-9]{1,6})?")
_FENCE = "```"
_RULES = PromptRules(needs_words=False)  # a button has a picture to work with
_NEEDS_ZOOM = "Custom Zoom needs `--zoom` once in the prompt, with a number from 1.0 to 2.0, such as `--zoom 1.8`."
_EMPTY = "The prompt was empty, so nothing was sent."
_REMIX_IS_OFF = (
    "Remix prompts were turned off in this server in the meantime, so the prompt can't be changed. Press the button "
    "again to run it with the original prompt."
)


def prefilled(job: Job, button: str) -> str:
    """The prompt that a form is prefilled with, at most 4,000 characters; for Custom Zoom it has one `--zoom`.

    Addresses that name the payer are hidden.
    """
    text = hide(formatting.prompt(job))
    if button != CUSTOM_ZOOM:
        return shortened(text, MAX_LENGTH)
    return f"{shortened(_ZOOMS.sub('', text).strip(), MAX_LENGTH - len(ZOOM) - 1)} {ZOOM}".strip()


def prompt_error(prompt: str, button: str, words: tuple[str, ...] = ()) -> str | None:
    """Why this prompt is not sent, as a sentence; `None` if it is. `words` is the server's word list."""
    if not prompt:
        return _EMPTY
    if button == CUSTOM_ZOOM:
        zooms = _ZOOMS.findall(prompt)
        if len(zooms) != 1 or not _NUMBER.fullmatch(zooms[0]) or not 1.0 <= float(zooms[0]) <= 2.0:
            return _NEEDS_ZOOM
    checked = _checked(prompt)
    if checked.stop is not None:
        return formatting.prompt_stop(checked.stop)
    word = forbidden_word(checked.prompt, words)
    return None if word is None else formatting.forbidden(word)


def _checked(prompt: str) -> CheckedPrompt:
    return prompt_check.check(prompt, rules=_RULES)


class WrittenPrompt(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt that a member wrote for a button, and the press that it is for; sent only if `refusal` is `None`.

    `prompt` is what is sent: empty for that of the job itself. `refusal` is a sentence.
    """

    request: PressRequest
    prompt: str
    refusal: str | None = None

    @property
    def is_costly(self) -> bool:
        """Whether it uses more GPU time than the button does with the prompt of the job."""
        return self.request.tier is CostTier.UPSCALE


async def _read_prompt(interaction: discord.Interaction, request: PressRequest, text: str) -> WrittenPrompt:
    """Check a text that was written into the form of a button; raises `UserError` if that takes none any more."""
    job = request.parent.job
    if not wants_prompt(job, request.button, request.settings):
        raise UserError(_REMIX_IS_OFF)
    whole = restore(text, formatting.prompt(job))
    words = await bot_of(interaction).store.servers.words(request.delivery.destination.guild_id)
    if (error := prompt_error(whole, request.button, words)) is not None:
        return WrittenPrompt(request=request, prompt=whole, refusal=error)
    if request.button != CUSTOM_ZOOM and text == prefilled(job, request.button):
        return WrittenPrompt(request=request, prompt="")
    checked = _checked(whole)
    if checked.costly - _checked(formatting.prompt(job)).costly:  # a button may repeat what its job cost
        request = msgspec.structs.replace(request, tier=CostTier.UPSCALE)
    refusal = None if press_rules.may_run(request.tier, request.presser) else press_rules.ONLY_MODERATORS
    return WrittenPrompt(request=request, prompt=checked.prompt, refusal=refusal)


def form(nonce: str, index: int, job: Job, button: str, *, text: str = "") -> ui.Modal:
    """The form for one of a job's buttons, prefilled with `text` (an earlier attempt) or with the job's prompt."""
    title = CUSTOM_ZOOM if button == CUSTOM_ZOOM else f"{formatting.label(_job_of(button))} with another prompt"
    field = prompt_field(
        text or prefilled(job, button), too_long=not text and len(hide(formatting.prompt(job))) > MAX_LENGTH
    )
    return form_of(title, f"dr:{PromptForm.code}:{nonce}:{index}", field)


def _job_of(button: str) -> Job:
    """A job with the label of a button, for `formatting.label`."""
    return Job(jobid="", verb="button", button=button)


class PromptForm(PressesJob, Form):
    """A submitted form."""

    code: ClassVar[str] = "z"
    template: ClassVar[re.Pattern[str]] = re.compile(rf"dr:z:{NONCE}:{INDEX}")

    def __init__(self, match: re.Match[str], fields: Mapping[str, str]) -> None:
        super().__init__(match, fields)
        self.nonce = match["nonce"]
        self.index = int(match["index"])

    async def act(self, interaction: discord.Interaction) -> None:
        """Submit the button with this prompt; one that is not sent is given back, for another attempt if that helps."""
        prompt = formatting.clean(self.fields.get(PROMPT, "")[:MAX_LENGTH])
        try:
            await self._submit_prompt(interaction, prompt)
        except DarkroomError as error:
            await replies.say(interaction, str(error), embed=_prompt_embed(prompt))

    async def _submit_prompt(self, interaction: discord.Interaction, prompt: str) -> None:
        written = await _read_prompt(interaction, await self.request(interaction), prompt)
        if written.refusal is not None:
            view = view_of(TryAgainButton(self.nonce, self.index))
            await replies.say(interaction, written.refusal, embed=_prompt_embed(prompt), view=view)
        elif written.is_costly:
            view = view_of(
                ConfirmPromptButton(self.nonce, self.index, interaction.id),
                TryAgainButton(self.nonce, self.index, label="Edit"),
                CancelQuestionButton(self.nonce),
            )
            await replies.say(interaction, f"{press_rules.COSTLY} Run it?", embed=_prompt_embed(prompt), view=view)
        else:
            await self.submit(interaction, written.request, prompt=written.prompt)


class ConfirmPromptButton(PressesJob, ui.DynamicItem[ui.Button[Any]], template=rf"dr:yp:{NONCE}:{INDEX}:{SNOWFLAKE}"):
    """Sends the prompt above it, which costs more; `form_id` is the interaction that submitted the form."""

    def __init__(self, nonce: str, index: int | str, form_id: int | str) -> None:
        super().__init__(
            ui.Button(label="Run it", style=discord.ButtonStyle.secondary, custom_id=f"dr:yp:{nonce}:{index}:{form_id}")
        )
        self.nonce = nonce
        self.index = int(index)
        self.form_id = int(form_id)

    async def act(self, interaction: discord.Interaction) -> None:
        """Check the prompt once more, and submit the button with it; the answer replaces the question."""
        request = await self.request(interaction)
        check_question(interaction)
        assert interaction.message is not None
        written = await _read_prompt(interaction, request, _prompt_in(interaction.message))
        if written.refusal is not None:
            raise UserError(written.refusal)
        await self.submit(
            interaction, written.request, prompt=written.prompt, interaction_id=self.form_id, replace_question=True
        )


class TryAgainButton(PressesJob, JobButtonBase, ui.DynamicItem[ui.Button[Any]], template=rf"dr:e:{NONCE}:{INDEX}"):
    """Opens the form again, with the prompt in the embed above this button."""

    code = "e"
    label = "Try again"

    async def act(self, interaction: discord.Interaction) -> None:
        """Open the form."""
        request = await self.request(interaction)
        job = request.parent.job
        if not wants_prompt(job, request.button, request.settings):
            raise UserError(_REMIX_IS_OFF)
        text = "" if interaction.message is None else _prompt_in(interaction.message)
        await interaction.response.send_modal(form(self.nonce, self.index, job, request.button, text=text))


def _prompt_embed(prompt: str) -> discord.Embed | None:
    """An embed that stores the prompt in the answer, for "Try again"; `None` if it is empty."""
    if not prompt:
        return None
    whole = prompt.replace(_FENCE, "'''")
    return discord.Embed(description=f"{_FENCE}\n{whole}\n{_FENCE}")


def _prompt_in(message: discord.Message) -> str:
    stored = next((embed.description or "" for embed in message.embeds), "")
    return stored.removeprefix(_FENCE).removesuffix(_FENCE).strip()[:MAX_LENGTH]

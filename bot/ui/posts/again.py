"""The entry of a result's private menu (`⋯`) that starts another job of its prompt."""

import re
from typing import Any

import discord
from discord import ui

from bot import formatting
from bot.errors import UserError
from bot.models import DeliveryKind
from bot.ui.base import NONCE, DeliveryButton
from bot.ui.forms import Form
from bot.ui.imagine.draft import PromptDraft
from bot.ui.imagine.preview import answer_prompt
from bot.ui.imagine.prompt_form import draft_in, open_prompt_form
from bot.ui.posts.result_menu import NO_PROMPT, may_read_prompt
from bot.ui.press.hidden_addresses import leave_out

AGAIN_FORM = "dr:ia"
"""The custom_id of the form."""

_LEFT_OUT = "Uploaded pictures, and those whose addresses name the account's owner, are left out"


class AgainButton(DeliveryButton, ui.DynamicItem[ui.Button[Any]], template=rf"dr:ag:{NONCE}"):
    """Opens `/imagine`'s form with the prompt of the job, without addresses that name the payer."""

    code = "ag"
    label = "Again with changes"

    async def act(self, interaction: discord.Interaction) -> None:
        """Open the form for a member who may start jobs here."""
        delivery, known = await self.resolve(interaction, DeliveryKind.RESULT)
        if not await may_read_prompt(interaction, delivery, known.job):
            raise UserError(NO_PROMPT)
        whole = formatting.prompt(known.job)
        prompt = leave_out(whole)
        await open_prompt_form(
            interaction,
            PromptDraft(prompt=prompt),
            custom_id=AGAIN_FORM,
            title=self.label,
            description=None if prompt == whole else _LEFT_OUT,
        )


class AgainForm(Form):
    """The submitted form. Its answer is a new one: several forms may be opened from one menu."""

    template = re.compile(AGAIN_FORM)

    async def act(self, interaction: discord.Interaction) -> None:
        """Answer the prompt as if it came with `/imagine`."""
        await answer_prompt(interaction, draft_in(self.fields))

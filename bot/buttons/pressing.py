"""The job's own buttons: a press goes to useapi, and what comes of it is followed here."""

import re
from typing import Any, Self

import discord
import msgspec
from discord import ui

from bot import cards, replies
from bot.asking import bot_of, check_load, check_rights, is_moderator, jump, person_of
from bot.buttons.claims import NONCE, Answered
from bot.errors import ButtonUsed, PersonError, Trouble, UseapiError
from bot.jobs import Delivery, Job, Kind, KnownJob, Status
from bot.store import Asked

_NOBODY_KNOWS = (
    "useapi.net did not say whether Midjourney got this press. Please look in a few minutes, with `/job`, "
    "before you press again: each press costs Midjourney time."
)
_CARD_AFTER = 18.0  # seconds; a child that its first look (after 15 s and a tenth) finds done needs no card


class JobButton(Answered, ui.DynamicItem[ui.Button[Any]], template=rf"dr:p:{NONCE}:(?P<index>\d{{1,2}})"):
    """One of the job's own buttons; `index` counts in the job's list, which no longer changes once it is over."""

    def __init__(
        self, nonce: str, index: int, *, label: str = "", emoji: str | None = None, row: int | None = None
    ) -> None:
        super().__init__(
            ui.Button(
                label=label or None,
                emoji=emoji,
                style=discord.ButtonStyle.secondary,
                custom_id=f"dr:p:{nonce}:{index}",
                row=row,
            )
        )
        self.nonce = nonce
        self.index = index

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction, _item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Rebuild the button from what its custom_id claims."""
        return cls(match["nonce"], int(match["index"]), label="?")

    async def act(self, interaction: discord.Interaction) -> None:
        """Press the job's button at useapi, and follow the child here for the presser."""
        delivery, parent = await self.claim(interaction, Kind.RESULT)
        if self.index >= len(parent.job.buttons) or parent.job.status != Status.COMPLETED:
            raise PersonError("This job has no such button any more.")
        if not is_moderator(interaction):
            raise PersonError("Only members who may manage messages here can press this: it costs Midjourney time.")
        check_rights(interaction)
        await check_load(interaction)
        button = parent.job.buttons[self.index]
        await replies.say(interaction, f"On it: {cards.plain(button, 100)}.")
        await self._press(interaction, delivery, parent, button)

    async def _press(self, interaction: discord.Interaction, delivery: Delivery, parent: KnownJob, button: str) -> None:
        bot = bot_of(interaction)
        press = await bot.store.press(parent, button, delivery.place, person_of(interaction))
        # A crash from here on leaves a press that was asked and never answered; its row says so. It is not repeated,
        # because each POST costs money.
        try:
            try:
                job = await bot.api.press(parent.job.jobid, button, reply_ref=press.ref)
            except ButtonUsed as used:
                job = await bot.api.job(used.child_jobid)
        except UseapiError as refusal:
            unknown = isinstance(refusal, Trouble)
            await bot.store.press_failed(press, str(refusal), refused=not unknown)
            raise PersonError(_NOBODY_KNOWS) if unknown else refusal from None
        child = msgspec.structs.replace(job, parent_jobid=parent.job.jobid)  # useapi may leave it out
        wish = await bot.store.ask(child, delivery.place, press.person, quiet_for=_CARD_AFTER)
        await bot.store.press_made(press, wish.known)
        bot.watcher.watch(wish.known)
        bot.deliver_soon()
        if wish.asked is Asked.POSTED and wish.delivery is not None and wish.delivery.message_id is not None:
            url = jump(wish.delivery.place, wish.delivery.message_id)
            await replies.say(interaction, f"{name_of(job)} stands here already: {url}")
        else:
            await replies.say(interaction, f"{name_of(job)} is on its way. I'll post it here.")


def name_of(job: Job) -> str:
    """What an answer calls the job; Markdown in it is harmless, and it has at most 100 characters."""
    return cards.plain(cards.label(job), 100)

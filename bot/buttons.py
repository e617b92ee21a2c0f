"""Everything that can be pressed. A custom_id names a delivery and what to do; it is a claim, checked at every press.

All are `DynamicItem`s: they work after a restart, on posts this process never made, and cost no memory.
discord.py only logs what such an item raises, so `_Answered` brings every exception to `bot.replies`.
"""

import re
from contextlib import suppress
from typing import Any, ClassVar, Self

import discord
import msgspec
from discord import ui

from bot import cards, replies
from bot.asking import ask, bot_of, check_load, check_rights, is_moderator, jump, person_of, place_of
from bot.errors import ButtonUsed, PersonError, Trouble, UseapiError
from bot.jobs import Delivery, Job, Kind, KnownJob, State, Status
from bot.store import Asked

_NONCE = r"(?P<nonce>[a-z0-9]{24})"
_NEEDS_MORE = {"Vary (Region)", "Custom Zoom"}  # the API wants a mask or a prompt with these
_NOBODY_KNOWS = (
    "useapi.net did not say whether Midjourney got this press. Please look in a few minutes, with `/job`, "
    "before you press again: each press costs Midjourney time."
)
_CARD_AFTER = 18.0  # seconds; a child that its first look (after 15 s and a tenth) finds done needs no card


def result_view(nonce: str, job: Job, *, bare: bool = False) -> ui.View:
    """The buttons of a result: the job's own, laid out as Midjourney has them, and `⋯`, which every result has.

    A `bare` one has `⋯` alone: perhaps it was a button that Discord refused.
    """
    view = ui.View(timeout=None)
    labels = ["" if label in _NEEDS_MORE else label for label in job.buttons]
    rows = cards.rows(labels) if job.status == Status.COMPLETED and not bare else ()
    for number, row in enumerate(rows):
        for face in row:
            view.add_item(JobButton(nonce, face.index, label=face.label, emoji=face.emoji, row=number))
    last = max(len(rows) - 1, 0)
    if rows and len(rows[last]) == 5:
        last += 1
    if job.status == Status.MODERATED:
        view.add_item(WhyButton(nonce, row=last))
    view.add_item(MoreButton(nonce, row=last))
    return view


def card_view(nonce: str) -> ui.View:
    """The buttons of a card."""
    view = ui.View(timeout=None)
    view.add_item(TellMeButton(nonce))
    view.add_item(StopButton(nonce))
    return view


def status_view() -> ui.View:
    """What stands below a status that lists given up results."""
    view = ui.View(timeout=None)
    view.add_item(RearmButton())
    return view


def posted_view(nonce: str, url: str) -> ui.View:
    """What stands below "Already posted": the way there, and the wish to see it again here."""
    view = ui.View(timeout=None)
    view.add_item(ui.Button(label="Go to the picture", url=url))
    view.add_item(PostAgainButton(nonce))
    return view


class _Answered:
    """Brings what `act` raises to the one place that answers people."""

    nonce: str

    async def callback(self, interaction: discord.Interaction) -> None:
        bot = bot_of(interaction)
        bot.store.saw(interaction.id)
        try:
            if await bot.is_welcome(interaction):
                await self.act(interaction)
        except Exception as error:  # noqa: BLE001 -- the one place that answers gets them all
            await replies.answer(interaction, error)

    async def act(self, interaction: discord.Interaction) -> None:
        raise NotImplementedError

    async def claim(self, interaction: discord.Interaction, kind: Kind) -> tuple[Delivery, KnownJob]:
        """The delivery that the custom_id names and its job, if they belong where the press came from."""
        store = bot_of(interaction).store
        delivery = await store.delivery(self.nonce)
        if delivery is None or delivery.kind is not kind or delivery.place != place_of(interaction):
            raise PersonError("I don't know this post any more. `/job` with its id shows the job anew.")
        return delivery, await store.known(delivery.job_id)

    async def claim_housekeeping(self, interaction: discord.Interaction, what: str) -> tuple[Delivery, KnownJob]:
        """The result that the custom_id names, for the asker or a moderator, who alone may do `what`."""
        delivery, known = await self.claim(interaction, Kind.RESULT)
        if not await _may_keep_house(interaction, delivery):
            raise PersonError(f"Only the member who brought this job here, and moderators, can {what}.")
        return delivery, known


class _Simple(_Answered):
    """A button whose custom_id holds nothing but the delivery."""

    code: ClassVar[str]
    label: ClassVar[str]
    style: ClassVar[discord.ButtonStyle] = discord.ButtonStyle.secondary

    def __init__(self, nonce: str, *, row: int | None = None) -> None:
        super().__init__(  # type: ignore[call-arg]  # DynamicItem's, which stands behind this class in the order
            ui.Button(label=self.label, style=self.style, custom_id=f"dr:{self.code}:{nonce}", row=row)
        )
        self.nonce = nonce

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction, _item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(match["nonce"])


class JobButton(_Answered, ui.DynamicItem[ui.Button[Any]], template=rf"dr:p:{_NONCE}:(?P<index>\d{{1,2}})"):
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
            await replies.say(interaction, f"{_name(job)} stands here already: {url}")
        else:
            await replies.say(interaction, f"{_name(job)} is on its way. I'll post it here.")


class MoreButton(_Simple, ui.DynamicItem[ui.Button[Any]], template=rf"dr:m:{_NONCE}"):
    """`⋯`: private extras. Its custom_id is also how the courier knows its own results again."""

    code = "m"
    label = "⋯"

    async def act(self, interaction: discord.Interaction) -> None:
        """Show what this person can do with the post."""
        delivery, known = await self.claim(interaction, Kind.RESULT)
        if delivery.state is State.SENDING and interaction.message is not None:  # it stands: here is the proof
            await bot_of(interaction).store.posted(delivery, interaction.message.id)
        if not await _may_keep_house(interaction, delivery):
            await replies.say(
                interaction, f"`#{known.key}` · the extras are for who brought this job here, and for moderators."
            )
            return
        view = ui.View(timeout=None)
        view.add_item(CopyIdButton(self.nonce))
        view.add_item(DeleteButton(self.nonce))
        await replies.say(interaction, f"{_name(known.job)} · `#{known.key}`", view=view)


class CopyIdButton(_Simple, ui.DynamicItem[ui.Button[Any]], template=rf"dr:c:{_NONCE}"):
    """Shows useapi's id, in private: it holds the payer's account number."""

    code = "c"
    label = "Copy job id"

    async def act(self, interaction: discord.Interaction) -> None:
        """Show the id to the asker or a moderator."""
        _, known = await self.claim_housekeeping(interaction, "see its id")
        await replies.say(interaction, f"```\n{known.job.jobid.replace('`', '')}\n```")


class DeleteButton(_Simple, ui.DynamicItem[ui.Button[Any]], template=rf"dr:d:{_NONCE}"):
    """Deletes the post; `/job` can show the job again."""

    code = "d"
    label = "Delete this post"
    style = discord.ButtonStyle.danger

    async def act(self, interaction: discord.Interaction) -> None:
        """Delete the message for the asker or a moderator."""
        delivery, known = await self.claim_housekeeping(interaction, "delete its post")
        if delivery.message_id is not None:
            channel = interaction.client.get_partial_messageable(delivery.place.channel_id)
            with suppress(discord.NotFound):  # gone already, which is what was asked for
                await channel.get_partial_message(delivery.message_id).delete()
        await bot_of(interaction).store.drop(delivery)
        await replies.say(interaction, f"Deleted. `/job #{known.key}` posts it again.")


class WhyButton(_Simple, ui.DynamicItem[ui.Button[Any]], template=rf"dr:w:{_NONCE}"):
    """Midjourney's reason for declining, for the asker alone."""

    code = "w"
    label = "Why?"

    async def act(self, interaction: discord.Interaction) -> None:
        """Tell the reason to the asker."""
        delivery, known = await self.claim(interaction, Kind.RESULT)
        if not await _is_asker(interaction, delivery):
            raise PersonError("Only the member who brought this job here can see why it was declined.")
        await replies.say(interaction, cards.why(known.job))


class PostAgainButton(_Simple, ui.DynamicItem[ui.Button[Any]], template=rf"dr:r:{_NONCE}"):
    """Posts a result once more, for who finds the first one too far up."""

    code = "r"
    label = "Post again"

    async def act(self, interaction: discord.Interaction) -> None:
        """Put a second delivery into the outbox."""
        _, known = await self.claim(interaction, Kind.RESULT)
        check_rights(interaction)
        await ask(interaction, known.job, again=True)
        await interaction.response.edit_message(content="I'll post it here again.", view=None)


class TellMeButton(_Simple, ui.DynamicItem[ui.Button[Any]], template=rf"dr:t:{_NONCE}"):
    """Joins the people who are told about a running job."""

    code = "t"
    label = "🔔 Tell me too"

    async def act(self, interaction: discord.Interaction) -> None:
        """Add a watch for whoever pressed."""
        card, known = await self.claim(interaction, Kind.CARD)
        if await _asked(interaction, card):
            raise PersonError("You are on the list already.")
        check_rights(interaction)
        await check_load(interaction)
        await ask(interaction, known.job)
        await replies.say(interaction, "I'll tell you here when it is done.")


class StopButton(_Simple, ui.DynamicItem[ui.Button[Any]], template=rf"dr:s:{_NONCE}"):
    """Asks, in private, what to stop."""

    code = "s"
    label = "Stop"

    async def act(self, interaction: discord.Interaction) -> None:
        """Offer what this person may stop."""
        card, _ = await self.claim(interaction, Kind.CARD)
        view = ui.View(timeout=None)
        if await _asked(interaction, card):
            view.add_item(StopMineButton(self.nonce))
        if is_moderator(interaction):
            view.add_item(StopAllButton(self.nonce))
        if not view.children:
            raise PersonError("You are not on the list for this job, so there is nothing to stop for you.")
        await replies.say(interaction, "What shall I stop? The job itself goes on at Midjourney.", view=view)


class StopMineButton(_Simple, ui.DynamicItem[ui.Button[Any]], template=rf"dr:x:{_NONCE}"):
    """Ends one's own watch."""

    code = "x"
    label = "Stop telling me"

    async def act(self, interaction: discord.Interaction) -> None:
        """End the watch of whoever pressed."""
        card, _ = await self.claim(interaction, Kind.CARD)
        await bot_of(interaction).store.stop(card, interaction.user.id)
        bot_of(interaction).deliver_soon()
        await interaction.response.edit_message(content="I won't tell you about this one.", view=None)


class StopAllButton(_Simple, ui.DynamicItem[ui.Button[Any]], template=rf"dr:a:{_NONCE}"):
    """Ends everybody's watch in this channel."""

    code = "a"
    label = "Stop for everyone here"
    style = discord.ButtonStyle.danger

    async def act(self, interaction: discord.Interaction) -> None:
        """End all watches in this channel, for a moderator."""
        card, _ = await self.claim(interaction, Kind.CARD)
        if not is_moderator(interaction):
            raise PersonError("Only moderators can stop it for everyone.")
        await bot_of(interaction).store.stop(card, None)
        bot_of(interaction).deliver_soon()
        await interaction.response.edit_message(content="Nobody here will be told about this one.", view=None)


class RearmButton(_Answered, ui.DynamicItem[ui.Button[Any]], template=r"dr:u"):
    """Tries a server's given up results again, for those who manage it."""

    def __init__(self) -> None:
        super().__init__(ui.Button(label="Try them again", style=discord.ButtonStyle.secondary, custom_id="dr:u"))

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction, _item: ui.Item[Any], _match: re.Match[str], /
    ) -> Self:
        """Rebuild the button; it holds nothing."""
        return cls()

    async def act(self, interaction: discord.Interaction) -> None:
        """Put this server's given up results back into the outbox."""
        if not interaction.permissions.manage_guild:
            raise PersonError("Only those who manage this server can do that.")
        count = await bot_of(interaction).store.rearm(place_of(interaction).guild_id)
        bot_of(interaction).deliver_soon()
        await interaction.response.edit_message(content=f"Trying again: {count}.", view=None)


ALL: tuple[type[ui.DynamicItem[Any]], ...] = (
    JobButton,
    MoreButton,
    CopyIdButton,
    DeleteButton,
    WhyButton,
    PostAgainButton,
    TellMeButton,
    StopButton,
    StopMineButton,
    StopAllButton,
    RearmButton,
)


def is_ours(interaction: discord.Interaction) -> bool:
    """Whether one of `ALL` will answer: the custom_id has a known form and stands on the message that was pressed."""
    custom_id = interaction.custom_id or ""
    known = any(item.__discord_ui_compiled_template__.fullmatch(custom_id) for item in ALL)
    return known and interaction.message is not None and custom_id in custom_ids(interaction.message)


def custom_ids(message: discord.Message) -> set[str]:
    """The custom_ids on a message's buttons."""
    return {
        child.custom_id
        for row in message.components
        if isinstance(row, discord.ActionRow)
        for child in row.children
        if isinstance(child, discord.Button) and child.custom_id is not None
    }


def _name(job: Job) -> str:
    return cards.plain(cards.label(job), 100)


async def _asked(interaction: discord.Interaction, delivery: Delivery) -> bool:
    watches = await bot_of(interaction).store.watches(delivery.job_id, delivery.place.channel_id)
    return any(watch.person.id == interaction.user.id for watch in watches)


async def _may_keep_house(interaction: discord.Interaction, delivery: Delivery) -> bool:
    return is_moderator(interaction) or await _is_asker(interaction, delivery)


async def _is_asker(interaction: discord.Interaction, delivery: Delivery) -> bool:
    """Whether it was this member who brought the job here; to be told about it too, anybody can ask."""
    asker = await bot_of(interaction).store.asker(delivery.job_id, delivery.place.channel_id)
    return asker == interaction.user.id

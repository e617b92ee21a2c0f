"""`/darkroom members`: what a member did lately, to shut them out or let them in again; for managers only.

Its items name the member by their id, which is as good as choosing them: a manager may choose anyone.
"""

import logging
from datetime import timedelta
from typing import Any, ClassVar, cast

import discord
from discord import ui
from discord.utils import utcnow

from bot import formatting
from bot.errors import UserError
from bot.formatting.embeds import QUIET
from bot.models import Person
from bot.ui import replies
from bot.ui.base import SNOWFLAKE, view_of
from bot.ui.interactions import bot_of, destination_of, person_of
from bot.ui.panels.base import ManagerPanel, button, selected_id, values

log = logging.getLogger(__name__)

_LISTED = 15  # members who are shut out
_ENTRIES = 5  # of the audit, about one member
_HOW = (
    "Choose a member to see what they did lately, to shut them out or to let them in again. Whoever is shut out can't "
    "start jobs or use buttons here; moderators can be shut out, too."
)


async def show_members(interaction: discord.Interaction) -> None:
    """Show who is shut out as the private answer, or update it."""
    shut_out = await bot_of(interaction).store.members.all_shut_out(destination_of(interaction).guild_id, _LISTED)
    lines = [f"- {_name(person)}: {formatting.member_standing(shut)}" for person, shut in shut_out]
    await _show(interaction, "\n".join([_HOW, "", *lines]) if lines else _HOW, view_of(MemberSelect()))


async def show_member(interaction: discord.Interaction, user_id: int) -> None:
    """Show a member as the private answer, or update it."""
    store, guild_id = bot_of(interaction).store, destination_of(interaction).guild_id
    settings = await store.servers.settings(guild_id)
    shut = await store.members.shut_out(guild_id, user_id)
    lines = [
        f"**{_name(await store.members.person(guild_id, user_id))}**",
        formatting.member_standing(shut),
        formatting.member_numbers(
            await store.members.numbers(guild_id, user_id, settings.daily),
            len(await store.queue.of_member(user_id, guild_id)),
            settings,
        ),
    ]
    if audit := await store.members.audit_of(guild_id, user_id, _ENTRIES):
        lines += ["", *map(formatting.audit_line, audit)]
    items: list[ui.Item[Any]] = [MemberSelect(), ShutOutSelect(user_id)]
    if shut is not None:
        items.append(LetInButton(user_id))
    await _show(interaction, "\n".join(lines), view_of(*items))


async def _show(interaction: discord.Interaction, text: str, view: ui.View) -> None:
    await replies.say(interaction, "", embed=discord.Embed(colour=QUIET, description=text), view=view)


def _name(person: Person) -> str:
    return formatting.plain(person.name, 40) or f"<@{person.id}>"


class MemberSelect(ManagerPanel, ui.DynamicItem[ui.UserSelect[Any]], template=r"dr:m:u"):
    """Chooses the member to show. Discord lists the members itself, however many there are."""

    def __init__(self) -> None:
        super().__init__(ui.UserSelect(custom_id="dr:m:u", placeholder="Choose a member…"))

    async def run(self, interaction: discord.Interaction) -> None:
        """Show the member, whose name is stored for the audit."""
        selected = selected_id(interaction)
        if selected is None:
            raise UserError("I didn't get that member. Please choose again.")
        person = Person(id=selected, name=_display_name(interaction, str(selected)))
        await bot_of(interaction).store.members.remember_name(destination_of(interaction).guild_id, person)
        await interaction.response.defer()
        await show_member(interaction, person.id)


def _display_name(interaction: discord.Interaction, user_id: str) -> str:
    """The name of a selected member, as Discord sent it along."""
    resolved = cast(dict[str, Any], interaction.data or {}).get("resolved", {})
    member = resolved.get("members", {}).get(user_id, {})
    user = resolved.get("users", {}).get(user_id, {})
    return str(member.get("nick") or user.get("global_name") or user.get("username") or "")


class ShutOutSelect(ManagerPanel, ui.DynamicItem[ui.Select[Any]], template=rf"dr:m:o:{SNOWFLAKE}"):
    """Shuts the member out, for a time or until they are let in again."""

    TIMES: ClassVar[dict[str, tuple[str, timedelta | None]]] = {
        "hour": ("For an hour", timedelta(hours=1)),
        "day": ("For a day", timedelta(days=1)),
        "week": ("For a week", timedelta(days=7)),
        "month": ("For 30 days", timedelta(days=30)),
        "always": ("Until they are let in again", None),
    }

    def __init__(self, user_id: int | str) -> None:
        self.user_id = int(user_id)
        options = [discord.SelectOption(label=label, value=value) for value, (label, _) in self.TIMES.items()]
        super().__init__(ui.Select(custom_id=f"dr:m:o:{self.user_id}", placeholder="Shut out…", options=options))

    async def run(self, interaction: discord.Interaction) -> None:
        """Shut the member out; what they have queued is not sent."""
        _, time = self.TIMES.get("".join(values(interaction)), (None, timedelta()))
        if time == timedelta():
            raise UserError("That choice no longer exists. Open `/darkroom members` again to see the current ones.")
        until = None if time is None else utcnow() + time
        await bot_of(interaction).store.members.change(
            destination_of(interaction).guild_id,
            self.user_id,
            shut_out=True,
            until=until,
            manager_name=person_of(interaction).name,
        )
        log.info("Member %d shut out member %d until %s", interaction.user.id, self.user_id, until)
        await _changed(interaction, self.user_id)


class LetInButton(ManagerPanel, ui.DynamicItem[ui.Button[Any]], template=rf"dr:m:i:{SNOWFLAKE}"):
    """Lets the member in again; what Midjourney declined until now no longer counts in this server."""

    def __init__(self, user_id: int | str) -> None:
        self.user_id = int(user_id)
        super().__init__(button("Let in again", f"dr:m:i:{self.user_id}"))

    async def run(self, interaction: discord.Interaction) -> None:
        """Let the member in."""
        await bot_of(interaction).store.members.change(
            destination_of(interaction).guild_id,
            self.user_id,
            shut_out=False,
            until=None,
            manager_name=person_of(interaction).name,
        )
        log.info("Member %d let in member %d again", interaction.user.id, self.user_id)
        await _changed(interaction, self.user_id)


async def _changed(interaction: discord.Interaction, user_id: int) -> None:
    bot_of(interaction).submissions.wake()  # what the member has queued ends, and an alert may be over
    await interaction.response.defer()
    await show_member(interaction, user_id)


ITEMS: tuple[type[ui.DynamicItem[Any]], ...] = (MemberSelect, ShutOutSelect, LetInButton)
"""All of the above, for `bot.ui.ALL`."""

"""What stands below a card: to be told too, and to stop that."""

from typing import Any

import discord
from discord import ui

from bot import replies
from bot.asking import ask, bot_of, check_load, check_rights, is_moderator
from bot.buttons.claims import NONCE, Simple, asked
from bot.errors import PersonError
from bot.jobs import Kind


def card_view(nonce: str) -> ui.View:
    """The buttons of a card."""
    view = ui.View(timeout=None)
    view.add_item(TellMeButton(nonce))
    view.add_item(StopButton(nonce))
    return view


class TellMeButton(Simple, ui.DynamicItem[ui.Button[Any]], template=rf"dr:t:{NONCE}"):
    """Joins the people who are told about a running job."""

    code = "t"
    label = "🔔 Tell me too"

    async def act(self, interaction: discord.Interaction) -> None:
        """Add a watch for whoever pressed."""
        card, known = await self.claim(interaction, Kind.CARD)
        if await asked(interaction, card):
            raise PersonError("You are on the list already.")
        check_rights(interaction)
        await check_load(interaction)
        await ask(interaction, known.job)
        await replies.say(interaction, "I'll tell you here when it is done.")


class StopButton(Simple, ui.DynamicItem[ui.Button[Any]], template=rf"dr:s:{NONCE}"):
    """Asks, in private, what to stop."""

    code = "s"
    label = "Stop"

    async def act(self, interaction: discord.Interaction) -> None:
        """Offer what this person may stop."""
        card, _ = await self.claim(interaction, Kind.CARD)
        view = ui.View(timeout=None)
        if await asked(interaction, card):
            view.add_item(StopMineButton(self.nonce))
        if is_moderator(interaction):
            view.add_item(StopAllButton(self.nonce))
        if not view.children:
            raise PersonError("You are not on the list for this job, so there is nothing to stop for you.")
        await replies.say(interaction, "What shall I stop? The job itself goes on at Midjourney.", view=view)


class StopMineButton(Simple, ui.DynamicItem[ui.Button[Any]], template=rf"dr:x:{NONCE}"):
    """Ends one's own watch."""

    code = "x"
    label = "Stop telling me"

    async def act(self, interaction: discord.Interaction) -> None:
        """End the watch of whoever pressed."""
        card, _ = await self.claim(interaction, Kind.CARD)
        await bot_of(interaction).store.stop(card, interaction.user.id)
        bot_of(interaction).deliver_soon()
        await interaction.response.edit_message(content="I won't tell you about this one.", view=None)


class StopAllButton(Simple, ui.DynamicItem[ui.Button[Any]], template=rf"dr:a:{NONCE}"):
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

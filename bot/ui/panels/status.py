"""What stands below a status: another try for results that were given up."""

import re
from typing import Any, Self

import discord
from discord import ui

from bot.errors import UserError
from bot.ui.base import PersistentItem
from bot.ui.interactions import bot_of, destination_of


def status_view() -> ui.View:
    """What stands below a status that lists given up results."""
    view = ui.View(timeout=None)
    view.add_item(RearmButton())
    return view


class RearmButton(PersistentItem, ui.DynamicItem[ui.Button[Any]], template=r"dr:u"):
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
            raise UserError("Only those who manage this server can do that.")
        count = await bot_of(interaction).store.deliveries.rearm(destination_of(interaction).guild_id)
        bot_of(interaction).deliver_soon()
        await interaction.response.edit_message(content=f"Trying again: {count}.", view=None)

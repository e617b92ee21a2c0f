"""The button below `/darkroom status`: retry results that could not be posted."""

from typing import Any

import discord
from discord import ui

from bot.errors import UserError
from bot.ui.base import PersistentItem
from bot.ui.interactions import bot_of, destination_of


class RearmButton(PersistentItem, ui.DynamicItem[ui.Button[Any]], template=r"dr:u"):
    """Retries a server's undeliverable results, for members with Manage Server."""

    def __init__(self) -> None:
        super().__init__(ui.Button(label="Try them again", style=discord.ButtonStyle.secondary, custom_id="dr:u"))

    async def act(self, interaction: discord.Interaction) -> None:
        """Put this server's undeliverable results back into the outbox."""
        if not interaction.permissions.manage_guild:
            raise UserError("Only members with Manage Server can use this.")
        count = await bot_of(interaction).store.deliveries.rearm(destination_of(interaction).guild_id)
        bot_of(interaction).deliver_soon()
        await interaction.response.edit_message(content=f"Trying to post them again: {count}.", view=None)

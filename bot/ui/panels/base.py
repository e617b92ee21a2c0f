"""Base classes and helpers of the selects and buttons in private panels."""

import re
from typing import Any, cast

import discord
from discord import ui

from bot.errors import UserError
from bot.ui.base import SNOWFLAKE, PersistentItem

GREY = discord.ButtonStyle.secondary


class Panel(PersistentItem):
    """An item of a private panel."""

    async def act(self, interaction: discord.Interaction) -> None:
        """Run `run`, unless the message is public: everyone in the channel would read what the panel shows."""
        if interaction.message is None or not interaction.message.flags.ephemeral:
            raise UserError("This only works in a private panel. `/jobs` and `/darkroom settings` open one.")
        await self.run(interaction)

    async def run(self, interaction: discord.Interaction) -> None:
        """Do what was chosen."""
        raise NotImplementedError


class ManagerPanel(Panel):
    """An item of a private panel for members with Manage Server only."""

    async def act(self, interaction: discord.Interaction) -> None:
        """Check the permission at every use: it may have been taken away since the panel was opened."""
        check_manager(interaction)
        await super().act(interaction)


def check_manager(interaction: discord.Interaction) -> None:
    """Raise `UserError` unless the member has Manage Server."""
    if not interaction.permissions.manage_guild:
        raise UserError("Only members with Manage Server can use this.")


def values(interaction: discord.Interaction) -> list[str]:
    """What was chosen in a select, as Discord sent it: texts, or the ids of channels and roles."""
    return list(cast(dict[str, Any], interaction.data or {}).get("values", []))


def selected_id(interaction: discord.Interaction) -> int | None:
    """The one id that was chosen in a select; `None` for anything else."""
    selected = "".join(values(interaction))
    return int(selected) if re.fullmatch(SNOWFLAKE, selected) else None


def button(label: str, custom_id: str, *, row: int | None = None, disabled: bool = False) -> ui.Button[Any]:
    """A grey button."""
    return ui.Button(label=label, style=GREY, custom_id=custom_id, row=row, disabled=disabled)

"""What the selects and buttons of private panels share."""

import re
from typing import Any, Self, cast

import discord
from discord import ui

from bot.errors import UserError
from bot.ui.base import PersistentItem

GREY = discord.ButtonStyle.secondary


class Panel(PersistentItem):
    """Something in a private panel: it is made from the groups of its custom_id's pattern, and holds nothing else."""

    async def act(self, interaction: discord.Interaction) -> None:
        """Go on in a private answer only, which Discord vouches for: elsewhere everybody would read what is shown."""
        if interaction.message is None or not interaction.message.flags.ephemeral:
            raise UserError("This belongs into a private panel. `/jobs` and `/darkroom` open one.")
        await self.use(interaction)

    async def use(self, interaction: discord.Interaction) -> None:
        """Do what was chosen."""
        raise NotImplementedError

    @classmethod
    async def from_custom_id(cls, _: discord.Interaction, _item: ui.Item[Any], match: re.Match[str], /) -> Self:
        """Rebuild it from what its custom_id claims."""
        return cls(*match.groups())


class ManagerPanel(Panel):
    """Something that only those who manage the server may use."""

    async def act(self, interaction: discord.Interaction) -> None:
        """Check the right anew, at every use."""
        if not interaction.permissions.manage_guild:
            raise UserError("Only members with Manage Server can use this.")
        await super().act(interaction)


def values(interaction: discord.Interaction) -> list[str]:
    """What was chosen in a select, as Discord sent it: texts, or the ids of channels and roles."""
    return list(cast(dict[str, Any], interaction.data or {}).get("values", []))


def button(label: str, custom_id: str, *, row: int | None = None, disabled: bool = False) -> ui.Button[Any]:
    """A quiet button."""
    return ui.Button(label=label, style=GREY, custom_id=custom_id, row=row, disabled=disabled)

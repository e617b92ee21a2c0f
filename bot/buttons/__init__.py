"""Everything that can be pressed. A custom_id names a delivery and what to do; it is a claim, checked at every press.

All are `DynamicItem`s: they work after a restart, on posts this process never made, and cost no memory.
discord.py only logs what such an item raises, so `Answered` brings every exception to `bot.replies`.

`claims` checks what a custom_id says, `pressing` holds the job's own buttons; `result`, `card` and `status` have what
stands below each of these messages.
"""

from typing import Any

import discord
from discord import ui

from bot.buttons.card import StopAllButton, StopButton, StopMineButton, TellMeButton, card_view
from bot.buttons.pressing import JobButton
from bot.buttons.result import (
    CopyIdButton,
    DeleteButton,
    MoreButton,
    PostAgainButton,
    WhyButton,
    posted_view,
    result_view,
)
from bot.buttons.status import RearmButton, status_view

__all__ = ["ALL", "card_view", "custom_ids", "is_ours", "posted_view", "result_view", "status_view"]

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

"""Everything that can be pressed. A custom_id names a delivery and what to do; it is a claim, checked at every press.

All are `DynamicItem`s: they work after a restart, on posts this process never made, and cost no memory.
discord.py only logs what such an item raises, so `PersistentItem` brings every exception to `bot.ui.replies`.

`claims` checks what a custom_id says. `rules` says who may press what, `wanted` takes a press, `pressing` holds the
job's own buttons and `forms` the prompt for editing. `result` (with `extras`), `card`, `notice` and `status` have what
stands below each of these messages. Private panels: `settings` (with `settings_pages` and `sample`) for
`/darkroom settings`, `mine` (with `account`) for `/jobs`, `ledger` for `/darkroom presses`.
"""

from typing import Any

import discord
from discord import ui

from bot import discord_internals
from bot.ui.panels import my_jobs, settings
from bot.ui.panels.bug_report import ReportButton
from bot.ui.panels.my_jobs import show_my_jobs
from bot.ui.panels.settings import show_settings
from bot.ui.panels.status import RearmButton, status_view
from bot.ui.panels.submission_log import PageButton, show_submission_log
from bot.ui.posts.notice import DismissNoticeButton, notice_view
from bot.ui.posts.result import (
    CopyIdButton,
    DeleteButton,
    MoreButton,
    PostAgainButton,
    WhyButton,
    posted_view,
    result_view,
)
from bot.ui.posts.result_menu import DeleteSplitButton, FamilyButton, SplitButton, split_view
from bot.ui.posts.status_card import (
    CancelButton,
    NotifyMeButton,
    StopAllButton,
    StopButton,
    StopMineButton,
    status_card_view,
)
from bot.ui.press.job_buttons import ConfirmButton, JobButton
from bot.ui.press.prompt_modal import TryAgainButton, submitted

__all__ = [
    "ALL",
    "MoreButton",
    "NotifyMeButton",
    "ReportButton",
    "custom_ids",
    "is_ours",
    "notice_view",
    "posted_view",
    "result_view",
    "show_my_jobs",
    "show_settings",
    "show_submission_log",
    "split_view",
    "status_card_view",
    "status_view",
    "submitted",
]

ALL: tuple[type[ui.DynamicItem[Any]], ...] = (
    JobButton,
    ConfirmButton,
    TryAgainButton,
    MoreButton,
    FamilyButton,
    SplitButton,
    DeleteSplitButton,
    CopyIdButton,
    DeleteButton,
    WhyButton,
    PostAgainButton,
    NotifyMeButton,
    StopButton,
    StopMineButton,
    StopAllButton,
    CancelButton,
    DismissNoticeButton,
    RearmButton,
    ReportButton,
    PageButton,
    *my_jobs.ITEMS,
    *settings.ITEMS,
)


def is_ours(interaction: discord.Interaction) -> bool:
    """Whether one of `ALL` will answer: the custom_id has a known form and stands on the message that was pressed."""
    custom_id = interaction.custom_id or ""
    known = any(discord_internals.template_of(item).fullmatch(custom_id) for item in ALL)
    return known and interaction.message is not None and custom_id in custom_ids(interaction.message)


def custom_ids(message: discord.Message) -> set[str]:
    """The custom_ids on a message's buttons and selects."""
    return {
        child.custom_id
        for row in message.components
        if isinstance(row, discord.ActionRow)
        for child in row.children
        if isinstance(child, discord.Button | discord.SelectMenu) and child.custom_id is not None
    }

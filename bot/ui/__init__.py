"""Buttons, selects, forms and private answers. A custom_id is a claim: each press checks job, channel and member.

All items are `DynamicItem`s: they work after a restart, on posts of earlier processes, and cost no memory. discord.py
only logs what such an item raises, so `PersistentItem` in `base` passes every exception to `replies`, the one place
that answers errors (`refusals` has the sentences for Discord's own).

`interactions` reads an interaction, `permissions` compares permissions, `subscription_requests` subscribes a member to
a job. `subscription_replies` and `submission_replies` hold the answers to a subscription and to a submission, and
`command_mentions` makes the commands in private answers clickable; `forms` has the base of all forms. `posts` has the
buttons below public posts, `press` leads from a press or a form to a submission, `imagine` from a prompt; `panels` are
the private panels of `/jobs` and `/darkroom`.
"""

from typing import Any

import discord
from discord import ui

from bot import discord_internals
from bot.ui.base import view_of
from bot.ui.forms import Form, submit_form
from bot.ui.imagine import picture_jobs
from bot.ui.imagine.preview import CancelPromptButton, ImagineForm, RunPromptButton, answer_prompt
from bot.ui.imagine.prompt_form import EditPromptButton, open_prompt_form
from bot.ui.panels import kept_data, members, my_jobs, settings, start_page
from bot.ui.panels.bug_report import ReportButton
from bot.ui.panels.found_jobs import FoundPageButton, show_found_jobs
from bot.ui.panels.members import show_members
from bot.ui.panels.my_jobs import show_my_jobs
from bot.ui.panels.sample_post import DeleteSampleButton
from bot.ui.panels.settings import show_settings
from bot.ui.panels.status import RearmButton
from bot.ui.panels.submission_log import PageButton, show_submission_log
from bot.ui.posts.again import AgainButton, AgainForm
from bot.ui.posts.described_prompts import DescribedPromptButton
from bot.ui.posts.menu_of_copies import open_menu_of_copy
from bot.ui.posts.notice import DismissNoticeButton, notice_view
from bot.ui.posts.result import (
    DeleteButton,
    MoreButton,
    PostAgainButton,
    ShowIdButton,
    WhyButton,
    result_view,
)
from bot.ui.posts.result_menu import DeleteSplitButton, PromptButton, RelatedButton, SplitButton, split_view
from bot.ui.posts.seed import SeedButton
from bot.ui.posts.star import RemoveFromStarboardButton, RemoveStarButton, StarButton, starboard_post_view
from bot.ui.posts.status_card import (
    CancelButton,
    NotifyMeButton,
    StopAllButton,
    StopButton,
    StopMineButton,
    status_card_view,
)
from bot.ui.press.job_buttons import ConfirmButton, JobButton
from bot.ui.press.prompt_modal import ConfirmPromptButton, PromptForm, TryAgainButton
from bot.ui.press.questions import CancelQuestionButton

__all__ = [
    "ALL",
    "DeleteSplitButton",
    "MoreButton",
    "NotifyMeButton",
    "RearmButton",
    "RemoveFromStarboardButton",
    "ReportButton",
    "answer_prompt",
    "custom_ids",
    "is_ours",
    "notice_view",
    "open_menu_of_copy",
    "open_prompt_form",
    "picture_jobs",
    "result_view",
    "show_found_jobs",
    "show_members",
    "show_my_jobs",
    "show_settings",
    "show_submission_log",
    "split_view",
    "starboard_post_view",
    "status_card_view",
    "submitted",
    "view_of",
]

ALL: tuple[type[ui.DynamicItem[Any]], ...] = (
    JobButton,
    ConfirmButton,
    CancelQuestionButton,
    ConfirmPromptButton,
    TryAgainButton,
    RunPromptButton,
    CancelPromptButton,
    EditPromptButton,
    DescribedPromptButton,
    MoreButton,
    RelatedButton,
    PromptButton,
    AgainButton,
    SeedButton,
    SplitButton,
    StarButton,
    RemoveStarButton,
    RemoveFromStarboardButton,
    DeleteSplitButton,
    ShowIdButton,
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
    DeleteSampleButton,
    PageButton,
    FoundPageButton,
    *kept_data.ITEMS,
    *members.ITEMS,
    *my_jobs.ITEMS,
    *settings.ITEMS,
)

FORMS: tuple[type[Form], ...] = (PromptForm, ImagineForm, AgainForm, *start_page.FORMS)
"""What handles submitted forms."""


async def submitted(interaction: discord.Interaction) -> None:
    """Handle a submitted form, unknown ones included."""
    await submit_form(interaction, FORMS)


def is_ours(interaction: discord.Interaction) -> bool:
    """Whether one of `ALL` handles it: the custom_id has a known form and is that of an item of the message."""
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

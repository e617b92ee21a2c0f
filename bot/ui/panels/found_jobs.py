"""`/jobs` with `find`: the jobs of this server whose prompts have some words, where the member can view them."""

from collections.abc import Mapping, Sequence
from typing import Any

import discord
from discord import ui
from discord.utils import format_dt

from bot import formatting
from bot.errors import UserError
from bot.formatting.embeds import DESCRIPTION_LIMIT, QUIET
from bot.models import Delivery, KnownJob
from bot.text import clean, plain
from bot.ui import replies
from bot.ui.interactions import bot_of, destination_of, jump
from bot.ui.panels.base import Panel, button

PER_PAGE = 10
MAX_WORDS = 70
"""Characters; they are part of the buttons' custom_ids, for which Discord has 100."""


async def show_found_jobs(
    interaction: discord.Interaction, words: str, *, before: int | None = None, after: int | None = None
) -> None:
    """Show ten of the jobs with these words as the private answer, the newest first.

    `before` and `after` are row ids of jobs: the page that is older or newer than that; without them, the newest page.
    Raises `UserError` where there are no words.
    """
    words = clean(words)[:MAX_WORDS]
    if not any(char.isalnum() for char in words):
        raise UserError("Type at least one word of a prompt to find its jobs.")
    bot, here = bot_of(interaction), destination_of(interaction)
    prompts = bot.store.prompts
    channels = await bot.view_rights.in_server(interaction, await prompts.channels(here.guild_id))
    page: list[KnownJob] = []
    if after is not None:
        page = await prompts.find_newer(words, channels, after=after, limit=PER_PAGE)
    if len(page) < PER_PAGE:  # the newest page is a full one
        page = await prompts.find(words, channels, before=None if after is not None else before, limit=PER_PAGE)
    if not page:
        raise UserError(f"No job that you can view here has “{plain(words, MAX_WORDS)}” in its prompt.")
    newest, oldest = page[0].id, page[-1].id
    view = ui.View(timeout=None)
    newer = await prompts.find_newer(words, channels, after=newest, limit=1)
    older = await prompts.find(words, channels, before=oldest, limit=1)
    if newer or older:
        view.add_item(FoundPageButton("n", newest, words, disabled=not newer))
        view.add_item(FoundPageButton("o", oldest, words, disabled=not older))
    posts = await bot.store.deliveries.posts_of_jobs([known.id for known in page], here, channels)
    description = "\n".join(_lines(page, words, posts))[:DESCRIPTION_LIMIT]
    await replies.say(interaction, "", embed=discord.Embed(colour=QUIET, description=description), view=view)


def _lines(page: Sequence[KnownJob], words: str, posts: Mapping[int, Delivery]) -> list[str]:
    return [_line(known, words, posts.get(known.id)) for known in page]


def _line(known: KnownJob, words: str, post: Delivery | None) -> str:
    """`- V2 · …fog over a castle · done · #4K7Q, 2 days ago → [picture](…)`."""
    when = format_dt(known.over_at or known.added_at, "R")
    line = f"- {formatting.found(known.job, words)} `#{known.key}`, {when}"
    if post is None or post.message_id is None:
        return line
    return f"{line} → [{formatting.outcome(known.job)}]({jump(post.destination, post.message_id)})"


class FoundPageButton(Panel, ui.DynamicItem[ui.Button[Any]], template=r"dr:jf:([no]):(\d{1,18}):(.{1,70})"):
    """Turns to the page that is newer (`n`) or older (`o`) than a job; finds the words again."""

    def __init__(self, direction: str, job_id: int | str, words: str, *, disabled: bool = False) -> None:
        label = "◀ Newer" if direction == "n" else "Older ▶"
        super().__init__(button(label, f"dr:jf:{direction}:{job_id}:{words}", disabled=disabled))
        self.direction, self.job_id, self.words = direction, int(job_id), words

    async def run(self, interaction: discord.Interaction) -> None:
        """Show the page in place of this one."""
        await interaction.response.defer()
        if self.direction == "n":
            await show_found_jobs(interaction, self.words, after=self.job_id)
        else:
            await show_found_jobs(interaction, self.words, before=self.job_id)

"""`/darkroom submissions`: who pressed what, when and where, and what came of it, page by page."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import discord
from discord import ui
from discord.utils import format_dt, utcnow

from bot import formatting
from bot.formatting.embeds import QUIET
from bot.models import CostTier, KnownJob, Person, Submission, SubmissionState
from bot.ui import replies
from bot.ui.interactions import bot_of, destination_of, jump
from bot.ui.panels.base import ManagerPanel, button

PER_PAGE = 10
_MEMBERS = 8  # in a line of totals
_SPANS = (("24 hours", timedelta(days=1)), ("7 days", timedelta(days=7)), ("30 days", timedelta(days=30)))
_TIERS = {CostTier.PICK: "U", CostTier.VARY: "V and the like", CostTier.UPSCALE: "upscales and animations"}
_OUTCOMES = {
    SubmissionState.QUEUED: "waits in line",
    SubmissionState.SENT: "is being sent",
    SubmissionState.UNCONFIRMED: "its answer was lost, its job is looked for",
    SubmissionState.ACCEPTED: "made",
    SubmissionState.REPEATED: "was used before, free",
    SubmissionState.DECLINED: "declined by Midjourney",
    SubmissionState.REFUSED: "refused",
    SubmissionState.LOST: "no job was found",
    SubmissionState.CANCELLED: "taken back",
}


async def show_submission_log(
    interaction: discord.Interaction, *, before: int | None = None, after: int | None = None
) -> None:
    """Show ten presses of this server as the private answer: the newest, or those next to a row id."""
    store = bot_of(interaction).store
    guild_id = destination_of(interaction).guild_id
    if after is not None:
        page = await store.history.newer_page(guild_id, after=after, limit=PER_PAGE)
    if after is None or len(page) < PER_PAGE:  # the newest page is a full one
        page = await store.history.page(guild_id, before=None if after is not None else before, limit=PER_PAGE)
    lines = [await _line(interaction, submission, parent) for submission, parent in page]
    embed = discord.Embed(colour=QUIET, description="\n".join(lines) or "Nobody has pressed anything here yet.")
    view = ui.View(timeout=None)
    if page:
        oldest, newest = page[-1][0].id, page[0][0].id
        older = await store.history.page(guild_id, before=oldest, limit=1)
        newer = await store.history.newer_page(guild_id, after=newest, limit=1)
        view.add_item(PageButton("n", newest, disabled=not newer))
        view.add_item(PageButton("o", oldest, disabled=not older))
    now = utcnow()
    totals = [_total(name, await store.history.totals(guild_id, now - span)) for name, span in _SPANS]
    await replies.say(interaction, "\n".join(totals)[:2000], embed=embed, view=view)


async def _line(interaction: discord.Interaction, submission: Submission, parent: KnownJob) -> str:
    """`<time> · Mira · **V2** of #4K7Q → #9ABC · made · #pictures`."""
    store = bot_of(interaction).store
    child = None if submission.child_id is None else await store.jobs.get(submission.child_id)
    keys = [await _key(interaction, submission, parent)]
    if child is not None:
        keys.append(await _key(interaction, submission, child))
    return " · ".join(
        (
            format_dt(submission.created_at, "f"),
            formatting.plain(submission.person.name, 40) or "someone",
            f"**{formatting.plain(submission.button, 40)}** of {' → '.join(keys)}",
            _OUTCOMES[submission.state],
            f"<#{submission.destination.channel_id}>",
        )
    )


async def _key(interaction: discord.Interaction, submission: Submission, known: KnownJob) -> str:
    post = await bot_of(interaction).store.deliveries.post_of(known.id, submission.destination.channel_id)
    if post is None or post.message_id is None:
        return f"`#{known.key}`"
    return f"[#{known.key}]({jump(post.destination, post.message_id)})"


def _total(span: str, counted: Sequence[tuple[Person, CostTier, int]]) -> str:
    """`Last 24 hours: 7 jobs. Mira: 3 V and the like, 2 U. Bo: 2 U.`; those with most first."""
    members: dict[int, list[tuple[CostTier, int]]] = defaultdict(list)
    names: dict[int, str] = {}
    for person, tier, number in counted:
        members[person.id].append((tier, number))
        names[person.id] = formatting.plain(person.name, 32) or "someone"
    ranked = sorted(members, key=lambda member: -sum(number for _, number in members[member]))
    told = [
        f"{names[member]}: " + ", ".join(f"{number} {_TIERS[tier]}" for tier, number in members[member])
        for member in ranked[:_MEMBERS]
    ]
    if len(ranked) > _MEMBERS:
        told.append(f"and {len(ranked) - _MEMBERS} more")
    submissions = sum(number for _, _, number in counted)
    return f"**Last {span}: {submissions} {'press' if submissions == 1 else 'presses'}.** {'; '.join(told)}"


class PageButton(ManagerPanel, ui.DynamicItem[ui.Button[Any]], template=r"dr:l:([no]):(\d{1,18})"):
    """Turns a page: to those just newer or just older than a row."""

    def __init__(self, way: str, row_id: int | str, *, disabled: bool = False) -> None:
        label = "◀ Newer" if way == "n" else "Older ▶"
        super().__init__(button(label, f"dr:l:{way}:{row_id}", disabled=disabled))
        self.way, self.row_id = way, int(row_id)

    async def use(self, interaction: discord.Interaction) -> None:
        """Show the page in place of this one."""
        await interaction.response.defer()
        if self.way == "n":
            await show_submission_log(interaction, after=self.row_id)
        else:
            await show_submission_log(interaction, before=self.row_id)

"""`/darkroom presses`: who pressed what, when and where, and with what outcome, page by page."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import discord
from discord import ui
from discord.utils import format_dt, utcnow

from bot import formatting
from bot.formatting.embeds import DESCRIPTION_LIMIT, QUIET
from bot.models import CostTier, KnownJob, Person, Submission, SubmissionKind, SubmissionState
from bot.ui import replies
from bot.ui.interactions import bot_of, destination_of, jump
from bot.ui.panels.base import ManagerPanel, button

PER_PAGE = 10
_MAX_MEMBERS = 8  # in a line of totals
_PERIODS = (("24 hours", timedelta(days=1)), ("7 days", timedelta(days=7)), ("30 days", timedelta(days=30)))
_TIERS: Mapping[CostTier | SubmissionKind, tuple[str, str]] = {  # singular, plural
    CostTier.PICK: ("pick", "picks"),
    SubmissionKind.DESCRIBE: ("description", "descriptions"),
    CostTier.VARY: ("variation", "variations"),
    CostTier.UPSCALE: ("upscale", "upscales"),
}
_STATES = {
    SubmissionState.QUEUED: "queued",
    SubmissionState.SENT: "being sent",
    SubmissionState.UNCONFIRMED: "answer lost, looking for its job",
    SubmissionState.REPEATED: "repeat, free",
    SubmissionState.DECLINED: "declined by Midjourney",
    SubmissionState.REFUSED: "refused",
    SubmissionState.LOST: "no job found",
    SubmissionState.CANCELLED: "cancelled",
}


async def show_submission_log(
    interaction: discord.Interaction, *, before: int | None = None, after: int | None = None
) -> None:
    """Show ten submissions of this server as the private answer, and who was shut out or let in meanwhile.

    `before` and `after` are row ids: the page that is older or newer than that row; without them, the newest page.
    """
    store = bot_of(interaction).store
    guild_id = destination_of(interaction).guild_id
    if after is not None:
        page = await store.history.newer_page(guild_id, after=after, limit=PER_PAGE)
    if after is None or len(page) < PER_PAGE:  # the newest page is a full one
        page = await store.history.page(guild_id, before=None if after is not None else before, limit=PER_PAGE)
    channels = [submission.destination.channel_id for submission, _ in page]
    visible = await bot_of(interaction).view_rights.of_member(interaction, channels)
    lines = [
        (
            submission.created_at,
            await _log_line(interaction, submission, parent, submission.destination.channel_id in visible),
        )
        for submission, parent in page
    ]
    view = ui.View(timeout=None)
    older: Sequence[tuple[Submission, KnownJob | None]] = ()
    newer: Sequence[tuple[Submission, KnownJob | None]] = ()
    if page:
        oldest, newest = page[-1][0].id, page[0][0].id
        older = await store.history.page(guild_id, before=oldest, limit=1)
        newer = await store.history.newer_page(guild_id, after=newest, limit=1)
        view.add_item(PageButton("n", newest, disabled=not newer))
        view.add_item(PageButton("o", oldest, disabled=not older))
    audit = await store.members.audit(
        guild_id,
        since=page[-1][0].created_at if older else None,
        before=newer[-1][0].created_at if newer else None,
        limit=PER_PAGE,
    )
    lines += [(entry.created_at, formatting.audit_line(entry)) for entry in audit]
    lines.sort(key=lambda line: line[0], reverse=True)
    text = "\n".join(line for _, line in lines) or "Nobody has started anything here yet."
    embed = discord.Embed(colour=QUIET, description=text[:DESCRIPTION_LIMIT])
    now = utcnow()
    totals = [_totals_line(name, await store.history.totals(guild_id, now - period)) for name, period in _PERIODS]
    await replies.say(interaction, "\n".join(totals), embed=embed, view=view)


async def _log_line(
    interaction: discord.Interaction, submission: Submission, parent: KnownJob | None, visible: bool
) -> str:
    """`<time> · Mira · **V2** of #4K7Q → #9ABC · done · #pictures`; no pictures where these are not `visible`.

    A prompt has no picture before it: `**/imagine** → #9ABC`.
    """
    button = f"**{formatting.plain(submission.button, 40) or formatting.command(submission)}**"
    if visible:
        button += await _keys(interaction, submission, parent)
    return " · ".join(
        (
            format_dt(submission.created_at, "f"),
            formatting.plain(submission.person.name, 40) or "someone",
            button,
            _STATES.get(submission.state) or await _job_state(interaction, submission),
            f"<#{submission.destination.channel_id}>" if visible else "another channel",
        )
    )


async def _job_state(interaction: discord.Interaction, submission: Submission) -> str:
    """How the job of an accepted submission ended, or how far it is."""
    if submission.child_id is None:
        return "started"  # the job was deleted since, see bot.store.pruning
    return formatting.state((await bot_of(interaction).store.jobs.get(submission.child_id)).job)


async def _keys(interaction: discord.Interaction, submission: Submission, parent: KnownJob | None) -> str:
    """` of ` the picture whose button was pressed, and the one that came of it; empty where there is neither."""
    child = await bot_of(interaction).store.jobs.find(submission.child_id)
    keys = "" if parent is None else f" of {await _key(interaction, submission, parent)}"
    return keys if child is None else f"{keys} → {await _key(interaction, submission, child)}"


async def _key(interaction: discord.Interaction, submission: Submission, known: KnownJob) -> str:
    post = await bot_of(interaction).store.deliveries.post_of(known.id, submission.destination.channel_id)
    if post is None or post.message_id is None:
        return f"`#{known.key}`"
    return f"[#{known.key}]({jump(post.destination, post.message_id)})"


def _totals_line(period: str, counted: Sequence[tuple[Person, CostTier | SubmissionKind, int]]) -> str:
    """`Last 24 hours: 7 presses. Mira: 3 variations, 1 pick; Bo: 2 picks`; members with the most come first."""
    members: dict[int, list[tuple[CostTier | SubmissionKind, int]]] = defaultdict(list)
    names: dict[int, str] = {}
    for person, tier, number in counted:
        members[person.id].append((tier, number))
        names[person.id] = formatting.plain(person.name, 32) or "someone"
    ranked = sorted(members, key=lambda member: -sum(number for _, number in members[member]))
    shares = [
        f"{names[member]}: " + ", ".join(_counted(number, *_TIERS[tier]) for tier, number in members[member])
        for member in ranked[:_MAX_MEMBERS]
    ]
    if len(ranked) > _MAX_MEMBERS:
        shares.append(f"and {len(ranked) - _MAX_MEMBERS} more")
    total = sum(number for _, _, number in counted)
    return f"**Last {period}: {_counted(total, 'press', 'presses')}.** {'; '.join(shares)}"


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


class PageButton(ManagerPanel, ui.DynamicItem[ui.Button[Any]], template=r"dr:l:([no]):(\d{1,18})"):
    """Turns to the page that is newer (`n`) or older (`o`) than a row."""

    def __init__(self, direction: str, row_id: int | str, *, disabled: bool = False) -> None:
        label = "◀ Newer" if direction == "n" else "Older ▶"
        super().__init__(button(label, f"dr:l:{direction}:{row_id}", disabled=disabled))
        self.direction, self.row_id = direction, int(row_id)

    async def run(self, interaction: discord.Interaction) -> None:
        """Show the page in place of this one."""
        await interaction.response.defer()
        if self.direction == "n":
            await show_submission_log(interaction, after=self.row_id)
        else:
            await show_submission_log(interaction, before=self.row_id)

"""`/jobs`: what one member waits for, has in line and got lately; for the bot's owner, what the account does, too."""

from collections.abc import Sequence
from typing import Any

import discord
from discord import ui
from discord.utils import format_dt

from bot import formatting
from bot.errors import DarkroomError, UserError
from bot.formatting.embeds import QUIET
from bot.models import Job, KnownJob, Submission
from bot.store import MemberJob
from bot.text import clean, clip
from bot.ui import replies
from bot.ui.interactions import ask, bot_of, check_load, destination_of, is_owner, jump, results_destination
from bot.ui.panels.account import Account, account, account_lines, find_running
from bot.ui.panels.base import Panel, button, values

_WAITS = 15  # lines of jobs waited for; the select has the first 25
_LATELY = 8


async def show_my_jobs(interaction: discord.Interaction, *, notice: str = "") -> None:
    """Bring a member's panel up to date, in place of the private answer that is there; `notice` is said above it."""
    bot = bot_of(interaction)
    guild_id, member = destination_of(interaction).guild_id, interaction.user.id
    waiting_for = await bot.store.subscriptions.waiting_for(member, guild_id)
    ended = await bot.store.subscriptions.recently_finished(member, guild_id, _LATELY)
    submissions = await bot.store.queue.of_member(member, guild_id)
    wants_pings = await bot.store.servers.wants_pings(guild_id, member)
    view = ui.View(timeout=None)
    if waiting_for:
        view.add_item(StopSelect(waiting_for))
    parents = {submission.id: await bot.store.jobs.get(submission.parent_id) for submission in submissions}
    if submissions:
        view.add_item(CancelQueuedSelect(submissions, parents))
    lines = [*_waiting(waiting_for), "", *await _count_queued(interaction, submissions, parents)]
    if ended:
        lines += ["", "**Ended lately**", *map(_ended, ended)]
    lines += ["", await _mentions(interaction, wants_pings)]
    if await is_owner(interaction):
        seen = await account(bot)
        lines += ["", *account_lines(seen)]
        if seen.jobs:
            view.add_item(SubscribeSelect(seen))
    view.add_item(PingsButton(not wants_pings))
    view.add_item(RefreshButton())
    embed = discord.Embed(colour=QUIET, description="\n".join(lines)[:4096])
    await replies.say(interaction, notice, embed=embed, view=view)


def _waiting(waiting_for: Sequence[MemberJob]) -> list[str]:
    if not waiting_for:
        return ["You wait for no running job. `/job` follows one."]
    lines = [
        "**You wait for**",
        *(f"- {_name(wait.known)} in <#{wait.destination.channel_id}>" for wait in waiting_for[:_WAITS]),
    ]
    return lines if len(waiting_for) <= _WAITS else [*lines, f"- and {len(waiting_for) - _WAITS} more"]


async def _count_queued(
    interaction: discord.Interaction, submissions: Sequence[Submission], parents: dict[int, KnownJob]
) -> list[str]:
    most = bot_of(interaction).settings.press_queue
    if not submissions:
        return [f"None of your presses waits in line; {most} may wait at a time."]
    lines = [f"**In line: {len(submissions)} of your presses; {most} may wait at a time**"]
    for submission in submissions:
        destination = await bot_of(interaction).store.queue.position(submission)
        where = f"number {destination} in line" if destination else "waits for what comes of the press before it"
        lines.append(f"- {formatting.plain(submission.button, 40)} of `#{parents[submission.id].key}`: {where}")
    held = bot_of(interaction).submissions.pause_reason
    return [*lines, f"-# {held}"] if held else lines


def _ended(wait: MemberJob) -> str:
    assert wait.message_id is not None, "the store leaves out what has no post"
    when = "" if wait.known.over_at is None else f", {format_dt(wait.known.over_at, 'R')}"
    url = jump(wait.destination, wait.message_id)
    return f"- {_name(wait.known)}{when} → [{formatting.outcome(wait.known.job)}]({url})"


async def _mentions(interaction: discord.Interaction, wanted: bool) -> str:
    settings = await bot_of(interaction).store.servers.settings(destination_of(interaction).guild_id)
    if not wanted:
        return "Pings: off for you. Results come all the same."
    return "Pings: on for you." if settings.pings else "Pings: on for you, but off in this server."


def _name(known: KnownJob) -> str:
    return f"{formatting.summary(known.job, known.key)} `#{known.key}`"


def _option(job: Job, key: str, value: str, *, before: str = "") -> discord.SelectOption:
    return discord.SelectOption(label=f"{before}{formatting.choice(job, key)}"[:100], value=value)


class StopSelect(Panel, ui.DynamicItem[ui.Select[Any]], template=r"dr:n:s"):
    """Ends one's own wait for a job."""

    def __init__(self, waiting_for: Sequence[MemberJob] = ()) -> None:
        options = [
            _option(wait.known.job, wait.known.key, f"{wait.known.id}:{wait.destination.channel_id}")
            for wait in waiting_for[:25]
        ] or [discord.SelectOption(label="?")]
        super().__init__(ui.Select(custom_id="dr:n:s", placeholder="Stop telling me about…", options=options))

    async def use(self, interaction: discord.Interaction) -> None:
        """End the wait of whoever chose, and of nobody else."""
        job_id, _, channel_id = "".join(values(interaction)).partition(":")
        if not (job_id.isdecimal() and channel_id.isdecimal()):
            raise UserError("I don't know this job any more. `/jobs` shows what you wait for.")
        there = await bot_of(interaction).store.subscriptions.unsubscribe(
            int(job_id), int(channel_id), interaction.user.id
        )
        bot_of(interaction).deliver_soon()
        await interaction.response.defer()
        await show_my_jobs(interaction, notice="I won't tell you about it." if there else "You did not wait for it.")


class CancelQueuedSelect(Panel, ui.DynamicItem[ui.Select[Any]], template=r"dr:n:t"):
    """Takes one's own press out of the line, before it costs anything."""

    def __init__(self, submissions: Sequence[Submission] = (), parents: dict[int, KnownJob] | None = None) -> None:
        parents = parents or {}
        options = [
            _option(
                parents[submission.id].job,
                parents[submission.id].key,
                str(submission.id),
                before=f"{clip(clean(submission.button), 30)} of ",
            )
            for submission in submissions[:25]
        ] or [discord.SelectOption(label="?")]
        super().__init__(ui.Select(custom_id="dr:n:t", placeholder="Take a press back…", options=options))

    async def use(self, interaction: discord.Interaction) -> None:
        """Take the press back, if it is whose who chose, and still waits."""
        bot = bot_of(interaction)
        waiting = await bot.store.queue.of_member(interaction.user.id, destination_of(interaction).guild_id)
        submission = next((submission for submission in waiting if [str(submission.id)] == values(interaction)), None)
        gone = submission is not None and await bot.submissions.cancel_queued(submission)
        await interaction.response.defer()
        notice = "Taken back. It cost nothing." if gone else "It does not wait in line any more."
        await show_my_jobs(interaction, notice=notice)


class SubscribeSelect(Panel, ui.DynamicItem[ui.Select[Any]], template=r"dr:n:w"):
    """Follows a job that runs on the account, for its owner; its id goes through no custom_id."""

    def __init__(self, seen: Account | None = None) -> None:
        options = [_option(job, "", token) for token, job in (seen.jobs if seen else {}).items()]
        options = options or [discord.SelectOption(label="?")]
        super().__init__(ui.Select(custom_id="dr:n:w", placeholder="Watch a job of the account…", options=options[:25]))

    async def use(self, interaction: discord.Interaction) -> None:
        """Find the job again among those that run, and follow it as `/job` does."""
        if not await is_owner(interaction):
            raise UserError("Only whoever runs this bot can see the account's jobs.")
        await interaction.response.defer()
        try:
            notice = await self._watch(interaction, "".join(values(interaction)))
        except DarkroomError as error:  # said above the panel, which stays
            notice = str(error)
        await show_my_jobs(interaction, notice=notice)

    async def _watch(self, interaction: discord.Interaction, token: str) -> str:
        job = await find_running(bot_of(interaction), token)
        if job is None:
            raise UserError("That job does not run any more.")
        if job.private:
            raise UserError("That one is about the account itself; `/job` with its id shows it to you alone.")
        destination, error = await results_destination(interaction)
        await check_load(interaction)
        subscribed = await ask(interaction, job, destination=destination)
        return f"Watching `#{subscribed.known.key}`: I'll post it in <#{destination.channel_id}>. {error}".strip()


class PingsButton(Panel, ui.DynamicItem[ui.Button[Any]], template=r"dr:n:p:([01])"):
    """Switches one's own pings on or off in this server."""

    def __init__(self, on: bool | str) -> None:
        self.on = bool(int(on))
        super().__init__(button(f"Switch my pings {'on' if self.on else 'off'}", f"dr:n:p:{self.on:d}"))

    async def use(self, interaction: discord.Interaction) -> None:
        """Note the wish."""
        await bot_of(interaction).store.servers.set_pings(
            destination_of(interaction).guild_id, interaction.user.id, self.on
        )
        await interaction.response.defer()
        await show_my_jobs(interaction)


class RefreshButton(Panel, ui.DynamicItem[ui.Button[Any]], template=r"dr:n:r"):
    """Shows how things are now."""

    def __init__(self) -> None:
        super().__init__(button("Look again", "dr:n:r"))

    async def use(self, interaction: discord.Interaction) -> None:
        """Show the panel anew."""
        await interaction.response.defer()
        await show_my_jobs(interaction)


ITEMS: tuple[type[ui.DynamicItem[Any]], ...] = (
    StopSelect,
    CancelQueuedSelect,
    SubscribeSelect,
    PingsButton,
    RefreshButton,
)
"""All of the above, for `bot.ui.ALL`."""

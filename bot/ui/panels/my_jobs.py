"""`/jobs`: a member's subscriptions, queued submissions and latest results; for the owner, the account as well."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import discord
from discord import ui
from discord.utils import format_dt

from bot import formatting
from bot.errors import DarkroomError, UserError
from bot.formatting.embeds import DESCRIPTION_LIMIT, QUIET
from bot.models import Job, KnownJob, Origin, Submission
from bot.models.provider import worded
from bot.providers.registry import Providers
from bot.store import MemberJob
from bot.text import clean, clip
from bot.ui import replies
from bot.ui.base import SNOWFLAKE
from bot.ui.command_mentions import with_mentions
from bot.ui.imagine.request import presser_of
from bot.ui.interactions import bot_of, destination_of, is_moderator, is_owner, jump
from bot.ui.panels.account import activity_lines, fetch_activities, find_running
from bot.ui.panels.base import Panel, button, values
from bot.ui.panels.kept_data import KeptDataButton
from bot.ui.panels.undelivered import may_move, notice_lines, post_here, undelivered_lines
from bot.ui.subscription_replies import subscription_text
from bot.ui.subscription_requests import check_load, results_destination, subscribe
from bot.ui.usage import usage_lines

_MAX_RUNNING_LINES = 15  # of running jobs; the select has the first 25
_MAX_FINISHED = 8
_NOT_CHECKED = "not checked, because {provider} is no longer set up"
_SELECT_LIMIT = 25  # Discord's, for the options of a select


async def show_my_jobs(interaction: discord.Interaction, *, notice: str = "") -> None:
    """Show the member's panel as the private answer, or update it; `notice` is shown above it."""
    bot = bot_of(interaction)
    guild_id, member = destination_of(interaction).guild_id, interaction.user.id
    running = await bot.store.subscriptions.running_of_member(member, guild_id)
    finished = await bot.store.subscriptions.recently_finished(member, guild_id, _MAX_FINISHED)
    submissions = await bot.store.queue.of_member(member, guild_id)
    undelivered = await bot.store.undelivered.of_member(member, guild_id)
    channels = [job.destination.channel_id for job in (*running, *finished)]
    channels += [submission.destination.channel_id for submission in submissions]
    channels += [result.delivery.destination.channel_id for result in undelivered]
    visible = await bot.view_rights.of_member(interaction, channels)
    finished = [job for job in finished if job.destination.channel_id in visible]
    wants_pings = await bot.store.servers.wants_pings(guild_id, member)
    view = ui.View(timeout=None)
    if running:
        view.add_item(StopSelect(running, visible))
    parents = {submission.id: await bot.store.jobs.find(submission.parent_id) for submission in submissions}
    if submissions:
        view.add_item(CancelQueuedSelect(submissions, parents, visible))
    shut = await bot.store.members.shut_out(guild_id, member)
    lines = [
        *([formatting.shut_out(shut)] if shut and shut.applies_to(by_moderator=is_moderator(interaction)) else []),
        *undelivered_lines(undelivered, visible),
        *notice_lines(await bot.store.undelivered.notices_of(member, guild_id)),
        *_running_lines(running, visible, bot.providers),
        "",
        *await _queue_lines(interaction, submissions, parents),
        *await usage_lines(interaction, await bot.store.servers.settings(guild_id), presser_of(interaction)),
    ]
    if finished:
        lines += ["", "**Recently finished**", *map(_finished_line, finished)]
    lines += ["", await _pings_line(interaction, wants_pings)]
    if await is_owner(interaction):
        activities = await fetch_activities(bot)
        lines += activity_lines(activities)
        if jobs := {token: job for activity in activities for token, job in activity.jobs.items()}:
            view.add_item(SubscribeSelect(jobs))
    movable = [result for result in undelivered if may_move(result, visible)]
    for result in movable:
        view.add_item(PostHereButton(result.delivery.id, key=result.known.key if len(movable) > 1 else ""))
    if submissions:
        view.add_item(ClearQueueButton())
    view.add_item(PingsButton(not wants_pings))
    view.add_item(RefreshButton())
    view.add_item(KeptDataButton())
    description = with_mentions(interaction, "\n".join(lines))[:DESCRIPTION_LIMIT]
    await replies.say(interaction, notice, embed=discord.Embed(colour=QUIET, description=description), view=view)


def _running_lines(running: Sequence[MemberJob], visible: Collection[int], providers: Providers) -> list[str]:
    if not running:
        return ["You aren't waiting for anything. `/job` watches a job."]
    lines = ["**Waiting for**"]
    for job in running[:_MAX_RUNNING_LINES]:
        line = _running_line(job, job.destination.channel_id in visible)
        provider = job.known.job.provider
        lines.append(line if provider in providers else f"{line}: {worded(_NOT_CHECKED, provider)}")
    more = len(running) - _MAX_RUNNING_LINES
    return lines if more <= 0 else [*lines, f"- and {more} more"]


def _running_line(job: MemberJob, visible: bool) -> str:
    """A job with its channel; where the member cannot view it, the key alone, by which they can stop it."""
    if not visible:
        return f"- `#{job.known.key}` in another channel"
    return f"- {_name(job.known)} in <#{job.destination.channel_id}>"


async def _queue_lines(
    interaction: discord.Interaction, submissions: Sequence[Submission], parents: dict[int, KnownJob | None]
) -> list[str]:
    limit = bot_of(interaction).settings.press_queue
    if not submissions:
        return [f"Nothing queued (up to {limit})."]
    queued = len(submissions)
    lines = [f"**Queued ({queued} of {max(limit, queued)})**"]  # while it moves, the queue takes a few more
    for submission in submissions:
        parent = parents[submission.id]
        of = "" if parent is None else f" of `#{parent.key}`"
        what = submission.button or submission.prompt or formatting.command(submission)
        name = formatting.plain(what, 40) + of
        position = await bot_of(interaction).store.queue.position(submission)
        state = f"number {position}" if position else "waits for the earlier press of the same button"
        lines.append(f"- {name}: {state}")
    providers = dict.fromkeys(submission.provider for submission in submissions)
    reasons = [*bot_of(interaction).submissions.pause_reasons_of(providers)]
    limits = [await bot_of(interaction).store.queue.exceeded_running_limit(each) for each in submissions]
    reasons += [formatting.running_limit(limit) for limit in limits if limit is not None][:1]
    return [*lines, *(f"-# {reason}" for reason in reasons)]


def _finished_line(job: MemberJob) -> str:
    assert job.message_id is not None, "the store leaves out jobs without a post"
    when = "" if job.known.over_at is None else f", {format_dt(job.known.over_at, 'R')}"
    url = jump(job.destination, job.message_id)
    return f"- {_name(job.known)}{when} → [{formatting.outcome(job.known.job)}]({url})"


async def _pings_line(interaction: discord.Interaction, wants_pings: bool) -> str:
    settings = await bot_of(interaction).store.servers.settings(destination_of(interaction).guild_id)
    if not wants_pings:
        return "Pings: off for you. Results are posted all the same."
    return "Pings: on for you." if settings.pings else "Pings: on for you, but off in this server."


def _name(known: KnownJob) -> str:
    return f"{formatting.summary(known.job)} `#{known.key}`"


def _option(job: Job, key: str, value: str, *, before: str = "", visible: bool = True) -> discord.SelectOption:
    name = formatting.choice(job, key) if visible else f"#{key}"
    return discord.SelectOption(label=f"{before}{name}"[:100], value=value)


def _queued_option(submission: Submission, parent: KnownJob | None, visible: bool) -> discord.SelectOption:
    value = str(submission.id)
    if parent is None:  # the member's own prompt, which they may read anywhere
        label = clip(clean(submission.prompt), 100) or formatting.command(submission)
        return discord.SelectOption(label=label, value=value)
    before = f"{clip(clean(submission.button), 30)} of "
    return _option(parent.job, parent.key, value, before=before, visible=visible)


def _select(custom_id: str, placeholder: str, options: Sequence[discord.SelectOption]) -> ui.Select[Any]:
    """A select; Discord requires an option, so one that is only rebuilt from its custom_id gets a dummy."""
    listed = list(options[:_SELECT_LIMIT]) or [discord.SelectOption(label="?")]
    return ui.Select(custom_id=custom_id, placeholder=placeholder, options=listed)


class StopSelect(Panel, ui.DynamicItem[ui.Select[Any]], template=r"dr:n:s"):
    """Ends the member's own subscription to a job."""

    def __init__(self, running: Sequence[MemberJob] = (), visible: Collection[int] = ()) -> None:
        options = [
            _option(
                job.known.job,
                job.known.key,
                f"{job.known.id}:{job.destination.channel_id}",
                visible=job.destination.channel_id in visible,
            )
            for job in running
        ]
        super().__init__(_select("dr:n:s", "Stop notifying me about…", options))

    async def run(self, interaction: discord.Interaction) -> None:
        """Unsubscribe the member who chose."""
        selected = re.fullmatch(f"{SNOWFLAKE}:{SNOWFLAKE}", "".join(values(interaction)))
        if selected is None:
            raise UserError("I don't know this job any more. `/jobs` shows what you are waiting for.")
        was_subscribed = await bot_of(interaction).store.subscriptions.unsubscribe(
            int(selected[1]), int(selected[2]), interaction.user.id
        )
        bot_of(interaction).deliver_soon()
        await interaction.response.defer()
        notice = "I won't notify you about it." if was_subscribed else "You weren't waiting for it."
        await show_my_jobs(interaction, notice=notice)


class CancelQueuedSelect(Panel, ui.DynamicItem[ui.Select[Any]], template=r"dr:n:t"):
    """Cancels one of the member's queued submissions, before it costs anything."""

    def __init__(
        self,
        submissions: Sequence[Submission] = (),
        parents: dict[int, KnownJob | None] | None = None,
        visible: Collection[int] = (),
    ) -> None:
        parents = parents or {}
        options = [
            _queued_option(submission, parents[submission.id], submission.destination.channel_id in visible)
            for submission in submissions
        ]
        super().__init__(_select("dr:n:t", "Cancel what is queued…", options))

    async def run(self, interaction: discord.Interaction) -> None:
        """Cancel the submission, if it is the member's own and still queued."""
        bot = bot_of(interaction)
        queued = await bot.store.queue.of_member(interaction.user.id, destination_of(interaction).guild_id)
        submission = next((submission for submission in queued if [str(submission.id)] == values(interaction)), None)
        cancelled = submission is not None and await bot.submissions.of(submission.provider).cancel_queued(submission)
        await interaction.response.defer()
        notice = "Cancelled. It cost nothing." if cancelled else "It isn't queued any more."
        await show_my_jobs(interaction, notice=notice)


class ClearQueueButton(Panel, ui.DynamicItem[ui.Button[Any]], template=r"dr:n:c"):
    """Cancels everything that the member has queued in this server; what was sent is left alone."""

    def __init__(self) -> None:
        super().__init__(button("Clear my queue", "dr:n:c"))

    async def run(self, interaction: discord.Interaction) -> None:
        """Cancel what is still queued."""
        bot = bot_of(interaction)
        queued = await bot.store.queue.of_member(interaction.user.id, destination_of(interaction).guild_id)
        cancelled = [await bot.submissions.of(each.provider).cancel_queued(each) for each in queued]
        await interaction.response.defer()
        await show_my_jobs(interaction, notice=_cleared(sum(cancelled)))


def _cleared(number: int) -> str:
    match number:
        case 0:
            return "Nothing is queued any more."
        case 1:
            return "Cancelled. It cost nothing."
        case _:
            return f"Cancelled all {number}. They cost nothing."


class SubscribeSelect(Panel, ui.DynamicItem[ui.Select[Any]], template=r"dr:n:w"):
    """Subscribes the owner to a job that runs on the account; its values are tokens, not job ids."""

    def __init__(self, jobs: Mapping[str, Job] | None = None) -> None:
        options = [_option(job, "", token) for token, job in (jobs or {}).items()]
        super().__init__(_select("dr:n:w", "Watch a job of the account…", options))

    async def run(self, interaction: discord.Interaction) -> None:
        """Find the job among the running ones, and subscribe to it as `/job` does."""
        if not await is_owner(interaction):
            raise UserError("Only the bot's owner can see the account's jobs.")
        await interaction.response.defer()
        try:
            notice = await self._subscribe(interaction, "".join(values(interaction)))
        except DarkroomError as error:  # shown above the panel, which stays usable
            notice = str(error)
        await show_my_jobs(interaction, notice=notice)

    async def _subscribe(self, interaction: discord.Interaction, token: str) -> str:
        job = await find_running(bot_of(interaction), token)
        if job is None:
            raise UserError("That job isn't running any more.")
        if job.private:
            raise UserError("That job is about the account itself. `/job` with its id shows it to you alone.")
        there, error = await results_destination(interaction)
        await check_load(interaction)
        subscribed = await subscribe(interaction, job, origin=Origin.JOB_ID, destination=there)
        text = subscription_text(subscribed, there=there, here=destination_of(interaction))
        return f"{text} {error}".strip()


class PostHereButton(Panel, ui.DynamicItem[ui.Button[Any]], template=r"dr:n:h:(\d{1,18})"):
    """Posts a result that was given up in the channel of the panel; `key` names it where there are several."""

    def __init__(self, delivery_id: int | str, *, key: str = "") -> None:
        self.delivery_id = int(delivery_id)
        label = f"Post #{key} here" if key else "Post it here"
        super().__init__(button(label, f"dr:n:h:{self.delivery_id}"))

    async def run(self, interaction: discord.Interaction) -> None:
        """Move it here, if it is one of the member's own."""
        await interaction.response.defer()
        try:
            notice = await post_here(interaction, self.delivery_id)
        except DarkroomError as error:  # shown above the panel, which stays usable
            notice = str(error)
        await show_my_jobs(interaction, notice=notice)


class PingsButton(Panel, ui.DynamicItem[ui.Button[Any]], template=r"dr:n:p:([01])"):
    """Turns the member's own pings on or off in this server."""

    def __init__(self, on: bool | str) -> None:
        self.on = bool(int(on))
        super().__init__(button("Turn on my pings" if self.on else "Turn off my pings", f"dr:n:p:{self.on:d}"))

    async def run(self, interaction: discord.Interaction) -> None:
        """Store the choice."""
        await bot_of(interaction).store.servers.set_pings(
            destination_of(interaction).guild_id, interaction.user.id, self.on
        )
        await interaction.response.defer()
        await show_my_jobs(interaction)


class RefreshButton(Panel, ui.DynamicItem[ui.Button[Any]], template=r"dr:n:r"):
    """Shows the panel again, or in place of another."""

    def __init__(self, label: str = "Refresh") -> None:
        super().__init__(button(label, "dr:n:r"))

    async def run(self, interaction: discord.Interaction) -> None:
        """Show the panel."""
        await interaction.response.defer()
        await show_my_jobs(interaction)


ITEMS: tuple[type[ui.DynamicItem[Any]], ...] = (
    StopSelect,
    CancelQueuedSelect,
    ClearQueueButton,
    SubscribeSelect,
    PostHereButton,
    PingsButton,
    RefreshButton,
)
"""All of the above, for `bot.ui.ALL`."""

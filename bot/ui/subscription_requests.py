"""A member's request to subscribe to a job: permission checks, the destination of the result, and the subscription."""

import logging
from datetime import datetime

import discord

from bot import logs
from bot.errors import TooManySubscriptions, UserError
from bot.models import Destination, Job, Origin
from bot.store import SubscriptionOutcome, SubscriptionResult
from bot.ui.interactions import bot_of, destination_of, in_thread, person_of, remember_file_limit_of
from bot.ui.permissions import channel_error, is_locked, is_voice, lacking, send_permission
from bot.ui.posting_checks import Obstacle
from bot.ui.posting_texts import LOCKED, lacking_text, refused_text, refused_there, results_channel_text, timed_out_text

log = logging.getLogger(__name__)

MAX_RUNNING = 10
"""Running jobs that one member may be subscribed to in one server."""


async def check_posting(interaction: discord.Interaction) -> str:
    """Raise `UserError` with what keeps the bot, or the member, from posting here; see `posting_texts`.

    Discord sends the permissions of both with every interaction, and is asked for the rest. Returns a sentence for the
    member where the bot has to wait before it may post, else an empty one.
    """
    _check_member_may_send(interaction)
    permissions, channel = interaction.app_permissions, interaction.channel
    checks, here = bot_of(interaction).posting_checks, destination_of(interaction)
    missing = lacking(permissions, thread=in_thread(interaction), voice=is_voice(channel))
    if missing:
        until = await checks.timed_out_until(here.guild_id)  # it may be why they are missing
        if until is None:
            raise UserError(lacking_text(missing))
        return _waits(interaction, here, until)
    if isinstance(channel, discord.Thread) and is_locked(channel, permissions):
        raise UserError(LOCKED)
    obstacle = await checks.obstacle(here, permissions.value)
    if obstacle.refused is not None:
        private_thread = isinstance(channel, discord.Thread) and channel.is_private()
        raise UserError(refused_text(*obstacle.refused, private_thread=private_thread))
    return "" if obstacle.timed_out_until is None else _waits(interaction, here, obstacle.timed_out_until)


def _waits(interaction: discord.Interaction, destination: Destination, until: datetime) -> str:
    bot_of(interaction).refused_posts.mark_notified(interaction.user.id, destination.channel_id, Obstacle(until))
    return timed_out_text(until)


def _check_member_may_send(interaction: discord.Interaction) -> None:
    if not getattr(interaction.permissions, send_permission(thread=in_thread(interaction)).flag):
        raise UserError("You don't have permission to send messages here, so I won't post here for you either.")


async def results_destination(interaction: discord.Interaction) -> tuple[Destination, str]:
    """Where the results of jobs requested here are posted: the server's channel for results, else here.

    The second value is a sentence for the member if the server's channel cannot be used, and the result is posted here,
    or if the bot has to wait before it may post. Raises `UserError` as `check_posting` does. Who can read the channel
    for results is the admins' decision.
    """
    here = destination_of(interaction)
    channel_id = (await bot_of(interaction).store.servers.settings(here.guild_id)).results_channel
    if channel_id is None or channel_id == here.channel_id:
        return here, await check_posting(interaction)
    _check_member_may_send(interaction)
    there = Destination(guild_id=here.guild_id, channel_id=channel_id)
    error = await channel_error(interaction.client, there)
    if error is None:
        obstacle = await bot_of(interaction).posting_checks.obstacle(there)
        if obstacle.timed_out_until is not None:
            return there, _waits(interaction, there, obstacle.timed_out_until)
        if obstacle.refused is None:
            return there, ""
        error = refused_there(obstacle.refused.code)
    waits = await check_posting(interaction)
    return here, f"{results_channel_text(channel_id, error)} {waits}".strip()


async def check_load(interaction: discord.Interaction) -> None:
    """Raise `UserError` if the member is subscribed to `MAX_RUNNING` running jobs already."""
    guild_id = destination_of(interaction).guild_id
    if await bot_of(interaction).store.subscriptions.count_running(interaction.user.id, guild_id) >= MAX_RUNNING:
        raise TooManySubscriptions(MAX_RUNNING)


async def subscribe(
    interaction: discord.Interaction,
    job: Job,
    *,
    origin: Origin,
    destination: Destination | None = None,
    again: bool = False,
) -> SubscriptionResult:
    """Subscribe the interaction's member to `job`, here or at `destination`, and wake the poller and the dispatcher.

    `origin` decides whether that gives them rights to the job; `again` posts the result of a finished job once more.
    """
    bot = bot_of(interaction)
    destination = destination or destination_of(interaction)
    bot.store.clock.note_snowflake(interaction.id)
    await remember_file_limit_of(interaction)
    result = await bot.store.subscriptions.add(
        job, destination, person_of(interaction), origin=origin, again=again, limit=MAX_RUNNING
    )
    # Committed: from here on the result is posted even after a crash, because the loops read the store.
    bot.poller.add(result.known)
    logs.turn_to(key=result.known.key, destination=destination)
    log.info("Subscribed: %s", result.outcome.value)
    if not interaction.app_permissions.read_message_history:
        # Discord then returns an empty history, so only the nonce keeps an unanswered send from being repeated.
        log.warning("No right to Read Message History; a crash may repeat a post")
    if result.outcome is not SubscriptionOutcome.POSTED:
        bot.deliver_soon()
    return result

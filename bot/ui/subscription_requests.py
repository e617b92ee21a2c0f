"""A member's request to subscribe to a job: permission checks, the destination of the result, and the subscription."""

import logging

import discord

from bot import logs
from bot.errors import TooManySubscriptions, UserError
from bot.models import Destination, Job, Origin
from bot.store import SubscriptionOutcome, SubscriptionResult
from bot.ui.interactions import bot_of, destination_of, in_thread, person_of, remember_file_limit_of
from bot.ui.permissions import GONE, channel_error, lacking, listed, send_permission

log = logging.getLogger(__name__)

MAX_RUNNING = 10
"""Running jobs that one member may be subscribed to in one server."""


def check_rights(interaction: discord.Interaction) -> None:
    """Raise `UserError` naming the missing permission, unless both the bot and the member may post here.

    Discord sends the permissions of both with every interaction; in threads, sending needs another permission.
    """
    missing = lacking(interaction.app_permissions, thread=in_thread(interaction))
    if missing:
        raise UserError(
            f"I can't post here, because I lack {listed(missing)}. "
            "Someone who manages this channel can change that under Edit Channel, Permissions."
        )
    _check_member_may_send(interaction)


def _check_member_may_send(interaction: discord.Interaction) -> None:
    if not getattr(interaction.permissions, send_permission(thread=in_thread(interaction)).flag):
        raise UserError("You don't have permission to send messages here, so I won't post here for you either.")


async def results_destination(interaction: discord.Interaction) -> tuple[Destination, str | None]:
    """Where the results of jobs requested here are posted: the server's channel for results, else here.

    The second value is a sentence for the member if the server's channel cannot be used; the result is then posted
    here. Raises `UserError` as `check_rights` does. Who can read the channel for results is the admins' decision.
    """
    here = destination_of(interaction)
    channel_id = (await bot_of(interaction).store.servers.settings(here.guild_id)).results_channel
    if channel_id is None or channel_id == here.channel_id:
        check_rights(interaction)
        return here, None
    _check_member_may_send(interaction)
    there = Destination(guild_id=here.guild_id, channel_id=channel_id)
    error = await channel_error(interaction.client, there)
    if error is None:
        return there, None
    check_rights(interaction)
    if error == GONE:
        return here, (
            "This server's channel for results was deleted, or is hidden from me. Someone with Manage Server can "
            "choose another one in `/darkroom settings`."
        )
    return here, (
        f"I can't post in <#{channel_id}>, this server's channel for results: {error}. Someone with Manage Server can "
        "choose another one in `/darkroom settings`."
    )


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

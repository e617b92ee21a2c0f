"""The test picture of `/darkroom settings`: a made-up result, posted by the bot itself, that costs nothing."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import discord
from discord import ui

from bot import formatting
from bot.discord_codes import RefusalKind, refusal_kind
from bot.discord_errors import UNANSWERED
from bot.errors import UserError
from bot.models import Job, Status
from bot.ui import replies
from bot.ui.base import PersistentItem, view_of
from bot.ui.interactions import bot_of, destination_of, is_moderator
from bot.ui.panels.base import button
from bot.ui.posting_texts import timed_out_now_text
from bot.ui.subscription_requests import results_destination

_FILE = Path(__file__).with_name("test-picture.webp")  # drawn by the demo
_JOB = Job(
    jobid="test", verb="imagine", prompt="a castle in the fog, ink wash --ar 3:2", status=Status.COMPLETED, mode="test"
)
_NOTE = "A test from `/darkroom settings`. It cost nothing; the pictures of jobs look like this."
_TIMEOUT_SECONDS = 60.0  # for a small file on a slow line


class DeleteSampleButton(PersistentItem, ui.DynamicItem[ui.Button[Any]], template=r"dr:h"):
    """Deletes a test picture: no delivery stands behind it, so the message itself shows that it is one."""

    def __init__(self) -> None:
        super().__init__(button("Delete", "dr:h"))

    async def act(self, interaction: discord.Interaction) -> None:
        """Delete the message for managers and moderators."""
        if not (interaction.permissions.manage_guild or is_moderator(interaction)):
            raise UserError("Only moderators and members with Manage Server can delete this.")
        message = interaction.message
        if message is None or not any((embed.description or "").endswith(_NOTE) for embed in message.embeds):
            raise UserError("This isn't a test picture.")
        await interaction.response.defer()
        with suppress(discord.NotFound):
            await (
                interaction.client.get_partial_messageable(message.channel.id).get_partial_message(message.id).delete()
            )


async def send_sample(interaction: discord.Interaction) -> None:
    """Post the test picture where a result requested here would be posted, and report the outcome in private.

    It is sent once and without the outbox: there is no job behind it, and the member sees at once whether it was
    posted.
    """
    here = destination_of(interaction)
    if (until := await bot_of(interaction).posting_checks.timed_out_until(here.guild_id)) is not None:
        raise UserError(timed_out_now_text(until))
    destination, error = await results_destination(interaction)
    name = formatting.file_name(_JOB, "test", "webp")
    requester = interaction.user.display_name
    embed = formatting.result(
        _JOB, key="", parent=None, requester=requester, picture=f"attachment://{name}", note=_NOTE
    )
    file = discord.File(_FILE, filename=name, description=formatting.alt_text(_JOB))
    channel = interaction.client.get_partial_messageable(destination.channel_id, guild_id=destination.guild_id)
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            await channel.send(embed=embed, file=file, view=view_of(DeleteSampleButton()))
    except (discord.Forbidden, discord.NotFound) as refusal:
        if refusal_kind(refusal.status, refusal.code) not in {RefusalKind.PERMISSION, RefusalKind.CHANNEL}:
            raise
        raise UserError(
            f"Discord doesn't let me post in <#{destination.channel_id}>. "
            "Someone who manages that channel can check my permissions under Edit Channel, Permissions."
        ) from None
    except (discord.DiscordServerError, *UNANSWERED):
        raise UserError("Discord couldn't take the test picture just now. Please try again in a minute.") from None
    if destination == here:
        posted = "Test picture posted. It cost nothing."
    else:
        posted = f"Test picture posted in <#{destination.channel_id}>. It cost nothing."
    await replies.say(interaction, f"{error} {posted}".strip())

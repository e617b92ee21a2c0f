"""Private answers: the one place that sends them, and that turns an exception into a sentence for the member."""

import logging
import math
import secrets
from collections.abc import Sequence

import aiohttp
import discord
from discord import app_commands

from bot.discord_codes import INTERACTION_EXPIRED, PRIVATE_ANSWER_GONE
from bot.errors import DarkroomError
from bot.formatting.captions import CONTENT_LIMIT
from bot.ui.command_mentions import with_mentions
from bot.ui.permissions import is_voice, lacking
from bot.ui.refusals import sentence_for

log = logging.getLogger(__name__)

_CONNECTION_ERRORS = (aiohttp.ClientError, ConnectionError, TimeoutError)


async def answer(interaction: discord.Interaction, error: BaseException) -> None:
    """Answer in private what went wrong and what to do next; never raises.

    An unexpected error is logged with its traceback under a short reference, which the answer holds.
    """
    error = _cause(error)
    if interaction.client.is_closed():  # nothing can be sent any more, and the shutdown itself caused the error
        log.info("The shutdown interrupted an answer")
        return
    if isinstance(error, discord.HTTPException) and error.code in INTERACTION_EXPIRED:
        log.info("An interaction expired before it was answered (Discord's code %d)", error.code)
        return
    try:
        await say(interaction, error_text(error, missing=_missing(interaction)))
    except discord.HTTPException as failure:
        log.info("Could not send an answer (Discord's code %d)", failure.code)
    except _CONNECTION_ERRORS as failure:
        log.info("Could not send an answer (%s)", type(failure).__name__)
    except Exception:
        log.exception("Could not send an answer")


def error_text(error: BaseException, *, missing: Sequence[str] = ()) -> str:
    """The sentence for an exception; an unexpected one is logged here.

    `missing`: the bot's missing permissions in the channel, by the names that Discord shows.
    """
    if isinstance(error, discord.HTTPException):
        sentence = sentence_for(error.status, error.code, missing)
        if sentence is not None:
            log.warning("Discord refused a member's request (HTTP %d, code %d)", error.status, error.code)
            log.debug("The refused request", exc_info=error)
            return sentence
    match error:
        case DarkroomError():
            return str(error)
        case app_commands.CommandOnCooldown():
            seconds = math.ceil(error.retry_after)  # any earlier is too fast again
            return f"Too fast. Try again in {seconds} {'second' if seconds == 1 else 'seconds'}."
        case app_commands.CommandNotFound() | app_commands.CommandSignatureMismatch():
            return "This command has just been updated. Reload Discord (Ctrl+R) and try again."
        case app_commands.NoPrivateMessage() | app_commands.CheckFailure():
            return "This only works in a server's channels, for members who are allowed to use it there."
        case discord.HTTPException() if error.status >= 500:
            log.warning("Discord has trouble (HTTP %d)", error.status)
            return (
                "Discord has trouble just now. Your request may have gone through anyway, so please check before you "
                "try again."
            )
        case _ if isinstance(error, _CONNECTION_ERRORS):
            log.info("Discord did not answer (%s)", type(error).__name__)
            return (
                "Discord did not answer me just now. Your request may have gone through anyway, so please check before "
                "you try again."
            )
        case _:
            reference = secrets.token_hex(3)
            log.error("Unexpected error; the member was given the reference %s", reference, exc_info=error)
            return f"Something went wrong on my side. The admin can find the details in the log under `{reference}`."


def shorten_refused_suggestions(record: logging.LogRecord) -> bool:
    """Log filter for discord.py's command tree, which logs a refused autocomplete answer with ids and a traceback.

    Discord refuses such an answer whenever a member types faster than it arrives. Always `True`: the line stays.
    """
    error = record.exc_info[1] if record.exc_info else None
    if (short := short_form(error)) is not None:
        record.msg, record.args = "Could not send suggestions for a command (%s)", (short,)
        record.levelno, record.levelname = logging.INFO, "INFO"
        record.exc_info = None
    return True


def short_form(error: BaseException | None) -> str | None:
    """An error of Discord's or of the connection to it, for one line in the log; `None`: it is a bug of this bot."""
    if isinstance(error, _CONNECTION_ERRORS):
        return type(error).__name__
    if isinstance(error, discord.HTTPException) and (
        error.status >= 500 or sentence_for(error.status, error.code) is not None
    ):
        return f"HTTP {error.status}, code {error.code}"
    return None


async def say(
    interaction: discord.Interaction,
    content: str,
    *,
    embed: discord.Embed | None = None,
    view: discord.ui.View | None = None,
) -> None:
    """Answer in private, or replace the earlier private answer; commands in `content` become clickable mentions.

    Nothing happens where the member has dismissed the earlier answer.
    """
    content = with_mentions(interaction, content)[:CONTENT_LIMIT]
    if _would_change_a_panel(interaction):
        layout = discord.ui.LayoutView(timeout=None)
        layout.add_item(discord.ui.TextDisplay(content))
        await show(interaction, layout)
        return
    if interaction.response.is_done() and not _would_change_a_post(interaction):
        try:
            await interaction.edit_original_response(content=content, embed=embed, view=view)
        except discord.HTTPException as refusal:
            if refusal.code not in PRIVATE_ANSWER_GONE:
                raise
            log.info("An answer was dismissed, or has expired, before it was complete (code %d)", refusal.code)
        return
    send = interaction.followup.send if interaction.response.is_done() else interaction.response.send_message
    await send(
        content,
        embed=discord.utils.MISSING if embed is None else embed,
        view=discord.utils.MISSING if view is None else view,
        ephemeral=True,
    )


async def show(interaction: discord.Interaction, layout: discord.ui.LayoutView) -> None:
    """Answer in private with a panel of components, or replace the earlier private answer by it."""
    if not interaction.response.is_done():
        await interaction.response.send_message(view=layout, ephemeral=True)
        return
    try:
        await interaction.edit_original_response(content=None, embed=None, view=layout)
    except discord.HTTPException as refusal:
        if refusal.code not in PRIVATE_ANSWER_GONE:
            raise
        log.info("A panel was dismissed, or has expired, before it was complete (code %d)", refusal.code)


async def add(interaction: discord.Interaction, content: str) -> None:
    """Send another private message after the answer, which stands without it: a failure is only logged."""
    try:
        await interaction.followup.send(with_mentions(interaction, content)[:CONTENT_LIMIT], ephemeral=True)
    except (discord.HTTPException, *_CONNECTION_ERRORS) as failure:
        log.info("Could not add to an answer (%s)", short_form(failure) or type(failure).__name__)


_UPDATES = {discord.InteractionResponseType.deferred_message_update, discord.InteractionResponseType.message_update}


def _would_change_a_panel(interaction: discord.Interaction) -> bool:
    """Whether the interaction was answered by updating a panel of components, which takes no content any more."""
    message = interaction.message
    return interaction.response.type in _UPDATES and message is not None and message.flags.components_v2


def _would_change_a_post(interaction: discord.Interaction) -> bool:
    """Whether the interaction was answered by updating the public message itself, below which a button was pressed."""
    message = interaction.message
    return interaction.response.type in _UPDATES and message is not None and not message.flags.ephemeral


def _missing(interaction: discord.Interaction) -> list[str]:
    """The names of the permissions that the bot lacks for a post in the interaction's channel."""
    if interaction.guild_id is None:
        return []
    channel = interaction.channel
    return lacking(interaction.app_permissions, thread=isinstance(channel, discord.Thread), voice=is_voice(channel))


def _cause(error: BaseException) -> BaseException:
    while isinstance(error, app_commands.CommandInvokeError):
        error = error.original
    return error

"""*What I keep about you*, from `/jobs`: what is kept about a member, as a file, and forgetting the member."""

import io
import logging
from typing import Any

import discord
import msgspec
from discord import ui

from bot import formatting
from bot.formatting.embeds import QUIET
from bot.models.kept_data import KeptData
from bot.ui import replies
from bot.ui.base import view_of
from bot.ui.command_mentions import with_mentions
from bot.ui.interactions import bot_of
from bot.ui.panels.base import Panel, button
from bot.ui.press.hidden_addresses import hide

log = logging.getLogger(__name__)

_FILE = "what-darkroom-keeps-about-me.json"


async def show_kept_data(interaction: discord.Interaction) -> None:
    """Show what is kept about the member in place of the private answer."""
    bot = bot_of(interaction)
    counts = await bot.store.kept_data.counts(interaction.user.id)
    items = () if counts.nothing else (KeptFileButton(), ForgetQuestionButton())
    await _show(interaction, formatting.kept(counts, bot.settings.keep_days), view_of(*items, _back()))


async def _show(interaction: discord.Interaction, text: str, view: ui.View) -> None:
    embed = discord.Embed(colour=QUIET, description=with_mentions(interaction, text))
    await replies.say(interaction, "", embed=embed, view=view)


def _back() -> ui.Item[Any]:
    """The button that shows `/jobs` in place of this."""
    # Imported here: `/jobs` has the first of the buttons below.
    from bot.ui.panels.my_jobs import RefreshButton

    return RefreshButton("Back to /jobs")


def _json_of(data: KeptData) -> bytes:
    """The file; addresses in prompts that name the payer are placeholders, as in a form."""
    submissions = tuple(msgspec.structs.replace(each, prompt=hide(each.prompt)) for each in data.submissions)
    return msgspec.json.format(msgspec.json.encode(msgspec.structs.replace(data, submissions=submissions)), indent=1)


class KeptDataButton(Panel, ui.DynamicItem[ui.Button[Any]], template=r"dr:me"):
    """Shows what is kept about the member."""

    def __init__(self) -> None:
        super().__init__(button("What I keep about you", "dr:me"))

    async def run(self, interaction: discord.Interaction) -> None:
        """Show it in place of `/jobs`."""
        await interaction.response.defer()
        await show_kept_data(interaction)


class KeptFileButton(Panel, ui.DynamicItem[ui.Button[Any]], template=r"dr:me:f"):
    """Sends all of it as a file, in private."""

    def __init__(self) -> None:
        super().__init__(button("Download it", "dr:me:f"))

    async def run(self, interaction: discord.Interaction) -> None:
        """Send the file below the panel."""
        await interaction.response.defer()
        data = await bot_of(interaction).store.kept_data.read(interaction.user.id)
        await interaction.followup.send(file=discord.File(io.BytesIO(_json_of(data)), _FILE), ephemeral=True)


class ForgetQuestionButton(Panel, ui.DynamicItem[ui.Button[Any]], template=r"dr:me:q"):
    """Asks whether the member wants to be forgotten."""

    def __init__(self) -> None:
        super().__init__(button("Forget me…", "dr:me:q"))

    async def run(self, interaction: discord.Interaction) -> None:
        """Show the question in place of the panel."""
        await interaction.response.defer()
        counts = await bot_of(interaction).store.kept_data.counts(interaction.user.id)
        await _show(interaction, formatting.forget_question(counts), view_of(ForgetButton(), KeepButton()))


class ForgetButton(Panel, ui.DynamicItem[ui.Button[Any]], template=r"dr:me:y"):
    """Has the member forgotten."""

    def __init__(self) -> None:
        super().__init__(ui.Button(label="Forget me", style=discord.ButtonStyle.danger, custom_id="dr:me:y"))

    async def run(self, interaction: discord.Interaction) -> None:
        """Forget what is not needed any more at once, and say what follows later."""
        await interaction.response.defer()
        kept_data = bot_of(interaction).store.kept_data
        await kept_data.forget(interaction.user.id)
        log.info("A member asked to be forgotten")
        counts = await kept_data.counts(interaction.user.id)
        requested_at = counts.requested_at
        text = formatting.FORGOTTEN if requested_at is None else formatting.forgetting(counts, requested_at)
        await _show(interaction, text, view_of(_back()))


class KeepButton(Panel, ui.DynamicItem[ui.Button[Any]], template=r"dr:me:n"):
    """Answers the question with no."""

    def __init__(self) -> None:
        super().__init__(button("Cancel", "dr:me:n"))

    async def run(self, interaction: discord.Interaction) -> None:
        """Show the panel again."""
        await interaction.response.defer()
        await show_kept_data(interaction)


ITEMS: tuple[type[ui.DynamicItem[Any]], ...] = (
    KeptDataButton,
    KeptFileButton,
    ForgetQuestionButton,
    ForgetButton,
    KeepButton,
)
"""All of the above, for `bot.ui.ALL`."""

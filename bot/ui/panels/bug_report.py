"""The text for a bug report: versions and counts, no id, no name, no token."""

import platform
from typing import Any

import aiohttp
import discord
from discord import ui

from bot import __version__
from bot.models.provider import WORDS
from bot.ui import replies
from bot.ui.interactions import bot_of, destination_of
from bot.ui.panels.base import ManagerPanel, button


class ReportButton(ManagerPanel, ui.DynamicItem[ui.Button[Any]], template=r"dr:b"):
    """Shows the text to copy."""

    def __init__(self) -> None:
        super().__init__(button("For a bug report", "dr:b"))

    async def run(self, interaction: discord.Interaction) -> None:
        """Show it in private."""
        bot, guild_id = bot_of(interaction), destination_of(interaction).guild_id
        store = bot.store
        outages = bot.poller.outages
        sqlite = await store.stats.sqlite_version()
        lines = [
            f"Darkroom {__version__}",
            f"Python {platform.python_version()} on {platform.system()} ({platform.machine()})",
            f"discord.py {discord.__version__}, aiohttp {aiohttp.__version__}, SQLite {sqlite}",
            f"running jobs watched in this server: {await store.subscriptions.count_in_server(guild_id)}",
            f"results to post: {await store.deliveries.count_waiting(guild_id)}",
            f"results that could not be posted: {len(await store.deliveries.undeliverable(guild_id))}",
            f"queued buttons: {await store.queue.count_in_server(guild_id)}",
            *(f"{WORDS[each].title}: {'has trouble' if error else 'answers'}" for each, error in outages.items()),
            f"gateway: {interaction.client.latency * 1000:.0f} ms",
        ]
        await replies.say(interaction, "```\n" + "\n".join(lines) + "\n```")

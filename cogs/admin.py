"""`/darkroom`: what those who manage a server can see, do and set."""

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot import formatting
from bot.client import Darkroom
from bot.models import Delivery
from bot.ui import ReportButton, interactions, replies, show_settings, show_submission_log, status_view

_SHOWN = 8


# No check stands on top of the default: admins change who may use it under Server Settings, Integrations.
@app_commands.default_permissions(manage_guild=True)
class Admin(commands.GroupCog, group_name="darkroom", group_description="How Darkroom does in this server"):
    """The commands of a server's managers."""

    def __init__(self, bot: Darkroom) -> None:
        self._bot = bot

    @app_commands.command(name="settings", description="Where results go, who may press, how often; and a test picture")
    async def settings(self, interaction: discord.Interaction[Darkroom]) -> None:
        """Open the panel."""
        await interaction.response.defer(ephemeral=True)
        await show_settings(interaction)

    @app_commands.command(name="presses", description="Who pressed what here, and what came of it")
    async def presses(self, interaction: discord.Interaction[Darkroom]) -> None:
        """Open the newest page."""
        await interaction.response.defer(ephemeral=True)
        await show_submission_log(interaction)

    @app_commands.command(name="status", description="What Darkroom waits for here, and what it could not post")
    async def status(self, interaction: discord.Interaction[Darkroom]) -> None:
        """Answer in private, about this server alone; the account's matters only to whoever runs the bot."""
        await interaction.response.defer(ephemeral=True)
        guild_id = interactions.destination_of(interaction).guild_id
        store = self._bot.store
        given_up = await store.deliveries.undeliverable(guild_id)
        lines = [
            f"Running jobs watched here: {await store.subscriptions.count_in_server(guild_id)}",
            f"Results to be posted: {await store.deliveries.count_waiting(guild_id)}",
            f"Presses of this server in line: {await store.queue.count_in_server(guild_id)}",
            *await self._account(interaction),
        ]
        if not interaction.app_permissions.read_message_history:
            lines.append(
                "I lack Read Message History in this channel: after a crash a post here may be repeated. "
                "Edit Channel, Permissions changes that."
            )
        if given_up:
            lines += ["", f"**Could not be posted: {len(given_up)}**"]
            lines += [await self._line(delivery) for delivery in given_up[:_SHOWN]]
        view = status_view() if given_up else ui.View(timeout=None)
        view.add_item(ReportButton())
        await replies.say(interaction, "\n".join(lines)[:2000], view=view)

    async def _account(self, interaction: discord.Interaction[Darkroom]) -> list[str]:
        outage = self._bot.poller.outage
        if not await interactions.is_owner(interaction):
            return [f"useapi.net: {'has trouble; jobs wait, and go on by themselves' if outage else 'answers'}"]
        lines = [
            f"useapi.net: {outage or 'answers'}",
            f"Presses of all servers in line: {await self._bot.store.queue.count()}",
        ]
        held = self._bot.submissions.pause_reason
        return [*lines, f"Presses wait: {held}"] if held else lines

    async def _line(self, delivery: Delivery) -> str:
        known = await self._bot.store.jobs.get(delivery.job_id)
        name = formatting.plain(formatting.label(known.job), 60)
        return f"- `#{known.key}` {name} in <#{delivery.destination.channel_id}> ({delivery.error})"


async def setup(bot: Darkroom) -> None:
    """Called by discord.py."""
    await bot.add_cog(Admin(bot))

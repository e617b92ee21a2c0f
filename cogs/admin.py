"""`/darkroom`: settings, members, submission log and status, for members with Manage Server."""

import discord
from discord import app_commands
from discord.ext import commands

from bot import __version__, formatting
from bot.client import Darkroom
from bot.models import Delivery
from bot.models.provider import WORDS
from bot.ui import (
    RearmButton,
    ReportButton,
    interactions,
    replies,
    show_members,
    show_settings,
    show_submission_log,
    view_of,
)

_MAX_UNDELIVERABLE = 8  # lines
_HAS_TROUBLE = "has trouble. Jobs continue by themselves when it is over."


# No check besides the default permission: admins change who may use it under Server Settings, Integrations.
@app_commands.default_permissions(manage_guild=True)
class Admin(
    commands.GroupCog, group_name="darkroom", group_description="Settings and status of Darkroom in this server"
):
    """The commands for members with Manage Server."""

    def __init__(self, bot: Darkroom) -> None:
        self._bot = bot

    @app_commands.command(
        name="settings", description="Where results are posted, who may start jobs and press, how often; a test picture"
    )
    async def settings(self, interaction: discord.Interaction[Darkroom]) -> None:
        """Open the panel."""
        await interaction.response.defer(ephemeral=True)
        await show_settings(interaction)

    @app_commands.command(name="presses", description="Who pressed or started what here, and with what outcome")
    async def presses(self, interaction: discord.Interaction[Darkroom]) -> None:
        """Open the newest page."""
        await interaction.response.defer(ephemeral=True)
        await show_submission_log(interaction)

    @app_commands.command(name="members", description="Shut a member out or let them in again; what they did lately")
    async def members(self, interaction: discord.Interaction[Darkroom]) -> None:
        """Open the panel."""
        await interaction.response.defer(ephemeral=True)
        await show_members(interaction)

    @app_commands.command(name="status", description="What Darkroom is watching here, and what it could not post")
    async def status(self, interaction: discord.Interaction[Darkroom]) -> None:
        """Answer in private about this server; details of the provider's account are for the bot's owner only."""
        await interaction.response.defer(ephemeral=True)
        guild_id = interactions.destination_of(interaction).guild_id
        store = self._bot.store
        undeliverable = await store.deliveries.undeliverable(guild_id)
        lines = [
            f"Running jobs watched here: {await store.subscriptions.count_in_server(guild_id)}",
            f"Results to post: {await store.deliveries.count_waiting(guild_id)}",
            f"Queued requests of this server: {await store.queue.count_in_server(guild_id)}",
            *await self._provider_lines(interaction),
        ]
        if not interaction.app_permissions.read_message_history:
            lines.append(
                "I lack Read Message History in this channel, so I may repeat a post here after a crash. You can "
                "change that under Edit Channel, Permissions."
            )
        if undeliverable:
            lines += ["", f"**Could not be posted: {len(undeliverable)}**"]
            lines += [await self._undeliverable_line(delivery) for delivery in undeliverable[:_MAX_UNDELIVERABLE]]
        view = view_of(RearmButton(), ReportButton()) if undeliverable else view_of(ReportButton())
        await replies.say(interaction, "\n".join(lines), view=view)

    async def _provider_lines(self, interaction: discord.Interaction[Darkroom]) -> list[str]:
        outages = {WORDS[provider].title: outage for provider, outage in self._bot.poller.outages.items()}
        if not await interactions.is_owner(interaction):
            return [f"{title}: {_HAS_TROUBLE if outage else 'answers'}" for title, outage in outages.items()]
        lines = [
            *(f"{title}: {outage or 'answers'}" for title, outage in outages.items()),
            f"Queued requests of all servers: {await self._bot.store.queue.count()}",
        ]
        lines += [f"The queue is paused: {reason}" for reason in self._bot.submissions.pause_reasons]
        if (release := self._bot.newer_release) is not None:
            lines.append(f"Darkroom {release.version} is available; this is {__version__}. <{release.page}>")
        return lines

    async def _undeliverable_line(self, delivery: Delivery) -> str:
        known = await self._bot.store.jobs.find(delivery.job_id)
        label = "" if known is None else formatting.plain(formatting.label(known.job), 60)
        name = "a message about a prompt" if known is None else f"`#{known.key}` {label}"
        return f"- {name} in <#{delivery.destination.channel_id}> ({delivery.error})"


async def setup(bot: Darkroom) -> None:
    """Called by discord.py."""
    await bot.add_cog(Admin(bot))

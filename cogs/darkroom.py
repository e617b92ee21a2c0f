"""`/darkroom`: what those who manage a server can see and do."""

import discord
from discord import app_commands
from discord.ext import commands

from bot import asking, buttons, cards, replies
from bot.client import Darkroom
from bot.jobs import Delivery

_SHOWN = 10


# No check stands on top of the default: admins change who may use it under Server Settings, Integrations.
@app_commands.default_permissions(manage_guild=True)
class Managing(commands.GroupCog, group_name="darkroom", group_description="How Darkroom does in this server"):
    """The commands of a server's managers."""

    def __init__(self, bot: Darkroom) -> None:
        self._bot = bot

    @app_commands.command(name="status", description="What Darkroom waits for here, and what it could not post")
    async def status(self, interaction: discord.Interaction[Darkroom]) -> None:
        """Answer in private, with a button where something was given up."""
        await interaction.response.defer(ephemeral=True)
        guild_id = asking.place_of(interaction).guild_id
        given_up = await self._bot.store.undeliverable(guild_id)
        lines = [
            f"Running jobs watched here: {await self._bot.store.count_watched(guild_id)}",
            f"Results to be posted: {await self._bot.store.waiting(guild_id)}",
            f"useapi.net: {self._bot.watcher.outage or 'answers'}",
        ]
        if not interaction.app_permissions.read_message_history:
            lines.append(
                "I lack Read Message History in this channel: after a crash a post here may be repeated. "
                "Edit Channel, Permissions changes that."
            )
        if given_up:
            lines += ["", f"**Could not be posted: {len(given_up)}**"]
            lines += [await self._line(delivery) for delivery in given_up[:_SHOWN]]
        await replies.say(interaction, "\n".join(lines)[:2000], view=buttons.status_view() if given_up else None)

    async def _line(self, delivery: Delivery) -> str:
        known = await self._bot.store.known(delivery.job_id)
        name = cards.plain(cards.label(known.job), 60)
        return f"- `#{known.key}` {name} in <#{delivery.place.channel_id}> ({delivery.trouble})"


async def setup(bot: Darkroom) -> None:
    """Called by discord.py."""
    await bot.add_cog(Managing(bot))

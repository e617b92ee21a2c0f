"""`/imagine` starts a job of a prompt."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Darkroom
from bot.models.prompt import PromptOptions
from bot.ui import answer_prompt

_ASPECTS = ("1:1", "2:3", "3:2", "9:16", "16:9", "4:5")
_MAX_ASPECT = 20  # characters
_MAX_PROMPT = 6000  # characters that Discord takes in an option


class Imagine(commands.Cog):
    """The command that starts jobs."""

    def __init__(self, bot: Darkroom) -> None:
        self._bot = bot

    @app_commands.command(name="imagine", description="Make pictures of your words with Midjourney, and post them here")
    @app_commands.describe(
        prompt="What the pictures should show; parameters such as --ar 3:2 come last",
        aspect="The shape of the pictures, such as 3:2",
        speed="How fast, where this server lets prompts choose",
    )
    @app_commands.choices(
        speed=[app_commands.Choice(name=mode.capitalize(), value=mode) for mode in ("relax", "fast", "turbo")]
    )
    @app_commands.checks.cooldown(6, 60.0, key=lambda interaction: (interaction.guild_id, interaction.user.id))
    async def imagine(
        self,
        interaction: discord.Interaction[Darkroom],
        prompt: app_commands.Range[str, 1, _MAX_PROMPT],
        aspect: app_commands.Range[str, 1, _MAX_ASPECT] | None = None,
        speed: str | None = None,
    ) -> None:
        """Answer in private; everything public is posted by the dispatcher."""
        self._bot.store.clock.note_snowflake(interaction.id)
        await answer_prompt(interaction, prompt, PromptOptions(aspect=aspect and aspect.strip(), speed=speed))

    @imagine.autocomplete("aspect")
    async def aspects(self, _: discord.Interaction[Darkroom], typed: str) -> list[app_commands.Choice[str]]:
        """The usual shapes, and what was typed."""
        typed = typed.strip()[:_MAX_ASPECT]
        ratios = [ratio for ratio in _ASPECTS if typed in ratio]
        if typed and typed not in ratios:
            ratios.insert(0, typed)
        return [app_commands.Choice(name=ratio, value=ratio) for ratio in ratios]


async def setup(bot: Darkroom) -> None:
    """Called by discord.py."""
    await bot.add_cog(Imagine(bot))

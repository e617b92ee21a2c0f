"""`/imagine` starts a job of a prompt."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Darkroom
from bot.models.prompt import MAX_PRESET_NAME_LENGTH, PromptOptions
from bot.ui import answer_prompt, open_prompt_form
from bot.ui.imagine.draft import PromptDraft
from bot.ui.imagine.pictures import file_of
from bot.ui.imagine.prompt_form import MAX_ASPECT_LENGTH
from bot.ui.imagine.recent_prompts import recent_prompts, whole_prompt
from bot.ui.interactions import destination_of

_ASPECTS = ("1:1", "2:3", "3:2", "9:16", "16:9", "4:5")
_MAX_PROMPT = 6000  # characters that Discord takes in an option


class Imagine(commands.Cog):
    """The command that starts jobs."""

    def __init__(self, bot: Darkroom) -> None:
        self._bot = bot

    @app_commands.command(name="imagine", description="Make pictures of your words with Midjourney, and post them here")
    @app_commands.describe(
        prompt="What the pictures should show, parameters last; leave it out to write it in a form",
        aspect="The shape of the pictures, such as 3:2",
        image="A picture to begin with, up to 10 MB; like the prompt, it becomes visible at Midjourney",
        reference="A picture whose style the new ones should have, up to 10 MB",
        style="What this server adds to a prompt under a name",
        speed="How fast, where this server lets prompts choose",
    )
    @app_commands.choices(
        speed=[app_commands.Choice(name=mode.capitalize(), value=mode) for mode in ("relax", "fast", "turbo")]
    )
    @app_commands.checks.cooldown(6, 60.0, key=lambda interaction: (interaction.guild_id, interaction.user.id))
    async def imagine(
        self,
        interaction: discord.Interaction[Darkroom],
        prompt: app_commands.Range[str, 1, _MAX_PROMPT] | None = None,
        aspect: app_commands.Range[str, 1, MAX_ASPECT_LENGTH] | None = None,
        style: app_commands.Range[str, 1, MAX_PRESET_NAME_LENGTH] | None = None,
        speed: str | None = None,
        image: discord.Attachment | None = None,
        reference: discord.Attachment | None = None,
    ) -> None:
        """Answer in private; everything public is posted by the dispatcher."""
        self._bot.store.clock.note_snowflake(interaction.id)
        options = PromptOptions(
            aspect=aspect and aspect.strip(),
            speed=speed,
            images=() if image is None else (image.url,),
            references=() if reference is None else (reference.url,),
        )
        whole = await whole_prompt(interaction, prompt or "")
        draft = PromptDraft(prompt=whole, options=options, preset=style and style.strip())
        if prompt is None:
            await open_prompt_form(interaction, draft)
        else:
            files = [file_of(each) for each in (image, reference) if each is not None]
            await answer_prompt(interaction, draft, files=files)

    @imagine.autocomplete("prompt")
    async def prompts(self, interaction: discord.Interaction[Darkroom], typed: str) -> list[app_commands.Choice[str]]:
        """The member's own last prompts."""
        return [app_commands.Choice(name=name, value=value) for name, value in await recent_prompts(interaction, typed)]

    @imagine.autocomplete("aspect")
    async def aspects(self, _: discord.Interaction[Darkroom], typed: str) -> list[app_commands.Choice[str]]:
        """The usual shapes, and what was typed."""
        typed = typed.strip()[:MAX_ASPECT_LENGTH]
        ratios = [ratio for ratio in _ASPECTS if typed in ratio]
        if typed and typed not in ratios:
            ratios.insert(0, typed)
        return [app_commands.Choice(name=ratio, value=ratio) for ratio in ratios]

    @imagine.autocomplete("style")
    async def styles(self, interaction: discord.Interaction[Darkroom], typed: str) -> list[app_commands.Choice[str]]:
        """The server's presets."""
        presets = await self._bot.store.presets.of_server(destination_of(interaction).guild_id)
        return [
            app_commands.Choice(name=preset.name, value=preset.name)
            for preset in presets
            if typed.strip().casefold() in preset.name.casefold()
        ]


async def setup(bot: Darkroom) -> None:
    """Called by discord.py."""
    await bot.add_cog(Imagine(bot))

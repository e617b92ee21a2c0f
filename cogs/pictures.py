"""`/blend`, `/describe`, and what the menu of a message does with its picture."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Darkroom
from bot.models import Dimensions
from bot.ui import picture_jobs

_BLENDED = {f"image{number}": "A picture, up to 10 MB" for number in range(1, 6)}
_COOLDOWN = app_commands.checks.cooldown(6, 60.0, key=lambda interaction: (interaction.guild_id, interaction.user.id))


class Pictures(commands.Cog):
    """The commands that start jobs of pictures."""

    def __init__(self, bot: Darkroom) -> None:
        self._bot = bot
        self._menus = (
            app_commands.ContextMenu(name="Describe this picture", callback=self.describe_message),
            app_commands.ContextMenu(name="Use as reference", callback=self.use_as_reference),
        )

    async def cog_load(self) -> None:
        """Add the entries to the context menu of messages, which discord.py does not do for cogs."""
        for menu in self._menus:
            self._bot.tree.add_command(menu)

    async def cog_unload(self) -> None:
        """Remove them again."""
        for menu in self._menus:
            self._bot.tree.remove_command(menu.name, type=menu.type)

    @app_commands.command(name="blend", description="Blend two to five pictures with Midjourney, and post the result")
    @app_commands.describe(dimensions="The shape of the result; square if left out", **_BLENDED)
    @app_commands.choices(
        dimensions=[app_commands.Choice(name=each.capitalize(), value=each.value) for each in Dimensions]
    )
    @_COOLDOWN
    async def blend(
        self,
        interaction: discord.Interaction[Darkroom],
        image1: discord.Attachment,
        image2: discord.Attachment,
        dimensions: str = Dimensions.SQUARE,
        image3: discord.Attachment | None = None,
        image4: discord.Attachment | None = None,
        image5: discord.Attachment | None = None,
    ) -> None:
        """Answer in private; everything public is posted by the dispatcher."""
        self._bot.store.clock.note_snowflake(interaction.id)
        attached = [image for image in (image1, image2, image3, image4, image5) if image is not None]
        await picture_jobs.blend(interaction, attached, Dimensions(dimensions))

    @app_commands.command(name="describe", description="Get four prompts for a picture from Midjourney, posted here")
    @app_commands.describe(image="The picture to describe, up to 10 MB")
    @_COOLDOWN
    async def describe(self, interaction: discord.Interaction[Darkroom], image: discord.Attachment) -> None:
        """Answer in private; everything public is posted by the dispatcher."""
        self._bot.store.clock.note_snowflake(interaction.id)
        await picture_jobs.describe(interaction, image)

    @_COOLDOWN
    async def describe_message(self, interaction: discord.Interaction[Darkroom], message: discord.Message) -> None:
        """Describe the picture of any message."""
        self._bot.store.clock.note_snowflake(interaction.id)
        await picture_jobs.describe_message(interaction, message)

    @_COOLDOWN
    async def use_as_reference(self, interaction: discord.Interaction[Darkroom], message: discord.Message) -> None:
        """Open the form for a prompt that refers to the picture of any message."""
        self._bot.store.clock.note_snowflake(interaction.id)
        await picture_jobs.use_as_reference(interaction, message)


async def setup(bot: Darkroom) -> None:
    """Called by discord.py."""
    await bot.add_cog(Pictures(bot))

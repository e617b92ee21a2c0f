"""What a member has left today, and how many of their jobs are running, where such numbers hold for them."""

import discord

from bot import formatting
from bot.models import CostTier, ServerSettings
from bot.ui.imagine import start_rules
from bot.ui.interactions import bot_of, destination_of
from bot.ui.press import press_rules
from bot.ui.press.press_rules import Presser


async def left_today(interaction: discord.Interaction, settings: ServerSettings, presser: Presser) -> str | None:
    """What is left, as a sentence; `None` for moderators, and for members who may start nothing here."""
    return next(iter(await usage_lines(interaction, settings, presser)), None)


async def usage_lines(interaction: discord.Interaction, settings: ServerSettings, presser: Presser) -> list[str]:
    """What is left and what is running, a sentence each; none where `left_today` is `None`."""
    may_submit = start_rules.may_start(settings, presser) or press_rules.may_press(CostTier.VARY, settings, presser)
    if presser.moderator or settings.daily == 0 or not may_submit:
        return []
    guild_id = destination_of(interaction).guild_id
    numbers = await bot_of(interaction).store.members.numbers(guild_id, interaction.user.id, settings.daily)
    return [formatting.left_today(numbers, settings), formatting.running_jobs(numbers, settings)]

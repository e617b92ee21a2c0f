"""The seed of a result, in private: with the same seed and prompt, Midjourney makes similar pictures."""

from typing import Any

import discord
from discord import ui

from bot import formatting
from bot.errors import (
    BadRequest,
    JobExpired,
    JobUnknown,
    NoSeed,
    ProviderAbsent,
    ProviderError,
    Unsupported,
    UserError,
)
from bot.models import SEED_VERBS, DeliveryKind, Job, Status
from bot.models.provider import worded
from bot.providers.base import Provider
from bot.ui import replies
from bot.ui.base import NONCE, DeliveryButton
from bot.ui.interactions import bot_of

_SEED = "Seed of `#{key}`:\n```\n{seed}\n```\nTo use it in a prompt:\n```\n--seed {seed}\n```"
_NOT_OFFERED = "{provider} doesn't give out the seeds of pictures."
_NO_SEED = "{provider} gives no seed for this picture."
_GONE = "{provider} no longer has the job of this picture, so I can't ask for its seed."


def offers_seed(job: Job, provider: Provider) -> bool:
    """Whether the seed of a result is known, or its provider returns it: that of pictures alone, not of videos."""
    if job.status != Status.COMPLETED or job.verb in SEED_VERBS | {"describe"} or formatting.is_video(job):
        return False
    has_pictures = bool(job.attachments or job.image_ux)
    return has_pictures and (job.seed_number is not None or provider.capabilities.seed)


class SeedButton(DeliveryButton, ui.DynamicItem[ui.Button[Any]], template=rf"dr:sd:{NONCE}"):
    """Shows the seed, and the parameter that uses it, to be copied."""

    code = "sd"
    label = "Seed"

    async def act(self, interaction: discord.Interaction) -> None:
        """Show the seed; a provider may take a minute to find it out."""
        _, known = await self.resolve(interaction, DeliveryKind.RESULT)
        provider = bot_of(interaction).providers.of(known.job.provider)
        seed = known.job.seed_number
        if seed is None:
            await interaction.response.defer(ephemeral=True, thinking=True)
            try:
                seed = await provider.seed(known.job.jobid)
            except ProviderError as error:
                raise UserError(seed_error_text(error)) from error
        await replies.say(interaction, _SEED.format(key=known.key, seed=seed))


def seed_error_text(error: ProviderError) -> str:
    """The sentence for an error of `Provider.seed`; most errors have one that fits any request."""
    match error:
        case NoSeed() | ProviderAbsent():
            return str(error)
        case Unsupported():
            return worded(_NOT_OFFERED, error.provider)
        case JobUnknown() | JobExpired():
            return worded(_GONE, error.provider)
        case BadRequest():
            return worded(_NO_SEED, error.provider)
        case _:
            return str(error)

"""`/blend` and `/describe`: from attached pictures to a submission.

The interaction is deferred, because the pictures are read first. What follows edits the private answer.
"""

from collections.abc import Sequence

import discord

from bot.errors import UserError
from bot.models import MAX_BLENDED, MIN_BLENDED, CostTier, Dimensions, SubmissionKind, SubmissionRequest
from bot.models.prompt import PromptOptions
from bot.ui.imagine import picture_texts
from bot.ui.imagine.draft import PromptDraft
from bot.ui.imagine.pictures import AttachedFile, file_of, first_expiry, picture_in, read_pictures
from bot.ui.imagine.prompt_form import open_prompt_form
from bot.ui.imagine.request import enqueue, start_refusal
from bot.ui.interactions import bot_of, destination_of, is_moderator, person_of


async def blend(
    interaction: discord.Interaction, attachments: Sequence[discord.Attachment], dimensions: Dimensions
) -> None:
    """Blend the attached pictures."""
    if not MIN_BLENDED <= len(attachments) <= MAX_BLENDED:
        raise UserError(picture_texts.BLEND_NUMBER)
    files = list(map(file_of, attachments))
    await _start(interaction, SubmissionKind.BLEND, CostTier.VARY, files, dimensions)


async def describe(interaction: discord.Interaction, attachment: discord.Attachment) -> None:
    """Have the attached picture described."""
    await _start(interaction, SubmissionKind.DESCRIBE, CostTier.PICK, [file_of(attachment)])


async def describe_message(interaction: discord.Interaction, message: discord.Message) -> None:
    """Have the first picture of a message described."""
    await _start(interaction, SubmissionKind.DESCRIBE, CostTier.PICK, [picture_in(message)])


async def use_as_reference(interaction: discord.Interaction, message: discord.Message) -> None:
    """Open the form for a prompt with the first picture of a message as its style reference.

    Discord takes a form as the first answer only, within three seconds: the picture is read when the form is submitted.
    """
    file = picture_in(message)
    if not bot_of(interaction).pictures.is_attachment(file.link):
        raise UserError(picture_texts.NOT_UPLOADED)
    await open_prompt_form(interaction, PromptDraft(options=PromptOptions(references=(file.link,))))


async def _start(
    interaction: discord.Interaction,
    kind: SubmissionKind,
    tier: CostTier,
    files: Sequence[AttachedFile],
    dimensions: Dimensions | None = None,
) -> None:
    """Check who asks and what they attached, queue it, and answer."""
    await interaction.response.defer(ephemeral=True)
    bot = bot_of(interaction)
    settings = await bot.store.servers.settings(destination_of(interaction).guild_id)
    if (refusal := await start_refusal(interaction, settings)) is not None:
        raise UserError(refusal)
    as_bytes = bot.providers.for_prompts().capabilities.pictures_as_bytes
    pictures = await read_pictures(interaction, files, as_bytes=as_bytes)
    request = SubmissionRequest(
        kind=kind,
        tier=tier,
        pictures=pictures,
        dimensions=dimensions,
        expires_at=None if as_bytes else first_expiry([picture.link for picture in pictures]),
        destination=destination_of(interaction),
        person=person_of(interaction),
        interaction_id=interaction.id,
        interaction_token=interaction.token,
        by_moderator=is_moderator(interaction),
    )
    await enqueue(interaction, request, settings)

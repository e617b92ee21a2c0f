"""Stars below a result, and the button of a picture on the starboard."""

from typing import Any

import discord
from discord import ui

from bot import formatting
from bot.errors import UserError
from bot.models import (
    SEED_VERBS,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Destination,
    Job,
    KnownJob,
    ServerSettings,
    Status,
)
from bot.store import Starred
from bot.ui import replies
from bot.ui.base import NONCE, DeliveryButton, delete_post, is_requester, picture_link, view_of
from bot.ui.interactions import bot_of, destination_of, is_moderator, jump, role_ids_of
from bot.ui.permissions import channel_error, role_is_gone
from bot.ui.posting_texts import starboard_text
from bot.ui.refusals import EDIT_PERMISSIONS


def can_be_starred(job: Job) -> bool:
    """Whether a result shows a picture or video that Midjourney made; a description shows somebody else's."""
    has_pictures = bool(job.attachments or job.image_ux or job.video_ux)
    return job.status == Status.COMPLETED and has_pictures and job.verb not in SEED_VERBS | {"describe"}


async def star_button(
    interaction: discord.Interaction, delivery: Delivery, known: KnownJob
) -> ui.DynamicItem[ui.Button[Any]] | None:
    """The button of a result's menu for this member: to star the picture, or to take their star back."""
    store, here = bot_of(interaction).store, delivery.destination
    if await store.stars.has(known.id, here.guild_id, interaction.user.id):
        return RemoveStarButton(delivery.nonce)
    starboard = (await store.servers.settings(here.guild_id)).starboard_channel
    if starboard in {None, here.channel_id} or not can_be_starred(known.job):
        return None
    return None if await is_requester(interaction, delivery) else StarButton(delivery.nonce)


class StarButton(DeliveryButton, ui.DynamicItem[ui.Button[Any]], template=rf"dr:st:{NONCE}"):
    """Stars a picture; with enough stars it is posted on the starboard."""

    code = "st"
    label = "⭐ Star"

    async def act(self, interaction: discord.Interaction) -> None:
        """Store the member's star, and with the last one needed the delivery to the starboard."""
        delivery, known = await self.resolve(interaction, DeliveryKind.RESULT)
        bot, here = bot_of(interaction), delivery.destination
        settings = await bot.store.servers.settings(here.guild_id)
        if settings.starboard_channel is None:
            raise UserError(formatting.STARBOARD_OFF)
        starboard = Destination(guild_id=here.guild_id, channel_id=settings.starboard_channel)
        if starboard == here:
            raise UserError(formatting.STARBOARD_HERE)
        if not can_be_starred(known.job):
            raise UserError(formatting.STARS_ARE_FOR_PICTURES)
        if await is_requester(interaction, delivery):
            raise UserError(formatting.STAR_OWN)
        await interaction.response.defer(ephemeral=True, thinking=True)  # Discord is asked about both channels
        await _check_member(interaction, settings)
        await _check_channels(interaction, here, starboard)
        starred = await bot.store.stars.add(known.id, interaction.user.id, starboard, settings.stars)
        bot.deliver_soon()
        text = _answer(starred, settings.stars, starboard)
        await replies.say(interaction, text, view=view_of(RemoveStarButton(self.nonce)))


class RemoveStarButton(DeliveryButton, ui.DynamicItem[ui.Button[Any]], template=rf"dr:us:{NONCE}"):
    """Takes a member's own star back."""

    code = "us"
    label = "Remove star"

    async def act(self, interaction: discord.Interaction) -> None:
        """Delete the star; a picture that is on the starboard stays there."""
        delivery, known = await self.resolve(interaction, DeliveryKind.RESULT)
        bot = bot_of(interaction)
        left = await bot.store.stars.remove(known.id, delivery.destination.guild_id, interaction.user.id)
        bot.deliver_soon()
        await replies.say(interaction, formatting.star_removed(left))


async def _check_member(interaction: discord.Interaction, settings: ServerSettings) -> None:
    """Raise `UserError` unless the member may star pictures. Whoever can press the button can view the picture."""
    role_id = settings.star_role
    if role_id is None or is_moderator(interaction) or role_id in role_ids_of(interaction):
        return
    gone = await role_is_gone(interaction.client, destination_of(interaction).guild_id, role_id)
    raise UserError(formatting.who_may_star(role_id, role_is_gone=gone))


async def _check_channels(interaction: discord.Interaction, here: Destination, starboard: Destination) -> None:
    """Raise `UserError` unless pictures from `here` may be posted on the starboard, and can be.

    The picture is copied from its post, which the bot reads as one of the channel's history.
    """
    if not interaction.app_permissions.read_message_history:
        raise UserError(f"{formatting.STARS_NEED_HISTORY} {EDIT_PERMISSIONS}")
    error = await channel_error(interaction.client, starboard)
    if error is not None:
        raise UserError(starboard_text(starboard.channel_id, error))
    obstacle = await _obstacle(interaction, here, starboard)
    if obstacle is not None:
        raise UserError(formatting.starboard_obstacle(obstacle, starboard.channel_id))


async def _obstacle(
    interaction: discord.Interaction, here: Destination, starboard: Destination
) -> formatting.StarboardObstacle | None:
    """What keeps pictures of a channel from the starboard: who could see there what they can't see here."""
    bot = bot_of(interaction)
    if not await bot.age_restrictions.applies_to(starboard):
        restricted = await bot.age_restrictions.applies_to(here)
        if restricted is not False:
            return formatting.StarboardObstacle.AGE_RESTRICTED if restricted else formatting.StarboardObstacle.UNKNOWN
    if here.channel_id not in await bot.view_rights.of_readers(starboard, [here.channel_id]):
        return formatting.StarboardObstacle.NOT_VISIBLE
    return None


def _answer(starred: Starred, needed: int, starboard: Destination) -> str:
    post = starred.post
    url = None
    if post is not None and post.state is DeliveryState.POSTED and post.message_id is not None:
        url = jump(post.destination, post.message_id)
    return formatting.starred(
        starred.stars,
        needed,
        starboard.channel_id,
        url=url,
        on_its_way=post is not None and post.state in {DeliveryState.WAITING, DeliveryState.SENDING},
        removed=starred.removed,
    )


# --- below a picture on the starboard ---------------------------------------------------------------------------------


def starboard_post_view(nonce: str, url: str | None) -> ui.View:
    """The buttons below a picture on the starboard: a link to its result, if all can view that, and its removal."""
    remove = RemoveFromStarboardButton(nonce)
    return view_of(remove) if url is None else view_of(picture_link(url), remove)


class RemoveFromStarboardButton(DeliveryButton, ui.DynamicItem[ui.Button[Any]], template=rf"dr:sb:{NONCE}"):
    """Removes a picture from the starboard for good: further stars do not post it again."""

    code = "sb"
    label = "Remove"

    async def act(self, interaction: discord.Interaction) -> None:
        """Delete the message for whoever added the job, or a moderator."""
        delivery, _ = await self.resolve_for_manager(
            interaction,
            "Only whoever added this picture and moderators can remove it from the starboard.",
            DeliveryKind.STARBOARD_POST,
        )
        await interaction.response.defer()
        if delivery.message_id is None and interaction.message is not None:  # proves that it was posted
            delivery = await bot_of(interaction).store.outbox.mark_posted(delivery, interaction.message.id)
        await delete_post(interaction, delivery)

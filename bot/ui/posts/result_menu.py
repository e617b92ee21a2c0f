"""What `⋯` offers everybody: the family of a picture, its four parts, and the original while its link lives."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import discord
import msgspec
from discord import ui

from bot import formatting
from bot.errors import UserError
from bot.images import link_ends, names_the_payer, on_allow_list
from bot.models import Delivery, DeliveryKind, Job, Status
from bot.models.midjourney_buttons import is_picture_grid
from bot.ui import replies
from bot.ui.base import NONCE, DeliveryButton, delete_post
from bot.ui.interactions import bot_of, check_rights, jump

_URL_LIMIT = 512  # Discord's, for a button


class Original(msgspec.Struct, frozen=True, kw_only=True):
    """Where the picture lies in full size, and until when."""

    url: str
    until: datetime


def full_size(job: Job, now: datetime, hosts: Sequence[str], *, private: bool = False) -> Original | None:
    """The link to Midjourney's own file at Discord, while it lives.

    `hosts` are those that pictures may come from: a host, for https, or a whole origin. `private`: it is for a member
    who may see the job id, and so an address that names the payer.
    """
    if job.status != Status.COMPLETED or not job.attachments:
        return None
    url = job.attachments[0].url
    until = link_ends(url)
    if until is None or until <= now or len(url) > _URL_LIMIT or (names_the_payer(url) and not private):
        return None
    if not on_allow_list(url, hosts):
        return None
    return Original(url=url, until=until)


def is_still_grid(job: Job) -> bool:
    """Whether the result is four pictures in one file."""
    return job.status == Status.COMPLETED and is_picture_grid(job.buttons) and not job.video_ux


class FamilyButton(DeliveryButton, ui.DynamicItem[ui.Button[Any]], template=rf"dr:f:{NONCE}"):
    """Shows where a picture comes from, and what was made of it."""

    code = "f"
    label = "Family"

    async def act(self, interaction: discord.Interaction) -> None:
        """List parents and children that are known in this server."""
        delivery, known = await self.resolve(interaction, DeliveryKind.RESULT)
        family, more = await bot_of(interaction).store.family.of(
            known, delivery.destination, limit=formatting.FAMILY_LIMIT
        )
        members = [
            formatting.FamilyLine(
                job=each.known.job,
                key=each.known.key,
                generation=each.generation,
                url=_url(each.post),
                here=each.known.id == known.id,
            )
            for each in family
        ]
        await replies.say(interaction, "", embed=formatting.family(members, more))


def _url(post: Delivery | None) -> str | None:
    return None if post is None or post.message_id is None else jump(post.destination, post.message_id)


class SplitButton(DeliveryButton, ui.DynamicItem[ui.Button[Any]], template=rf"dr:q:{NONCE}"):
    """Posts a grid's four pictures as files of their own, free of charge."""

    code = "q"
    label = "Split in four"

    async def act(self, interaction: discord.Interaction) -> None:
        """Put the four pictures into the outbox, once for each place."""
        delivery, known = await self.resolve(interaction, DeliveryKind.RESULT)
        if not is_still_grid(known.job):
            raise UserError("There are not four pictures in this one.")
        check_rights(interaction)
        store = bot_of(interaction).store
        there = await store.deliveries.add_split(known.id, delivery.destination)
        if there is not None:
            await interaction.response.defer(ephemeral=True, thinking=True)
            if await _stand(interaction, there):
                await replies.say(interaction, f"They stand here already: {_url(there)}")
                return
            await store.outbox.drop(there)
            await store.deliveries.add_split(known.id, delivery.destination)
        bot_of(interaction).deliver_soon()
        await replies.say(interaction, "I'll post the four pictures here.")


async def _stand(interaction: discord.Interaction, split: Delivery) -> bool:
    """Whether four pictures stand there: a message may have been deleted by hand, or say why they could not be had.

    Such a message goes. Where Discord does not tell, they stand.
    """
    assert split.message_id is not None
    channel = interaction.client.get_partial_messageable(split.destination.channel_id)
    try:
        message = await channel.fetch_message(split.message_id)
        if not message.attachments:
            await message.delete()
    except discord.NotFound:
        return False
    except (discord.DiscordException, OSError):
        return True
    return bool(message.attachments)


def split_view(nonce: str) -> ui.View:
    """What stands below the four pictures."""
    view = ui.View(timeout=None)
    view.add_item(DeleteSplitButton(nonce))
    return view


class DeleteSplitButton(DeliveryButton, ui.DynamicItem[ui.Button[Any]], template=rf"dr:v:{NONCE}"):
    """Deletes the message with the four pictures."""

    code = "v"
    label = "Delete"

    async def act(self, interaction: discord.Interaction) -> None:
        """Delete it for the asker or a moderator."""
        delivery, _ = await self.resolve_for_manager(interaction, "delete these", DeliveryKind.SPLIT)
        await interaction.response.defer()
        await delete_post(interaction, delivery)

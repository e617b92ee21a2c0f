"""Edits of posts: a card follows its job until its result is posted; a result gets its links, a starred one its number.

The pictures that a post was made without are added to it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import discord
import msgspec

from bot.delivery.omitted import Omitted
from bot.delivery.sending import UploadTimeout
from bot.delivery.uploads import open_files, remember_size_limit, timeout_seconds
from bot.messages import PICTURE_RETRY_SECONDS, Message, MessageBuilder
from bot.models import Delivery, DeliveryKind, DeliveryState, KnownJob
from bot.store import Store

log = logging.getLogger(__name__)

_EDIT_PAUSE = 5.0  # seconds between two edits of one post
# Discord limits edits of messages older than an hour: OLD_MESSAGE_EDIT_LIMIT
_EDIT_STATUS_CARDS_FOR = timedelta(minutes=50)
_FIRST_RETRY = 15.0  # seconds from the post to the first retry of its picture; each pause doubles the time waited


class PostEditor:
    """Edits posts to their newest revision; `turn` returns when the rate limit allows the next request."""

    def __init__(
        self,
        *,
        bot: discord.Client,
        store: Store,
        builder: MessageBuilder,
        omitted: Omitted,
        now: Callable[[], datetime],
        turn: Callable[[], Awaitable[None]],
    ) -> None:
        self._bot = bot
        self._store = store
        self._builder = builder
        self._omitted = omitted
        self._now = now
        self._wait_for_turn = turn

    async def edit(self, post: Delivery, known: KnownJob | None) -> None:
        """Edit a post to its newest revision, or mark it as shown where no reader would see a difference.

        Raises `UploadTimeout`, what discord.py and aiohttp raise, or `TimeoutError`.
        """
        if post.message_id is None or known is None:  # only a notice has no job, and none is edited
            await self._store.outbox.mark_edited(post, 0, picture=True)
            return
        channel = self._bot.get_partial_messageable(post.destination.channel_id, guild_id=post.destination.guild_id)
        message = channel.get_partial_message(post.message_id)
        match post.kind:
            case DeliveryKind.STATUS_CARD:
                await self._edit_status_card(post, known, message)
            case DeliveryKind.RESULT | DeliveryKind.STARBOARD_POST:
                await self._edit_result(post, known, message)
            case DeliveryKind.SPLIT:
                await self._edit_split(post, known, message)
            case DeliveryKind.NOTICE:
                await self._store.outbox.mark_edited(post, 0, picture=True)

    # --- cards ------------------------------------------------------------------------------------------------------

    async def _edit_status_card(self, status_card: Delivery, known: KnownJob, message: discord.PartialMessage) -> None:
        if known.job.over:
            await self._end_status_card(status_card, known, message)
            return
        subscriptions = await self._store.subscriptions.in_channel(known.id, status_card.destination.channel_id)
        if not subscriptions:
            await self._shorten(status_card, known, message)
            if not await self._store.outbox.retire(status_card):
                await self._store.outbox.mark_edited(status_card, _EDIT_PAUSE)
            return
        if self._now() - discord.utils.snowflake_time(message.id) > _EDIT_STATUS_CARDS_FOR:
            await self._store.outbox.mark_edited(status_card, 0)
            return
        await self._wait_for_turn()
        async with asyncio.timeout(timeout_seconds()):
            async with self._builder.message(status_card, known, self._omitted.of(status_card)) as new:
                # `attachments` replaces the earlier preview
                await message.edit(content=None, embed=new.embed, view=new.view, attachments=open_files(new))
        await self._store.outbox.mark_edited(status_card, _EDIT_PAUSE)

    async def _end_status_card(self, status_card: Delivery, known: KnownJob, message: discord.PartialMessage) -> None:
        """Delete the card of a finished job once its result is posted; without a result, the card says how it ended."""
        result = await self._store.deliveries.newest_result(known.id, status_card.destination.channel_id)
        if result is not None and result.state in {DeliveryState.WAITING, DeliveryState.SENDING}:
            await self._store.outbox.mark_edited(status_card, 0)  # the result, once posted, raises the revision again
        elif result is None or result.state is DeliveryState.UNDELIVERABLE:
            await self._shorten(status_card, known, message)
            await self._store.outbox.mark_edited(status_card, _EDIT_PAUSE)
        else:
            await self._delete(status_card, message)

    async def _shorten(self, status_card: Delivery, known: KnownJob, message: discord.PartialMessage) -> None:
        await self._wait_for_turn()
        async with asyncio.timeout(timeout_seconds()):
            text = self._builder.final_status_text(known, self._omitted.of(status_card))
            await message.edit(content=text, embed=None, view=None, attachments=[])

    async def _delete(self, status_card: Delivery, message: discord.PartialMessage) -> None:
        """Delete a card; after a crash before the row says so, Discord answers that it is unknown, as for an edit."""
        await self._wait_for_turn()
        async with asyncio.timeout(timeout_seconds()):
            await message.delete()
        await self._store.outbox.drop(status_card)
        log.info("Deleted the status card: its result is posted")

    # --- results, starboard posts and splits --------------------------------------------------------------------------

    async def _edit_result(self, post: Delivery, known: KnownJob, message: discord.PartialMessage) -> None:
        lacks_picture = post.picture_until is not None
        if lacks_picture and await self._settle_picture(post, known, message):
            return
        if post.revision > post.posted_revision:
            await self._wait_for_turn()
            async with asyncio.timeout(timeout_seconds()):  # what is not named stays: the embed and its picture
                await message.edit(**await self._changed_parts(post, known))
        if lacks_picture:
            await self._retry_picture_later(post)
        else:
            await self._store.outbox.mark_edited(post, _EDIT_PAUSE)

    async def _changed_parts(self, post: Delivery, known: KnownJob) -> dict[str, Any]:
        """What of a post changes after it was sent, as of now: a result's buttons, a starboard post's text."""
        if post.kind is DeliveryKind.STARBOARD_POST:
            text = await self._builder.starboard_text(post, known, self._omitted.of(post))
            return {"content": text, "allowed_mentions": discord.AllowedMentions.none()}
        return {"view": await self._builder.view(post, known)}

    async def _edit_split(self, post: Delivery, known: KnownJob, message: discord.PartialMessage) -> None:
        if post.picture_until is None:
            await self._store.outbox.mark_edited(post, 0)
        elif not await self._settle_picture(post, known, message):
            await self._retry_picture_later(post)

    async def _settle_picture(self, post: Delivery, known: KnownJob, message: discord.PartialMessage) -> bool:
        """Retry the missing picture, or a split's four; return whether that is settled: added, or given up.

        A grid with an empty quarter is added at the last try only: an edit that adds a picture is the only one.
        """
        async with self._builder.message(post, known, self._omitted.of(post)) as whole:
            if whole.files and not (whole.retry_picture and self._seconds_left(post) > 0):
                await self._wait_for_turn()
                try:
                    async with asyncio.timeout(timeout_seconds(whole)):
                        await message.edit(
                            **_text_beside_picture(whole),
                            view=whole.view,
                            attachments=open_files(whole),
                            allowed_mentions=discord.AllowedMentions.none(),  # the client's own do not apply to edits
                        )
                except discord.HTTPException as refusal:
                    if await remember_size_limit(self._store, post.destination, whole, refusal):
                        return False
                    raise
                except TimeoutError:
                    raise UploadTimeout from None
                log.info("Added the picture that was late")
                await self._store.outbox.mark_edited(post, _EDIT_PAUSE, picture=True)
                return True
        if whole.retry_picture and self._seconds_left(post) > 0:
            return False
        await self._store.outbox.mark_edited(
            msgspec.structs.replace(post, revision=post.posted_revision), 0, picture=True
        )
        return True

    def _seconds_left(self, post: Delivery) -> float:
        """The seconds until the last try; no more than after a post, also where the clock was set back since then."""
        assert post.picture_until is not None
        return min((post.picture_until - self._now()).total_seconds(), PICTURE_RETRY_SECONDS)

    async def _retry_picture_later(self, post: Delivery) -> None:
        """Each pause is as long as all before it together; the last try is at `picture_until`."""
        left = self._seconds_left(post)
        pause = min(max(PICTURE_RETRY_SECONDS - left, _FIRST_RETRY), max(left, 0.0))
        await self._store.outbox.mark_edited(post, pause, picture_for=left)


def _text_beside_picture(message: Message) -> dict[str, Any]:
    """What says that the picture is missing: a result's embed, or a split's line."""
    return {"content": message.content} if message.embed is None else {"embed": message.embed}

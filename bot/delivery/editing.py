"""What happens to posts that stand: a card follows its job, a result gets its links and a picture that came late."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import discord
import msgspec

from bot.delivery.sending import UploadTimeout
from bot.delivery.uploads import learn_limit, open_files, patience
from bot.discord_codes import POST_GONE
from bot.messages import PICTURE_RETRY_SECONDS, MessageBuilder
from bot.models import Delivery, DeliveryKind, KnownJob
from bot.store import Store

log = logging.getLogger(__name__)

_EDIT_PAUSE = 5.0  # seconds between two edits of one post
_EDITS_UNTIL = timedelta(minutes=50)  # Discord limits edits of messages older than an hour (`OLD_MESSAGE_EDIT_LIMIT`)
_FIRST_TRY = 15.0  # seconds after the post; each pause for its picture is as long as all before it


class PostEditor:
    """Brings posts up to date; `turn` waits for a request's place in the queue of all."""

    def __init__(
        self,
        *,
        bot: discord.Client,
        store: Store,
        builder: MessageBuilder,
        now: Callable[[], datetime],
        turn: Callable[[], Awaitable[None]],
    ) -> None:
        self._bot = bot
        self._store = store
        self._builder = builder
        self._now = now
        self._turn = turn

    async def edit(self, post: Delivery, known: KnownJob) -> None:
        """Bring a post up to date, or let it be where nobody would see the difference; raises what Discord answers."""
        if post.message_id is None or post.kind not in {DeliveryKind.CARD, DeliveryKind.RESULT}:
            await self._store.shown(post, 0, picture=True)
            return
        channel = self._bot.get_partial_messageable(post.destination.channel_id, guild_id=post.destination.guild_id)
        message = channel.get_partial_message(post.message_id)
        try:
            await (self._card if post.kind is DeliveryKind.CARD else self._result)(post, known, message)
        except discord.NotFound as answer:
            if post.kind is DeliveryKind.RESULT and answer.code not in POST_GONE:
                raise
            await self._store.drop(post)  # deleted by hand; whatever else is owed goes its own way

    # --- cards ------------------------------------------------------------------------------------------------------

    async def _card(self, card: Delivery, known: KnownJob, message: discord.PartialMessage) -> None:
        watched = await self._store.subscriptions(card.job_id, card.destination.channel_id)
        ended = known.job.over or not watched
        age = self._now() - discord.utils.snowflake_time(message.id)
        coming = known.job.over and await self._store.open_result(known.id, card.destination.channel_id) is not None
        if coming or (not ended and age > _EDITS_UNTIL):
            await self._store.shown(card, 0)
            return
        await self._turn()
        async with asyncio.timeout(patience()):
            if ended:
                words = await self._builder.final_card_text(card, known)
                await message.edit(content=words, embed=None, view=None, attachments=[])
            else:
                async with self._builder.message(card, known) as new:
                    # the files stand in the place of the preview before
                    await message.edit(content=None, embed=new.embed, view=new.view, attachments=open_files(new))
        if known.job.over or not ended or not await self._store.retire(card):
            await self._store.shown(card, _EDIT_PAUSE)

    # --- results ----------------------------------------------------------------------------------------------------

    async def _result(self, post: Delivery, known: KnownJob, message: discord.PartialMessage) -> None:
        waits = post.picture_until is not None
        if waits and await self._gets_its_picture(post, known, message):
            return
        if post.revision > post.posted_revision:
            await self._turn()
            async with asyncio.timeout(patience()):  # what is not named stays: the embed and its picture
                await message.edit(view=await self._builder.view(post, known))
        await self._store.shown(post, self._next_try(post) if waits else _EDIT_PAUSE)

    async def _gets_its_picture(self, post: Delivery, known: KnownJob, message: discord.PartialMessage) -> bool:
        """Try once more to give a post its picture; whether that settled the post, one way or the other."""
        async with self._builder.message(post, known) as whole:
            if whole.files:
                await self._turn()
                try:
                    async with asyncio.timeout(patience(whole)):
                        await message.edit(
                            embed=whole.embed,
                            view=whole.view,
                            attachments=open_files(whole),
                            allowed_mentions=discord.AllowedMentions.none(),  # which the client's own do not reach here
                        )
                except discord.HTTPException as refusal:
                    if not await learn_limit(self._store, post.destination, whole, refusal):
                        raise
                    return False
                except TimeoutError:
                    raise UploadTimeout from None
                log.info("The picture came late")
                await self._store.shown(post, _EDIT_PAUSE, picture=True)
                return True
        if whole.retry_picture and self._left(post) > 0:
            return False
        await self._store.shown(msgspec.structs.replace(post, revision=post.posted_revision), 0, picture=True)
        return True

    def _left(self, post: Delivery) -> float:
        assert post.picture_until is not None
        return (post.picture_until - self._now()).total_seconds()

    def _next_try(self, post: Delivery) -> float:
        """Seconds: each pause is as long as all before it, and the last try falls on the end."""
        left = self._left(post)
        return min(max(PICTURE_RETRY_SECONDS - left, _FIRST_TRY), max(left, 0.0))

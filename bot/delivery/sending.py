"""The one way in which a message is posted: looked for where it may stand, claimed, sent, marked."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import discord
import msgspec

from bot.delivery.history import History, shows_its_picture
from bot.delivery.uploads import learn_limit, open_files, patience
from bot.discord_codes import DiscordCode
from bot.messages import PICTURE_RETRY_SECONDS, Message, MessageBuilder
from bot.models import Delivery, DeliveryKind, DeliveryState, Fallback, KnownJob
from bot.store import Store

log = logging.getLogger(__name__)


class UploadTimeout(TimeoutError):
    """A send with files took longer than it may."""


class FileTooLarge(Exception):
    """Discord did not take the file, and a smaller copy may do."""


class MessageSender:
    """Posts deliveries; `turn` waits for a request's place in the queue of all."""

    def __init__(
        self, *, bot: discord.Client, store: Store, builder: MessageBuilder, turn: Callable[[], Awaitable[None]]
    ) -> None:
        self._bot = bot
        self._store = store
        self._builder = builder
        self._turn = turn
        self._history = History(bot)
        self._no_replies: set[int] = set()
        self.repeats = 0
        """Sends after the first, of all that was posted."""

    def no_replies_in(self, channel_id: int) -> None:
        """Note that a channel takes no replies."""
        self._no_replies.add(channel_id)

    def forget(self, delivery: Delivery) -> None:
        """Drop what was kept of a delivery that was given up."""
        self._history.forget(delivery)

    async def post(self, delivery: Delivery, known: KnownJob) -> None:
        """Post a message unless it stands already; raises what Discord answers, `UploadTimeout` or `FileTooLarge`."""
        if await self._stands(delivery, known):
            return
        async with self._builder.message(delivery, known) as message:
            claimed = await self._store.claim(delivery, pinged=bool(message.mentioned))
            if claimed is None:
                return
            try:
                message_id = await self._send(claimed, message)
            except discord.HTTPException as refusal:
                if not await learn_limit(self._store, delivery.destination, message, refusal):
                    raise
                raise FileTooLarge from refusal
            if delivery.state is DeliveryState.SENDING:  # perhaps Discord answered with what it had stored then
                claimed = _unseen(claimed)
            picture_for = PICTURE_RETRY_SECONDS if message.retry_picture else 0
            await self._store.posted(claimed, message_id, picture_for=picture_for)
            self.repeats += claimed.attempts - 1
        log.info("Posted the %s", claimed.kind)

    async def _stands(self, delivery: Delivery, known: KnownJob) -> bool:
        """Settle a row that may have been sent; `False` when it is to be sent (again)."""
        if delivery.state is DeliveryState.SENDING:
            message = await self._history.find(delivery, after=delivery.after_id)
        elif (after := await self._store.posted_since(delivery, known)) is not None:
            # A copy of the database was put back: perhaps a post of a time that it does not know, with its own nonce.
            message = await self._history.find(delivery, after=after, key=known.key)
        else:
            return False
        if message is not None:
            whole = (
                delivery.kind is not DeliveryKind.RESULT
                or delivery.fallback is not Fallback.NONE
                or shows_its_picture(message)
            )
            await self._store.posted(_unseen(delivery), message.id, picture_for=0 if whole else PICTURE_RETRY_SECONDS)
            self.repeats += max(delivery.attempts - 1, 0)
            log.info("Delivery %d had been posted before", delivery.id)
            return True
        if delivery.kind is DeliveryKind.CARD and known.job.over:
            await self._store.drop(delivery)
            return True
        return False

    async def _send(self, delivery: Delivery, message: Message) -> int | None:
        channel = self._bot.get_partial_messageable(
            delivery.destination.channel_id, guild_id=delivery.destination.guild_id
        )
        options: dict[str, Any] = {} if message.embed is None else {"embed": message.embed}
        if message.reply_to is not None and delivery.destination.channel_id not in self._no_replies:
            options["reference"] = discord.MessageReference(
                message_id=message.reply_to,
                channel_id=delivery.destination.channel_id,
                guild_id=delivery.destination.guild_id,
                fail_if_not_exists=False,
            )
        await self._turn()
        try:
            async with asyncio.timeout(patience(message)):
                sent = await channel.send(
                    message.content or None,
                    view=message.view,
                    files=open_files(message),
                    nonce=delivery.nonce,
                    silent=message.silent,
                    allowed_mentions=_only(message.mentioned),
                    **options,
                )
        except discord.NotFound as answer:
            if answer.code != DiscordCode.UNKNOWN_MESSAGE:
                raise
            return None  # the nonce is known: the message stood, and somebody deleted it
        except TimeoutError:
            if message.files:
                raise UploadTimeout from None
            raise
        return sent.id


def _unseen(delivery: Delivery) -> Delivery:
    """What the message shows was never noted: version 0, so that a card or a result is brought up to date."""
    return (
        msgspec.structs.replace(delivery, revision=0)
        if delivery.kind in {DeliveryKind.CARD, DeliveryKind.RESULT}
        else delivery
    )


def _only(user_ids: Sequence[int]) -> discord.AllowedMentions:
    return discord.AllowedMentions(
        everyone=False, roles=False, replied_user=False, users=[discord.Object(user_id) for user_id in user_ids[:100]]
    )

"""The protocol of a send: search for an earlier one, claim, send, mark as posted."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import discord
import msgspec

from bot.delivery.history import History, has_own_picture
from bot.delivery.omitted import Omitted
from bot.delivery.retry_policy import is_posted_and_deleted
from bot.delivery.uploads import open_files, remember_size_limit, timeout_seconds
from bot.messages import PICTURE_RETRY_SECONDS, Message, MessageBuilder
from bot.models import Delivery, DeliveryKind, DeliveryState, Fallback, KnownJob
from bot.request_count import counted_requests
from bot.store import Store

log = logging.getLogger(__name__)


class UploadTimeout(TimeoutError):
    """A send or edit with files got no answer in time."""


class SendRefused(Exception):
    """Discord answered a send with an error; `answer` is the error, `requests` how many requests the send became."""

    def __init__(self, answer: discord.HTTPException, requests: int) -> None:
        super().__init__(str(answer))
        self.answer = answer
        self.requests = requests


class FileTooLarge(SendRefused):
    """Discord refused the file for its size, and a smaller copy may be accepted."""


class MessageSender:
    """Posts deliveries; `turn` returns when the rate limit allows the next request."""

    def __init__(
        self,
        *,
        bot: discord.Client,
        store: Store,
        builder: MessageBuilder,
        omitted: Omitted,
        turn: Callable[[], Awaitable[None]],
    ) -> None:
        self._bot = bot
        self._store = store
        self._builder = builder
        self._omitted = omitted
        self._wait_for_turn = turn
        self._history = History(bot)
        self._no_replies: set[int] = set()  # channel ids
        self.repeats = 0
        """Sends beyond the first of each delivery, of all that were posted since the start."""

    def no_replies_in(self, channel_id: int) -> None:
        """Send messages in this channel without a reply reference from now on."""
        self._no_replies.add(channel_id)

    def forget(self, delivery: Delivery) -> None:
        """Drop what is kept in memory about a delivery."""
        self._history.forget(delivery)

    async def post(self, delivery: Delivery, known: KnownJob | None) -> bool:
        """Post the message, unless an earlier send did; only a notice may have no job.

        Returns whether it is posted: it may not be needed any more.

        Raises `SendRefused`, of these `FileTooLarge`; `UploadTimeout`, what discord.py and aiohttp raise, or
        `TimeoutError`.
        """
        settled = await self._settle_earlier_send(delivery, known)
        if settled is not None:
            return settled is DeliveryState.POSTED
        async with self._builder.message(delivery, known, self._omitted.of(delivery)) as message:
            if message.needless:
                await self._store.outbox.drop(delivery)
                log.info("Dropped the %s: what it is about is gone", delivery.kind)
                return False
            claimed = await self._store.outbox.claim(delivery, pinged=bool(message.mentioned))
            if claimed is None:
                return False
            message_id = await self._send(claimed, message, before=delivery)
            if delivery.state is DeliveryState.SENDING:  # the answer may be the message of the earlier send
                claimed = _with_unknown_revision(claimed)
            picture_for = PICTURE_RETRY_SECONDS if message.retry_picture else 0
            await self._store.outbox.mark_posted(claimed, message_id, picture_for=picture_for)
            self.repeats += claimed.attempts - 1
        log.info("Posted the %s", claimed.kind)
        return True

    async def _settle_earlier_send(self, delivery: Delivery, known: KnownJob | None) -> DeliveryState | None:
        """Return how the delivery ended: POSTED by an earlier send, or DROPPED; `None`: it is still to be sent.

        Raises as `History.find` does.
        """
        if delivery.state is DeliveryState.SENDING:
            message = await self._history.find(delivery, after=delivery.after_id)
        elif known is None:
            return None
        elif (after := await self._store.deliveries.posted_since(delivery, known)) is not None:
            # The database was restored from a copy: after it was made, the result may have been posted under a nonce
            # that the copy does not have.
            message = await self._history.find(delivery, after=after, key=known.key)
        else:
            return None
        if message is not None:
            lacks_picture = (
                delivery.kind in {DeliveryKind.RESULT, DeliveryKind.SPLIT, DeliveryKind.STARBOARD_POST}
                and delivery.fallback is Fallback.NONE
                and not has_own_picture(message)
            )
            picture_for = PICTURE_RETRY_SECONDS if lacks_picture else 0
            await self._store.outbox.mark_posted(_with_unknown_revision(delivery), message.id, picture_for=picture_for)
            self.repeats += max(delivery.attempts - 1, 0)
            log.info("Delivery %d was already posted", delivery.id)
            return DeliveryState.POSTED
        if delivery.kind is DeliveryKind.STATUS_CARD and known is not None and known.job.over:
            await self._store.outbox.drop(delivery)
            return DeliveryState.DROPPED
        return None

    async def _send(self, claimed: Delivery, message: Message, *, before: Delivery) -> int | None:
        """Send one message; return its id, or `None` where it was posted before and has been deleted since.

        `before`: the delivery as it was before its claim. Raises as `post` does.
        """
        with counted_requests() as requests:
            try:
                return await self._post(claimed, message)
            except discord.HTTPException as answer:
                if is_posted_and_deleted(before, answer.code, requests.number):
                    return None
                smaller = await remember_size_limit(self._store, before.destination, message, answer)
                raise (FileTooLarge if smaller else SendRefused)(answer, requests.number) from answer

    async def _post(self, delivery: Delivery, message: Message) -> int:
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
        await self._wait_for_turn()
        try:
            async with asyncio.timeout(timeout_seconds(message)):
                sent = await channel.send(
                    message.content or None,
                    view=message.view,
                    files=open_files(message),
                    nonce=delivery.nonce,
                    silent=message.silent,
                    allowed_mentions=_mentions(message.mentioned),
                    **options,
                )
        except TimeoutError:
            if message.files:
                raise UploadTimeout from None
            raise
        return sent.id


def _with_unknown_revision(delivery: Delivery) -> Delivery:
    """The delivery as revision 0, so that its post is edited next, if it ever is: what it shows is not known."""
    if delivery.kind in {DeliveryKind.STATUS_CARD, DeliveryKind.RESULT, DeliveryKind.STARBOARD_POST}:
        return msgspec.structs.replace(delivery, revision=0)
    return delivery


def _mentions(user_ids: Sequence[int]) -> discord.AllowedMentions:
    """Allow mentions of these users only; Discord accepts at most 100."""
    return discord.AllowedMentions(
        everyone=False, roles=False, replied_user=False, users=[discord.Object(user_id) for user_id in user_ids[:100]]
    )

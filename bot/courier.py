"""Outbox to Discord: posts every delivery exactly once and keeps the cards true. Alone sends nonces, and knows 10008.

The protocol for one message, and which way a crash falls:

    claim     the row says SENDING            crash before: nothing was sent, the row is sent later
    send      Discord stores the message      crash before: the look finds nothing, the row is sent again
    mark      the row says POSTED             crash before: the look, or the nonce, finds the message

So a row that says SENDING when it is taken up may have been sent. Two layers answer that, each covering the other's
gap: a look into the channel's history for the delivery's own nonce, which its buttons carry; then sending with the
same nonce again, which Discord answers with the first message for "a few minutes".
"""

import asyncio
import json
import logging
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import discord
import msgspec

from bot import buttons
from bot.alarm import Alarm
from bot.alerts import Alert
from bot.budget import Budget
from bot.errors import StoreTrouble
from bot.jobs import Delivery, Kind, KnownJob, Shape, State
from bot.messages import Message, Writer
from bot.store import Store

log = logging.getLogger(__name__)

_PATIENCE = 25.0  # seconds that one send may take, plus its files' bytes at
_SLOW_UPLINK = 64 * 1024  # bytes a second
_LONGEST_PAUSE = 300.0
_GIVE_UP_AFTER = timedelta(minutes=30)  # a channel that is away this long,
_GIVE_UP_TRIES = 10  # and was tried this often: the bot itself, or the clock, may have been away
_EDIT_FOR = timedelta(hours=24)  # a card that may not be edited
_BROKEN_PAUSE = 5.0
_EDIT_PAUSE = 5.0  # seconds between two edits of one card
_EDITS_UNTIL = timedelta(minutes=50)  # Discord limits edits of messages older than an hour (30046)

_POSTED_THEN_DELETED = 10008
_TOO_LARGE = 40005
_OLD_EDITS = 30046  # too many edits of an old message; an answer 429 that is about this message alone
_NO_REPLY = 160002  # a reply wants Read Message History
_GONE = {10003, 10004, 50001, 50083, 160005}  # unknown channel or server, no access, archived or locked thread
_FORBIDDEN = 50013
_TRANSIENT = (
    discord.RateLimited,
    aiohttp.ClientError,  # is no DiscordException
    json.JSONDecodeError,
    OSError,  # a TimeoutError is one
)


class _TooSlow(TimeoutError):
    """A send with files took longer than it may."""


class Courier:
    """The delivering loop; one `run()` for ever, or `deliver_once()` for one round.

    One message at a time per channel, channels side by side, results before edits.
    """

    def __init__(
        self,
        *,
        bot: discord.Client,
        store: Store,
        writer: Writer,
        now: Callable[[], datetime],
        budget: Budget,
        alert: Alert,
        rng: random.Random | None = None,
    ) -> None:
        self._bot = bot
        self._store = store
        self._writer = writer
        self._now = now
        self._budget = budget
        self._alert = alert
        self._rng = rng or random.Random()  # noqa: S311 -- jitter, no secret
        self._alarm = Alarm()
        self._next_turn = 0.0
        self._rounds: dict[int, asyncio.Task[None]] = {}
        self._no_replies: set[int] = set()
        self._looked: dict[int, int] = {}  # how far a look in a history came that took too long
        self._paused_until = 0.0
        self._closing = False

    def ring(self) -> None:
        """Look into the outbox now."""
        self._alarm.ring()

    async def run(self) -> None:
        """Deliver for ever; a cancellation lets each channel finish the message in hand."""
        self._closing = False
        try:
            while True:
                await self._dispatch()
                await self._alarm.sleep(await self._wait(), *self._rounds.values())
        finally:
            self._closing = True
            if self._rounds:
                await asyncio.wait(self._rounds.values())

    async def deliver_once(self) -> None:
        """Send and edit everything that is due, and return when it is done."""
        await self._dispatch()
        while self._rounds:
            await asyncio.wait(self._rounds.values())
            self._sweep()

    async def _dispatch(self) -> None:
        self._sweep()
        if asyncio.get_running_loop().time() < self._paused_until:
            return
        due: defaultdict[int, list[Delivery]] = defaultdict(list)
        for delivery in (*await self._store.open_deliveries(), *await self._store.cards_to_edit()):
            due[delivery.place.channel_id].append(delivery)
        for channel_id, deliveries in due.items():
            if channel_id not in self._rounds:
                self._rounds[channel_id] = asyncio.create_task(self._serve(deliveries))

    def _sweep(self) -> None:
        for channel_id, task in list(self._rounds.items()):
            if task.done():
                del self._rounds[channel_id]
                if (bug := task.exception()) is not None:  # not even the trouble could be written down
                    if not isinstance(bug, StoreTrouble):  # of which the store itself tells
                        log.error("The round for channel %d broke off", channel_id, exc_info=bug)
                    self._pause(_BROKEN_PAUSE)

    async def _wait(self) -> float:
        """Seconds until there is something new to do; what is due already waits for its channel's round to end."""
        pause = self._paused_until - asyncio.get_running_loop().time()
        when = await self._store.next_delivery()
        wait = _LONGEST_PAUSE if when is None else (when - self._now()).total_seconds()
        # Never longer than the longest pause: a wall clock that was set back must not hold up a delivery. Never
        # nothing: a due time may lie between two ticks of the clock, and waiting for it must not spin.
        return pause if pause > 0 else min(max(wait, 0.001), _LONGEST_PAUSE)

    def _pause(self, seconds: float) -> None:
        self._paused_until = asyncio.get_running_loop().time() + seconds

    async def _serve(self, deliveries: list[Delivery]) -> None:
        """The due messages of one channel, in order; trouble with one ends the round for the channel."""
        for delivery in deliveries:
            if self._closing:
                return
            try:
                if delivery.state is State.POSTED:
                    await self._edit(delivery)
                else:
                    await self._post(delivery)
            except _TRANSIENT as trouble:
                await self._again(delivery, trouble)
                return
            except discord.HTTPException as refusal:
                if refusal.status >= 500:
                    await self._again(delivery, refusal)
                    return
                if not await self._refused(delivery, refusal):
                    return
            except StoreTrouble:
                raise
            except Exception:
                log.exception("Delivery %d failed in an unexpected way; it is kept", delivery.id)
                await self._store.put_off(delivery, _LONGEST_PAUSE, "unexpected, see the log")
                return

    # --- posting ----------------------------------------------------------------------------------------------------

    async def _post(self, delivery: Delivery) -> None:
        known = await self._store.known(delivery.job_id)
        if delivery.state is State.SENDING and await self._was_sent(delivery, known):
            return
        async with self._writer.message(delivery, known) as message:
            claimed = await self._store.claim(delivery)
            if claimed is None:
                return
            message_id = await self._send(claimed, message)
            await self._store.posted(claimed, message_id)
        self._alert(f"channel {delivery.place.channel_id}", "")
        log.info("Posted the %s of #%s in channel %d", claimed.kind, known.key, claimed.place.channel_id)

    async def _was_sent(self, delivery: Delivery, known: KnownJob) -> bool:
        """Settle a row whose send was never answered; `False` when it is to be sent (again)."""
        message_id = await self._find(delivery)
        if message_id is not None:
            # What it shows was never noted: version 0, so that a card is brought up to date.
            await self._store.posted(msgspec.structs.replace(delivery, wanted=0), message_id)
            log.info("Delivery %d had been posted before", delivery.id)
            return True
        if delivery.kind is Kind.CARD and known.job.over:
            await self._store.drop(delivery)
            return True
        return False

    async def _find(self, delivery: Delivery) -> int | None:
        """The delivery's message in the channel's history, from the snowflake of its first claim on.

        Without Read Message History Discord shows an empty one; then the nonce alone protects.
        """
        channel = self._bot.get_partial_messageable(delivery.place.channel_id, guild_id=delivery.place.guild_id)
        after = self._looked.get(delivery.id, delivery.after_id)
        found = None
        async with asyncio.timeout(4 * _PATIENCE):
            async for message in channel.history(limit=None, after=discord.Object(after), oldest_first=True):
                self._looked[delivery.id] = message.id
                if any(delivery.nonce in custom_id for custom_id in buttons.custom_ids(message)):
                    found = message.id
                    break
        self._looked.pop(delivery.id, None)
        return found

    async def _send(self, delivery: Delivery, message: Message) -> int | None:
        channel = self._bot.get_partial_messageable(delivery.place.channel_id, guild_id=delivery.place.guild_id)
        options: dict[str, Any] = {} if message.embed is None else {"embed": message.embed}
        if message.reply_to is not None and delivery.place.channel_id not in self._no_replies:
            options["reference"] = discord.MessageReference(
                message_id=message.reply_to,
                channel_id=delivery.place.channel_id,
                guild_id=delivery.place.guild_id,
                fail_if_not_exists=False,
            )
        await self._turn()
        try:
            async with asyncio.timeout(_PATIENCE + message.size / _SLOW_UPLINK):
                sent = await channel.send(
                    message.content or None,
                    view=message.view,
                    files=_files(message),
                    nonce=delivery.nonce,
                    silent=message.silent,
                    allowed_mentions=_only(message.mentioned),
                    **options,
                )
        except discord.NotFound as answer:
            if answer.code != _POSTED_THEN_DELETED:
                raise
            return None  # the nonce is known: the message stood, and somebody deleted it
        except TimeoutError:
            if message.files:
                raise _TooSlow from None
            raise
        return sent.id

    async def _turn(self) -> None:
        """Wait for this request's place in the queue: evenly spaced, because a burst would double the first second."""
        now = asyncio.get_running_loop().time()
        turn = max(now, self._next_turn)
        self._next_turn = turn + self._budget.spacing
        if turn > now:
            await asyncio.sleep(turn - now)

    # --- the card ---------------------------------------------------------------------------------------------------

    async def _edit(self, card: Delivery) -> None:
        """Bring a card up to date, or let it be where nobody would see the difference."""
        known = await self._store.known(card.job_id)
        assert card.message_id is not None
        message = self._bot.get_partial_messageable(
            card.place.channel_id, guild_id=card.place.guild_id
        ).get_partial_message(card.message_id)
        watched = await self._store.watches(card.job_id, card.place.channel_id)
        ended = known.job.over or not watched
        age = self._now() - discord.utils.snowflake_time(card.message_id)
        coming = known.job.over and await self._store.open_result(known.id, card.place.channel_id) is not None
        if coming or (not ended and age > _EDITS_UNTIL):
            await self._store.shown(card, 0)
            return
        await self._turn()
        try:
            async with asyncio.timeout(_PATIENCE):
                if ended:
                    await message.edit(
                        content=await self._writer.last_card(card, known), embed=None, view=None, attachments=[]
                    )
                else:
                    async with self._writer.message(card, known) as new:
                        files = _files(new)  # in the place of the preview before
                        await message.edit(content=None, embed=new.embed, view=new.view, attachments=files)
        except discord.NotFound:
            await self._store.drop(card)  # the card, or its channel, is gone; the result goes its own way
            return
        if ended and not known.job.over:
            await self._store.drop(card)  # it has had its last word here; who asks again gets a new one
        else:
            await self._store.shown(card, _EDIT_PAUSE)

    # --- trouble ----------------------------------------------------------------------------------------------------

    async def _again(self, delivery: Delivery, trouble: BaseException) -> None:
        """Nobody knows whether Discord took it: the row stays SENDING, and is settled before the next send."""
        timed_out = isinstance(trouble, _TooSlow)
        shape = delivery.shape
        if timed_out and delivery.timeouts and shape is Shape.WHOLE:
            shape = Shape.NO_FILE  # twice too slow: the uplink does not carry the file
        pause = min(_LONGEST_PAUSE, 2.0 ** min(delivery.attempts + 1, 10)) * self._rng.uniform(0.5, 1.0)
        name = type(trouble).__name__
        log.warning("Delivery %d met trouble (%s), again in %.0f s", delivery.id, name, pause)
        await self._store.put_off(delivery, pause, name, timed_out=timed_out, shape=shape)

    async def _refused(self, delivery: Delivery, refusal: discord.HTTPException) -> bool:
        """Discord said no, so nothing was posted this time. Whether the channel's next message may be tried now."""
        trouble = f"HTTP {refusal.status}, code {refusal.code}"
        level = logging.DEBUG if trouble == delivery.trouble else logging.WARNING  # said once, not at every try
        log.log(level, "Discord refused delivery %d: %s", delivery.id, trouble)
        if (
            refusal.status in {401, 429} and refusal.code != _OLD_EDITS
        ):  # the token, or Cloudflare: everything stops for a while
            self._pause(pause := _LONGEST_PAUSE if refusal.status == 429 else 60.0)
            await self._refused_for(delivery, pause, trouble)
            return False
        if delivery.state is State.POSTED:
            await self._edit_refused(delivery, trouble)
            return True
        if refusal.code == _NO_REPLY:
            self._no_replies.add(delivery.place.channel_id)
            await self._refused_for(delivery, 0, trouble)
        elif refusal.code == _FORBIDDEN or refusal.status == 413 or refusal.code == _TOO_LARGE:
            await self._degrade(delivery, trouble)
        elif refusal.code in _GONE or refusal.status in {403, 404}:
            await self._wait_for_channel(delivery, trouble)
        else:
            await self._poison(delivery, trouble)
        self.ring()
        return False

    async def _edit_refused(self, card: Delivery, trouble: str) -> None:
        # Old messages take few edits an hour (30046), rights come back: a day of tries is what a card is worth.
        if card.shape is Shape.WHOLE:  # perhaps it is the preview
            await self._store.put_off(card, _EDIT_PAUSE, trouble, shape=Shape.NO_FILE)
        elif card.gone_since is not None and self._now() - card.gone_since > _EDIT_FOR:
            await self._store.shown(card, _EDIT_PAUSE)
        else:
            away = timedelta() if card.gone_since is None else self._now() - card.gone_since
            pause = 120.0 if away < _GIVE_UP_AFTER else 3600.0
            await self._store.put_off(card, pause, trouble, gone=True)

    async def _refused_for(
        self, delivery: Delivery, pause: float, trouble: str, *, shape: Shape | None = None, gone: bool = False
    ) -> None:
        # An earlier send that was never answered is not undone by this refusal: such a row stays SENDING.
        unsent = delivery.state is State.WAITING
        await self._store.put_off(delivery, pause, trouble, unsent=unsent, shape=shape, gone=gone)

    async def _degrade(self, delivery: Delivery, trouble: str) -> None:
        last = Shape.TEXT if delivery.kind is Kind.RESULT else Shape.NO_FILE
        if delivery.shape < last:
            await self._refused_for(delivery, 0, trouble, shape=Shape(delivery.shape + 1))
        else:
            await self._wait_for_channel(delivery, trouble)

    async def _wait_for_channel(self, delivery: Delivery, trouble: str) -> None:
        if delivery.kind is Kind.CARD:
            await self._store.drop(delivery)  # the result will say more than the card could
        elif (
            delivery.gone_since is not None
            and self._now() - delivery.gone_since > _GIVE_UP_AFTER
            and delivery.attempts >= _GIVE_UP_TRIES
        ):
            log.error("Delivery %d is undeliverable: the channel stayed away for half an hour", delivery.id)
            await self._give_up(delivery, trouble)
        else:  # whole again: when the rights come back, the picture comes too
            await self._refused_for(delivery, 60.0, trouble, shape=Shape.WHOLE, gone=True)

    async def _poison(self, delivery: Delivery, trouble: str) -> None:
        """Discord will never take it as it is: plain text once, then the row is kept for the admin."""
        if delivery.kind is Kind.CARD:
            await self._store.drop(delivery)
        elif delivery.shape is not Shape.TEXT:
            await self._refused_for(delivery, 0, trouble, shape=Shape.TEXT)
        else:
            log.error("Delivery %d is undeliverable: Discord refuses even plain text (%s)", delivery.id, trouble)
            await self._give_up(delivery, trouble)

    async def _give_up(self, delivery: Delivery, trouble: str) -> None:
        self._looked.pop(delivery.id, None)
        await self._store.give_up(delivery, trouble)
        self._alert(
            f"channel {delivery.place.channel_id}",
            f"Results cannot be posted in <#{delivery.place.channel_id}> ({trouble}). They are kept: when I may post "
            "there again, somebody who manages that server can send them with `/darkroom status`.",
        )


def _files(message: Message) -> list[discord.File]:
    """The files, open; discord.py closes them."""
    return [discord.File(file.picture.path, filename=file.name, description=file.description) for file in message.files]


def _only(user_ids: Sequence[int]) -> discord.AllowedMentions:
    return discord.AllowedMentions(
        everyone=False, roles=False, replied_user=False, users=[discord.Object(user_id) for user_id in user_ids[:100]]
    )

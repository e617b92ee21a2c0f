"""The delivering loop: what is due and in which order, and what follows from trouble."""

import asyncio
import json
import logging
import random
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime

import aiohttp
import discord

from bot import logs
from bot.delivery import retry_policy
from bot.delivery.editing import PostEditor
from bot.delivery.rate_limits import DiscordRateLimits
from bot.delivery.retry_policy import Action, Decision
from bot.delivery.sending import FileTooLarge, MessageSender, UploadTimeout
from bot.errors import StoreUnavailable
from bot.messages import MessageBuilder
from bot.models import Delivery, DeliveryKind, DeliveryState
from bot.models.alert import AlertName, AlertSink
from bot.store import Store
from bot.wakeup import Wakeup

log = logging.getLogger(__name__)

_LONGEST_PAUSE = 300.0
_BROKEN_PAUSE = 5.0
_CARDS_IN_A_ROW = 3  # cards, and edits: Discord takes about one a second in a channel, and a result must not wait long
_TRANSIENT = (
    discord.RateLimited,
    aiohttp.ClientError,  # is no DiscordException
    json.JSONDecodeError,
    OSError,  # a TimeoutError is one
)


class Dispatcher:
    """The delivering loop; one `run()` for ever, or `deliver_once()` for one round.

    One message at a time per channel, channels side by side, results before edits.
    """

    def __init__(
        self,
        *,
        bot: discord.Client,
        store: Store,
        builder: MessageBuilder,
        now: Callable[[], datetime],
        rate_limits: DiscordRateLimits,
        alerts: AlertSink,
        rng: random.Random | None = None,
    ) -> None:
        self._bot = bot
        self._store = store
        self._builder = builder
        self._now = now
        self._alerts = alerts
        self._rng = rng or random.Random()  # noqa: S311 -- jitter, no secret
        self._sender = MessageSender(bot=bot, store=store, builder=builder, turn=rate_limits.wait_for_turn)
        self._editor = PostEditor(bot=bot, store=store, builder=builder, now=now, turn=rate_limits.wait_for_turn)
        self._wakeup = Wakeup()
        self._rounds: dict[int, asyncio.Task[None]] = {}
        self._paused_until = 0.0
        self._closing = False
        self.in_hand: dict[int, float] = {}
        """The channels that are being served, and since when (of the loop's clock) their present message is."""

    @property
    def paused(self) -> bool:
        """Whether everything waits because Discord asked for it, or because the database refused."""
        return asyncio.get_running_loop().time() < self._paused_until

    @property
    def repeats(self) -> int:
        """Sends after the first, of all that was posted since the start."""
        return self._sender.repeats

    def set(self) -> None:
        """Look into the outbox now."""
        self._wakeup.set()

    async def run(self) -> None:
        """Deliver for ever; a cancellation lets each channel finish the message in hand."""
        self._closing = False
        try:
            while True:
                looked_at = self._now()
                await self._dispatch()
                await self._wakeup.sleep(await self._wait(looked_at), *self._rounds.values())
        finally:
            self._closing = True
            if self._rounds:
                await asyncio.wait(self._rounds.values())

    async def deliver_once(self) -> None:
        """Send and edit what is due, of each channel's cards and edits the first, and return when it is done."""
        await self._dispatch()
        while self._rounds:
            await asyncio.wait(self._rounds.values())
            self._sweep()

    async def _dispatch(self) -> None:
        self._sweep()
        if self.paused:
            return
        due: defaultdict[int, list[Delivery]] = defaultdict(list)
        for delivery in (*await self._store.outbox.due(), *await self._store.outbox.to_edit()):
            due[delivery.destination.channel_id].append(delivery)
        for channel_id, deliveries in due.items():
            if channel_id not in self._rounds:
                self._rounds[channel_id] = asyncio.create_task(self._serve(deliveries))

    def _sweep(self) -> None:
        for channel_id, task in list(self._rounds.items()):
            if task.done():
                del self._rounds[channel_id]
                self.in_hand.pop(channel_id, None)
                if (bug := task.exception()) is not None:  # not even the trouble could be written down
                    if not isinstance(bug, StoreUnavailable):  # of which the store itself tells
                        log.error("The round for channel %d broke off", channel_id, exc_info=bug)
                    self._pause(_BROKEN_PAUSE)

    async def _wait(self, looked_at: datetime) -> float:
        """Seconds until there is something new to do; what was due then waits for its channel's round to end."""
        pause = self._paused_until - asyncio.get_running_loop().time()
        when = await self._store.outbox.next_due(looked_at)
        wait = _LONGEST_PAUSE if when is None else (when - self._now()).total_seconds()
        # Never longer than the longest pause: a wall clock that was set back must not hold up a delivery. Never
        # nothing: a due time may lie between two ticks of the clock, and waiting for it must not spin.
        return pause if pause > 0 else min(max(wait, 0.001), _LONGEST_PAUSE)

    def _pause(self, seconds: float) -> None:
        self._paused_until = max(self._paused_until, asyncio.get_running_loop().time() + seconds)

    async def _serve(self, deliveries: list[Delivery]) -> None:
        """The due messages of one channel, in order; trouble with one ends the round for the channel.

        A round has few cards and edits, so that the next one begins with the results that came meanwhile.
        """
        left = _CARDS_IN_A_ROW
        for delivery in deliveries:
            left -= delivery.kind is DeliveryKind.STATUS_CARD or delivery.state is DeliveryState.POSTED
            if self._closing or self.paused or left < 0:
                return
            logs.turn_to(destination=delivery.destination)
            self.in_hand[delivery.destination.channel_id] = asyncio.get_running_loop().time()
            try:
                await self._deliver(delivery)
            except _TRANSIENT as error:
                await self._again(delivery, error)
                return
            except discord.HTTPException as refusal:
                if refusal.status >= 500:
                    await self._again(delivery, refusal)
                    return
                if not await self._refused(delivery, refusal):
                    return
            except FileTooLarge:
                await self._carry_out(
                    delivery, Decision(unsent=delivery.state is DeliveryState.WAITING), "a file too large"
                )
                return
            except StoreUnavailable:
                raise
            except Exception:
                log.exception("Delivery %d failed in an unexpected way; it is kept", delivery.id)
                await self._store.outbox.retry_later(delivery, _LONGEST_PAUSE, "unexpected, see the log")
                return

    async def _deliver(self, delivery: Delivery) -> None:
        known = await self._store.jobs.get(delivery.job_id)
        logs.turn_to(key=known.key, destination=delivery.destination)
        if delivery.state is DeliveryState.POSTED:
            await self._editor.edit(delivery, known)
        else:
            await self._sender.post(delivery, known)
            self._alerts.close(AlertName.CHANNEL, subject=delivery.destination.channel_id)

    # --- trouble ----------------------------------------------------------------------------------------------------

    async def _again(self, delivery: Delivery, error: BaseException) -> None:
        upload_timeout = isinstance(error, UploadTimeout)
        decision = retry_policy.of_trouble(delivery, upload_timeout=upload_timeout, random=self._rng.random())
        name = type(error).__name__
        log.warning("Delivery %d met trouble (%s), again in %.0f s", delivery.id, name, decision.pause)
        await self._carry_out(delivery, decision, name, timed_out=upload_timeout)

    async def _refused(self, delivery: Delivery, refusal: discord.HTTPException) -> bool:
        """Discord said no. Whether the channel's next message may be tried now."""
        error = f"HTTP {refusal.status}, code {refusal.code}"
        level = logging.DEBUG if error == delivery.error else logging.WARNING  # said once, not at every try
        log.log(level, "Discord refused delivery %d: %s", delivery.id, error)
        decision = retry_policy.of_refusal(delivery, refusal.status, refusal.code, self._now())
        await self._carry_out(delivery, decision, error)
        if decision.halt:
            return False
        if delivery.state is DeliveryState.POSTED:
            return True
        self.set()
        return False

    async def _carry_out(self, delivery: Delivery, decision: Decision, error: str, *, timed_out: bool = False) -> None:
        if decision.halt:
            self._pause(decision.halt)
        if decision.no_replies:
            self._sender.no_replies_in(delivery.destination.channel_id)
        match decision.what:
            case Action.LET_BE:
                await self._store.outbox.mark_edited(delivery, decision.pause, picture=True)
            case Action.DROP:
                await self._store.outbox.drop(delivery)
            case Action.GIVE_UP:
                await self._give_up(delivery, decision.why, error)
            case Action.AGAIN:
                await self._store.outbox.retry_later(
                    delivery,
                    decision.pause,
                    error,
                    unsent=decision.unsent,
                    timed_out=timed_out,
                    fallback=decision.fallback,
                    gone=decision.gone,
                )

    async def _give_up(self, delivery: Delivery, why: str, error: str) -> None:
        self._sender.forget(delivery)
        if not await self._store.outbox.give_up(delivery, error):
            return  # dropped or posted while its send was under way: nothing is missing in the channel
        log.error("Delivery %d is undeliverable: %s (%s)", delivery.id, why, error)
        self._alerts.open(
            AlertName.CHANNEL,
            f"Results cannot be posted in <#{delivery.destination.channel_id}> ({error}). They are kept: when I may "
            "post there again, somebody who manages that server can send them with `/darkroom status`.",
            subject=delivery.destination.channel_id,
        )

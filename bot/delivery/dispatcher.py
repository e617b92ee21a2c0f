"""The loop that sends and edits what is due in the outbox, and acts on errors by the retry policy."""

import asyncio
import logging
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import NamedTuple

import discord

from bot import discord_internals, logs
from bot.delivery import retry_policy
from bot.delivery.editing import PostEditor
from bot.delivery.omitted import Omitted
from bot.delivery.rate_limits import DiscordRateLimits
from bot.delivery.repeated_failures import RepeatedFailures
from bot.delivery.retry_policy import Action, Decision, Refusal
from bot.delivery.sending import FileTooLarge, MessageSender, SendRefused, UploadTimeout
from bot.delivery.uploads import timeout_seconds
from bot.discord_codes import TIMED_OUT, DiscordCode, RefusalKind
from bot.discord_errors import REQUEST_ERRORS, UNANSWERED
from bot.errors import StoreUnavailable, StoreUnreadable
from bot.messages import MessageBuilder
from bot.models import Delivery, DeliveryKind, DeliveryState
from bot.models.alert import AlertName, AlertSink
from bot.store import Store
from bot.ui.posting_checks import Obstacle, Refused
from bot.wakeup import Wakeup

log = logging.getLogger(__name__)

_LONGEST_PAUSE = 300.0
_PAUSE_AFTER_BUG = 5.0  # seconds for which nothing is sent after a channel's round failed in an unexpected way
_MINOR_PER_ROUND = 3  # cards and edits of one channel: Discord takes about one a second, and results must not wait
_PARTS = frozenset({RefusalKind.FILE, RefusalKind.WORDS, RefusalKind.REPLY, RefusalKind.CONTENT})
"""What a message is posted without, or later in a simpler form: nothing that a member has to hear of."""
_NOT_POSTED = (
    "Results cannot be posted in <#{}> ({}). They are kept: once I can post there again, someone with Manage Server "
    "can send them with `/darkroom status`."
)
_DELETED = (
    "The channel or thread {} was deleted, so its results cannot be posted. They are kept: `/job` with a job's id "
    "posts it in another channel."
)

_STARRED_NOT_POSTED = (
    "Starred pictures cannot be posted in <#{}> ({}). They are kept: once I can post there again, someone with Manage "
    "Server can send them with `/darkroom status`."
)
_STARBOARD_DELETED = (
    "The channel {} for starred pictures was deleted, so they cannot be posted. Someone with Manage Server can choose "
    "another one in `/darkroom settings`; a picture is posted there with its next star."
)


class _ChannelWork(NamedTuple):
    """What one round works on: the sends to a channel, or the edits in it."""

    channel_id: int
    edits: bool


class Dispatcher:
    """Sends and edits the outbox's messages; `run()` is the loop.

    `on_refused` is called where a message cannot be posted now, or at all; `on_posted` when one is posted, and does not
    raise.

    Per channel one message is sent at a time, and one edited beside it, so that no result waits behind an edit that
    Discord limits. Channels are worked on in parallel.
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
        on_refused: Callable[[Delivery, Obstacle], None],
        on_posted: Callable[[Delivery], Awaitable[None]],
        rng: random.Random | None = None,
    ) -> None:
        self._bot = bot
        self._store = store
        self._builder = builder
        self._now = now
        self._alerts = alerts
        self._on_refused = on_refused
        self._on_posted = on_posted
        self._rng = rng or random.Random()  # noqa: S311 -- jitter, no secret
        self._omitted = Omitted()
        self._repeated_failures = RepeatedFailures()
        self._sender = MessageSender(
            bot=bot, store=store, builder=builder, omitted=self._omitted, turn=rate_limits.wait_for_turn
        )
        self._editor = PostEditor(
            bot=bot, store=store, builder=builder, omitted=self._omitted, now=now, turn=rate_limits.wait_for_turn
        )
        self._wakeup = Wakeup()
        self._rounds: dict[_ChannelWork, asyncio.Task[None]] = {}
        self._paused_until = 0.0
        self._closing = False
        self.busy_since: dict[int, float] = {}
        """Channel ids with a send under way, and the event loop's time when that send was begun."""

    @property
    def paused(self) -> bool:
        """Whether nothing is sent to any channel for now: Discord asked for it, or the database failed."""
        return asyncio.get_running_loop().time() < self._paused_until

    @property
    def repeats(self) -> int:
        """Sends beyond the first of each delivery, of all that were posted since the start."""
        return self._sender.repeats

    def wake(self) -> None:
        """Read the outbox now instead of at the next due time."""
        self._wakeup.set()

    async def run(self) -> None:
        """Deliver until cancelled; then each channel finishes the messages under way."""
        self._closing = False
        try:
            while True:
                checked_at = self._now()
                await self._start_rounds()
                await self._wakeup.sleep(await self._seconds_to_next(checked_at), *self._rounds.values())
        finally:
            self._closing = True
            if self._rounds:
                await asyncio.wait(self._rounds.values())

    async def _start_rounds(self) -> None:
        """Start a round for each channel with something to send, or to edit, and no such round under way."""
        self._collect_finished()
        if self.paused:
            return
        due: defaultdict[_ChannelWork, list[Delivery]] = defaultdict(list)
        for delivery in (*await self._store.outbox.due(), *await self._store.outbox.to_edit()):
            work = _ChannelWork(delivery.destination.channel_id, edits=delivery.state is DeliveryState.POSTED)
            due[work].append(delivery)
        for work, deliveries in due.items():
            if work not in self._rounds:
                self._rounds[work] = asyncio.create_task(self._deliver_round(work, deliveries))

    def _collect_finished(self) -> None:
        for work, task in list(self._rounds.items()):
            if task.done():
                del self._rounds[work]
                if not work.edits:
                    self.busy_since.pop(work.channel_id, None)
                if (bug := task.exception()) is not None:  # the error could not even be stored
                    if not isinstance(bug, StoreUnavailable):  # already logged and alerted by Database
                        log.error("The round for channel %d failed", work.channel_id, exc_info=bug)
                    self._pause(_PAUSE_AFTER_BUG)

    async def _seconds_to_next(self, checked_at: datetime) -> float:
        """Return the seconds until something falls due that was not yet at `checked_at`.

        What was due then is part of a round; the end of a round wakes the loop by itself.
        """
        pause = self._paused_until - asyncio.get_running_loop().time()
        when = await self._store.outbox.next_due(checked_at)
        wait = _LONGEST_PAUSE if when is None else (when - self._now()).total_seconds()
        # Capped, because a wall clock that was set back must not hold up a delivery. Not zero, because a due time may
        # lie between two ticks of the clock, and waiting for it must not spin.
        return pause if pause > 0 else min(max(wait, 0.001), _LONGEST_PAUSE)

    def _pause(self, seconds: float) -> None:
        self._paused_until = max(self._paused_until, asyncio.get_running_loop().time() + seconds)

    async def _deliver_round(self, work: _ChannelWork, deliveries: list[Delivery]) -> None:
        """Send, or edit, the due messages of one channel in order, up to the first that fails.

        A round holds few cards and edits, so that the next one begins with what arrived meanwhile.
        """
        minor = 0
        for delivery in deliveries:
            if delivery.kind is DeliveryKind.STATUS_CARD or delivery.state is DeliveryState.POSTED:
                minor += 1
            if self._closing or self.paused or minor > _MINOR_PER_ROUND:
                return
            logs.turn_to(destination=delivery.destination)
            if not work.edits:
                self.busy_since[work.channel_id] = asyncio.get_running_loop().time()
            if not await self._try(delivery):
                return

    async def _try(self, delivery: Delivery) -> bool:
        """Send or edit one message, and act on what goes wrong; return whether the channel's next may follow now."""
        try:
            await self._deliver(delivery)
        except UNANSWERED as error:
            await self._retry_later(delivery, error)
            return False
        except FileTooLarge as refused:
            unsent = retry_policy.is_unsent(delivery, refused.requests)
            await self._apply(delivery, Decision(unsent=unsent), "a file too large")
            return False
        except SendRefused as refused:
            return await self._handle_error_answer(delivery, refused.answer, refused.requests)
        except discord.HTTPException as answer:
            return await self._handle_error_answer(delivery, answer)
        except StoreUnreadable:  # already logged and alerted by Database; other messages may be readable
            await self._apply_failure(delivery, Decision(pause=_LONGEST_PAUSE), "it cannot be read")
            return False
        except StoreUnavailable:
            raise
        except Exception:
            log.exception("Delivery %d failed in an unexpected way; it is kept", delivery.id)
            await self._apply_failure(delivery, Decision(pause=_LONGEST_PAUSE), "unexpected, see the log")
            return False
        return True

    async def _deliver(self, delivery: Delivery) -> None:
        known = await self._store.jobs.find(delivery.job_id)
        key = logs.prompt_key(delivery.submission_id) if known is None else known.key
        logs.turn_to(key=key, destination=delivery.destination)
        if delivery.state is DeliveryState.POSTED:
            await self._editor.edit(delivery, known)
        else:
            posted = await self._sender.post(delivery, known)
            self._repeated_failures.note_posted(delivery)
            self._alerts.close(AlertName.DELIVERY, subject=delivery.id)
            if posted:
                self._alerts.close(AlertName.CHANNEL, subject=delivery.destination.channel_id)
            await self._on_posted(delivery)

    # --- errors -----------------------------------------------------------------------------------------------------

    async def _retry_later(self, delivery: Delivery, error: BaseException) -> None:
        upload_timeout = isinstance(error, UploadTimeout)
        decision = retry_policy.after_error(delivery, upload_timeout=upload_timeout, random=self._rng.random())
        name = type(error).__name__
        log.warning("Delivery %d failed (%s), next try in %.0f s", delivery.id, name, decision.pause)
        await self._apply_failure(delivery, decision, name, timed_out=upload_timeout)

    async def _apply_failure(
        self, delivery: Delivery, decision: Decision, error: str, *, timed_out: bool = False
    ) -> None:
        """Act on a failure that is an outage, unless others are posted meanwhile: then the message is reduced."""
        if delivery.state is not DeliveryState.POSTED and self._repeated_failures.note_failed(delivery):
            omitted = self._omitted.of(delivery).words
            decision = retry_policy.reduced_after_failures(delivery, decision, words_omitted=omitted)
            if retry_policy.is_late(delivery, self._now()):
                self._alert_about_late_message(delivery)
        await self._apply(delivery, decision, error, timed_out=timed_out)

    def _alert_about_late_message(self, delivery: Delivery) -> None:
        self._alerts.open(
            AlertName.DELIVERY,
            f"A message for <#{delivery.destination.channel_id}> has failed for more than an hour, while others are "
            f"posted. It is kept and retried; the log says why (delivery {delivery.id}).",
            subject=delivery.id,
        )

    async def _handle_error_answer(
        self, delivery: Delivery, answer: discord.HTTPException, requests: int | None = None
    ) -> bool:
        """Act on a 4xx or 5xx answer; return whether the channel's next message may follow now.

        `requests`: how many the send became; `None`: the answer was to an edit or a search.
        """
        if answer.status >= 500:
            await self._retry_later(delivery, answer)
            return False
        refusal = Refusal(status=answer.status, code=answer.code, from_discord=_is_from_discord(answer))
        error = str(refusal)
        level = logging.DEBUG if delivery.error.startswith(error) else logging.WARNING  # logged once, not at every try
        log.log(level, "Discord refused delivery %d: %s", delivery.id, error)
        decision = retry_policy.after_refusal(
            delivery,
            refusal,
            self._now(),
            requests=requests,
            words_omitted=self._omitted.of(delivery).words,
        )
        if decision.pause_all:
            await self._apply_failure(delivery, decision, error)
            return False
        if delivery.state is not DeliveryState.POSTED:
            until = await self._timed_out_until(delivery) if refusal.kind is RefusalKind.PERMISSION else None
            if until is not None:
                decision = retry_policy.after_time_out(delivery, decision, self._now(), until)
                error += TIMED_OUT
            stopped = decision.gone or decision.here or decision.action in {Action.DROP, Action.GIVE_UP}
            if stopped and (decision.action is Action.GIVE_UP or refusal.kind not in _PARTS):
                self._on_refused(delivery, Obstacle(until, Refused(refusal.status, refusal.code)))
        await self._apply(delivery, decision, error, deleted=refusal.code == DiscordCode.UNKNOWN_CHANNEL)
        if delivery.state is DeliveryState.POSTED:
            return True
        self.wake()
        return False

    async def _timed_out_until(self, delivery: Delivery) -> datetime | None:
        """Return when a moderator's time-out of the bot ends, which ends by itself; `None`: it is not timed out."""
        try:
            async with asyncio.timeout(timeout_seconds()):
                until = await discord_internals.timed_out_until(self._bot, delivery.destination.guild_id)
        except REQUEST_ERRORS:
            return None
        return None if until is None or until <= self._now() else until

    async def _apply(
        self, delivery: Delivery, decision: Decision, error: str, *, timed_out: bool = False, deleted: bool = False
    ) -> None:
        if decision.pause_all:
            self._pause(decision.pause_all)
        if decision.no_replies:
            self._sender.no_replies_in(delivery.destination.channel_id)
        if decision.omit_words or decision.why_no_file:
            self._omitted.add(delivery, words=decision.omit_words, why_no_file=decision.why_no_file)
        if decision.alert:
            self._alert_about_closed_channel(delivery, error)
        match decision.action:
            case Action.LEAVE:
                await self._store.outbox.mark_edited(delivery, decision.pause, picture=True)
            case Action.DROP:
                self._repeated_failures.forget(delivery)
                await self._store.outbox.drop(delivery)
                self._alerts.close(AlertName.DELIVERY, subject=delivery.id)
            case Action.GIVE_UP:
                await self._give_up(delivery, decision.reason, error, deleted=deleted)
            case Action.RETRY:
                await self._store.outbox.retry_later(
                    delivery,
                    decision.pause,
                    error,
                    unsent=decision.unsent,
                    timed_out=timed_out,
                    fallback=decision.fallback,
                    gone=decision.gone,
                    here=decision.here,
                )

    def _alert_about_closed_channel(self, delivery: Delivery, error: str) -> None:
        self._alerts.open(
            AlertName.CHANNEL,
            f"Nothing can be posted in <#{delivery.destination.channel_id}> for now ({error}): it is archived, locked "
            "or limited, or I am timed out there. Results for it are kept, and posted when that ends.",
            subject=delivery.destination.channel_id,
        )

    async def _give_up(self, delivery: Delivery, reason: str, error: str, *, deleted: bool) -> None:
        self._sender.forget(delivery)
        self._repeated_failures.forget(delivery)
        self._alerts.forget(AlertName.DELIVERY, {delivery.id})  # not over: it is never posted, which is said below
        if not await self._store.outbox.give_up(delivery, error):
            return  # dropped or posted while its send was under way: nothing is missing in the channel
        log.error("Delivery %d is undeliverable: %s (%s)", delivery.id, reason, error)
        channel_id = delivery.destination.channel_id
        starred = delivery.kind is DeliveryKind.STARBOARD_POST
        if deleted:  # nothing is ever posted there again, so an alert would have no end
            self._alerts.forget(AlertName.CHANNEL, {channel_id})
            if await self._store.deliveries.is_first_given_up(delivery, error):
                self._alerts.inform((_STARBOARD_DELETED if starred else _DELETED).format(channel_id))
        else:
            text = (_STARRED_NOT_POSTED if starred else _NOT_POSTED).format(channel_id, error)
            self._alerts.open(AlertName.CHANNEL, text, subject=channel_id)


def _is_from_discord(answer: discord.HTTPException) -> bool:
    """Whether the body is Discord's JSON; Cloudflare and proxies answer with a page or a line of text."""
    content_type = answer.response.headers.get("Content-Type", "application/json")
    return content_type.startswith("application/json")

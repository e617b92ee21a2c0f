"""Tells members at once, and in private, that what they were promised cannot be posted for now.

The token of an interaction takes private messages for 15 minutes. Tokens are kept in memory only: later, or after a
restart, `/jobs` shows what is not posted.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

import discord

from bot import discord_internals
from bot.discord_errors import REQUEST_ERRORS
from bot.errors import StoreUnavailable
from bot.models import Delivery, DeliveryKind
from bot.store import Store
from bot.ui.posting_checks import Obstacle
from bot.ui.posting_texts import not_posted_text, obstacle_text
from bot.wakeup import loop_time

log = logging.getLogger(__name__)

_TOKEN_SECONDS = 14.5 * 60  # Discord's 15 minutes, less what a request takes
_EARLY_SECONDS = 60.0  # how much earlier than the answer that promises it a message may be refused
_MAX_MEMBERS = 5000
_CLOSE_SECONDS = 0.3

_Member = tuple[int, int]
"""The ids of a server and of one of its members."""


class _Token(NamedTuple):
    token: str
    at: float


class RefusedPosts:
    """Keeps the newest interaction of each member, and uses it when Discord refuses a message that they wait for.

    `with_mentions` makes the commands in a text clickable, see `command_mentions`.
    """

    def __init__(self, client: discord.Client, store: Store, with_mentions: Callable[[str], str]) -> None:
        self._client = client
        self._store = store
        self._with_mentions = with_mentions
        self._tokens: dict[_Member, _Token] = {}
        self._early: dict[_Member, tuple[str, float]] = {}  # messages for members whose answer is still being sent
        self._notified: dict[tuple[int, int], tuple[str, float]] = {}  # by member and channel: the last reason
        self._splits: dict[tuple[int | None, int], int] = {}  # by job and channel: who pressed the button
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def remember(self, interaction: discord.Interaction) -> None:
        """Keep the token of an interaction that has been answered."""
        if interaction.guild_id is None or not interaction.response.is_done():
            return
        member = (interaction.guild_id, interaction.user.id)
        if len(self._tokens) >= _MAX_MEMBERS:
            now = loop_time()
            self._tokens = {each: token for each, token in self._tokens.items() if now - token.at < _TOKEN_SECONDS}
        self._tokens[member] = _Token(interaction.token, loop_time())
        self._forget_early()
        if member in self._early:
            text, _ = self._early.pop(member)
            self._start(self._send(member, text))

    def expect_split(self, job_id: int | None, channel_id: int, user_id: int) -> None:
        """Note who pressed "Split into four": there is no subscription to the four pictures."""
        if len(self._splits) >= _MAX_MEMBERS:
            self._splits.clear()
        self._splits[job_id, channel_id] = user_id

    def mark_notified(self, user_id: int, channel_id: int, obstacle: Obstacle) -> None:
        """Note that an answer to this member names the obstacle, so that it is not said again."""
        self._is_news(user_id, channel_id, obstacle_text(obstacle))

    def note(self, delivery: Delivery, obstacle: Obstacle) -> None:
        """Tell those who wait for a delivery, once for each reason, that Discord refused to take it."""
        self._start(self._notify(delivery, obstacle))

    async def idle(self) -> None:
        """Wait until all that was noted has been said."""
        await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        """End what is being said, after a moment; nothing is said any more. Discord's session must still be open."""
        self._closed = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_CLOSE_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _notify(self, delivery: Delivery, obstacle: Obstacle) -> None:
        known = await self._store.jobs.find(delivery.job_id)
        text = not_posted_text(None if known is None else known.key, delivery.destination.channel_id, obstacle)
        for user_id in await self._subscribers_of(delivery):
            if not self._is_news(user_id, delivery.destination.channel_id, obstacle_text(obstacle)):
                continue
            member = (delivery.destination.guild_id, user_id)
            if self._token_of(member) is not None:
                await self._send(member, text)
            else:
                self._forget_early()
                self._early[member] = (text, loop_time())

    async def _subscribers_of(self, delivery: Delivery) -> list[int]:
        if delivery.kind is DeliveryKind.STARBOARD_POST:
            return []
        if delivery.kind is DeliveryKind.SPLIT:
            presser = self._splits.get((delivery.job_id, delivery.destination.channel_id))
            return [] if presser is None else [presser]
        if delivery.kind is DeliveryKind.NOTICE and delivery.submission_id is not None:
            submission = await self._store.history.by_id(delivery.submission_id)
            return [] if submission is None else [submission.person.id]
        here = await self._store.subscriptions.in_channel(delivery.job_id, delivery.destination.channel_id)
        return [subscription.person.id for subscription in here]

    def _forget_early(self) -> None:
        now = loop_time()
        self._early = {each: early for each, early in self._early.items() if now - early[1] < _EARLY_SECONDS}

    def _is_news(self, user_id: int, channel_id: int, reason: str) -> bool:
        if len(self._notified) >= _MAX_MEMBERS:
            now = loop_time()
            self._notified = {
                each: notified for each, notified in self._notified.items() if now - notified[1] < _TOKEN_SECONDS
            }
        before, at = self._notified.get((user_id, channel_id), ("", 0.0))
        self._notified[user_id, channel_id] = (reason, loop_time())
        return before != reason or loop_time() - at >= _TOKEN_SECONDS

    def _token_of(self, member: _Member) -> str | None:
        token, at = self._tokens.get(member, ("", 0.0))
        return token if token and loop_time() - at < _TOKEN_SECONDS else None

    async def _send(self, member: _Member, text: str) -> None:
        token = self._token_of(member)
        if token is None or self._client.application_id is None:
            return
        content = self._with_mentions(text)
        try:
            await discord_internals.send_private(self._client, self._client.application_id, token, content)
        except REQUEST_ERRORS as error:
            log.info("Could not tell a member that nothing is posted for now (%s)", type(error).__name__)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        if self._closed:
            work.close()
            return
        task = asyncio.create_task(_logged(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _logged(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except StoreUnavailable:
        pass  # already logged and alerted by Database
    except Exception:
        log.exception("Could not tell who waits for a refused message")

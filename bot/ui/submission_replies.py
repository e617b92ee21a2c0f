"""Tells pressers how their press stands: in private while Discord allows that, else by a notice in the channel."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

import aiohttp
import discord

from bot import discord_internals, formatting, logs
from bot.discord_codes import PRIVATE_ANSWER_GONE
from bot.models import DeliveryKind, Submission, SubmissionState
from bot.store import Store
from bot.ui.interactions import jump

log = logging.getLogger(__name__)

_TOKEN_LIVES = timedelta(minutes=15)
_TOLD_BY_ITS_RESULT = {SubmissionState.ACCEPTED}


class SubmissionReplies:
    """The private answers to presses, edited by the token of the interaction, which also works after a restart."""

    def __init__(
        self, *, bot: discord.Client, store: Store, deliver_soon: Callable[[], None], now: Callable[[], datetime]
    ) -> None:
        self._bot = bot
        self._store = store
        self._deliver_soon = deliver_soon
        self._now = now

    async def tell(self, submission: Submission, held: str | None) -> None:
        """Say how a press stands; `held` is why the line does not move. How it ended is said for certain.

        What Discord does not take now, the line has said again later: the press is not noted as told.
        """
        logs.turn_to(key=(await self._store.jobs.get(submission.parent_id)).key, destination=submission.destination)
        over = submission.state not in {SubmissionState.QUEUED, SubmissionState.SENT, SubmissionState.UNCONFIRMED}
        try:
            told = await self._in_private(submission, await self._words(submission, held))
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            log.info("Discord did not take what became of press %d (%s)", submission.id, type(error).__name__)
            return
        if not over:
            return
        if told or submission.state in _TOLD_BY_ITS_RESULT:
            await self._store.submissions.mark_notified(submission)
        else:
            await self._store.submissions.notify_in_channel(submission)
            self._deliver_soon()

    async def _in_private(self, submission: Submission, words: str) -> bool:
        token = await self._store.submissions.interaction_token(submission)
        if not token or self._bot.application_id is None or self._now() - submission.created_at > _TOKEN_LIVES:
            return False
        payload = {"content": words[:2000], "components": [], "allowed_mentions": {"parse": []}}
        try:
            await discord_internals.edit_original_response(self._bot, self._bot.application_id, token, payload)
        except discord.HTTPException as refusal:
            if refusal.code in PRIVATE_ANSWER_GONE or refusal.status in {401, 403, 404}:
                return False
            raise
        return True

    async def _words(self, submission: Submission, held: str | None) -> str:
        match submission.state:
            case SubmissionState.QUEUED | SubmissionState.SENT:
                return formatting.queued(
                    submission, position=await self._store.queue.position(submission), pause_reason=held or None
                )
            case SubmissionState.UNCONFIRMED:
                return formatting.unconfirmed(submission)
            case SubmissionState.REPEATED:
                return await self._used(submission)
            case SubmissionState.DECLINED:
                return formatting.declined(submission)
            case _:
                return formatting.ended(submission)

    async def _used(self, submission: Submission) -> str:
        post = (
            None
            if submission.child_id is None
            else await self._store.deliveries.post_of(submission.child_id, submission.destination.channel_id)
        )
        if post is None or post.message_id is None:
            return formatting.repeated(submission, None, done=False)
        return formatting.repeated(
            submission, jump(post.destination, post.message_id), done=post.kind is DeliveryKind.RESULT
        )

"""Notifies pressers of the state of their submission: in private while Discord allows that, else by a notice."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import cast

import discord

from bot import discord_internals, formatting, logs
from bot.discord_codes import PRIVATE_ANSWER_GONE, DiscordCode
from bot.discord_errors import REQUEST_ERRORS
from bot.formatting.captions import CONTENT_LIMIT
from bot.models import INTERACTION_TOKEN_LIFETIME, OPEN_SUBMISSIONS, DeliveryKind, Submission, SubmissionState
from bot.store import Store
from bot.ui.accepted_answers import AcceptedAnswers
from bot.ui.command_mentions import replace_commands
from bot.ui.interactions import Bot, jump
from bot.ui.posting_texts import timed_out_text

log = logging.getLogger(__name__)

_NEVER_ANSWERED = frozenset({DiscordCode.UNKNOWN_WEBHOOK, DiscordCode.UNKNOWN_INTERACTION})


class SubmissionReplies:
    """The private answers to presses, edited with the interaction's token, which also works after a restart."""

    def __init__(
        self,
        *,
        bot: discord.Client,
        store: Store,
        accepted_answers: AcceptedAnswers,
        deliver_soon: Callable[[], None],
        now: Callable[[], datetime],
    ) -> None:
        self._accepted_answers = accepted_answers
        self._bot = bot
        self._store = store
        self._deliver_soon = deliver_soon
        self._now = now

    async def is_visible(self, submission: Submission) -> bool | None:
        """Whether Discord shows the presser that the submission was taken; `None` where it does not say.

        Until an interaction is answered its webhook is unknown (10015); a message that is unknown (10008) was there,
        and was dismissed: https://github.com/discordjs/discord.js/pull/10587
        """
        token = await self._store.submissions.interaction_token(submission)
        if not token or self._bot.application_id is None:
            return None
        try:
            answer = await discord_internals.get_original_response(self._bot, self._bot.application_id, token)
        except discord.HTTPException as refusal:
            if refusal.code in _NEVER_ANSWERED:
                return False
            if refusal.code == DiscordCode.UNKNOWN_MESSAGE:
                return not submission.takes_time  # else "thinking…" may be what was dismissed
            return None
        except REQUEST_ERRORS as error:
            log.debug("The answer to submission %d could not be read (%s)", submission.id, type(error).__name__)
            return None
        return formatting.is_taken(str(answer.get("content")))  # else it was answered with an error

    async def notify(self, submission: Submission, pause_reason: str | None) -> None:
        """Say in what state a submission is; `pause_reason` is a sentence on why the queue is paused, if it is.

        A final state is said for certain: if Discord cannot be reached, the submission is not marked notified and the
        queue calls this again later; if the private answer cannot be edited any more, a notice is posted. No notice
        is needed where a job's status card and result follow, or where Discord itself said that the press failed.
        """
        parent = await self._store.jobs.find(submission.parent_id)
        key = logs.prompt_key(submission.id) if parent is None else parent.key
        logs.turn_to(key=key, destination=submission.destination)
        try:
            answered = await self._edit_answer(submission, await self._text(submission, pause_reason))
        except REQUEST_ERRORS as error:
            log.info("Could not notify the presser of submission %d (%s)", submission.id, type(error).__name__)
            return
        if submission.state in OPEN_SUBMISSIONS:
            return
        if answered and submission.state is SubmissionState.ACCEPTED:
            self._accepted_answers.keep(submission, await self._store.submissions.interaction_token(submission))
        failed_visibly = submission.state is SubmissionState.CANCELLED and not self._is_expired(submission)
        if answered or failed_visibly or submission.state is SubmissionState.ACCEPTED:
            await self._store.submissions.mark_notified(submission)
        else:
            await self._store.submissions.notify_in_channel(submission)
            self._deliver_soon()

    async def _edit_answer(self, submission: Submission, text: str) -> bool:
        """Edit the private answer; whether it could still be edited."""
        token = await self._store.submissions.interaction_token(submission)
        if not token or self._bot.application_id is None or self._is_expired(submission):
            return False
        content = replace_commands(text, cast(Bot, self._bot).command_mentions)[:CONTENT_LIMIT]
        payload = {"content": content, "components": [], "allowed_mentions": {"parse": []}}
        try:
            await discord_internals.edit_original_response(self._bot, self._bot.application_id, token, payload)
        except discord.HTTPException as refusal:
            if refusal.code in PRIVATE_ANSWER_GONE or refusal.status in {401, 403, 404}:
                return False
            raise
        return True

    def _is_expired(self, submission: Submission) -> bool:
        return self._now() - submission.created_at > INTERACTION_TOKEN_LIFETIME

    async def _text(self, submission: Submission, pause_reason: str | None) -> str:
        match submission.state:
            case SubmissionState.QUEUED | SubmissionState.SENT:
                position = await self._store.queue.position(submission)
                limit = await self._store.queue.exceeded_running_limit(submission)
                reason = pause_reason if limit is None else formatting.running_limit(limit)
                return formatting.queued(submission, position=position, reason=reason)
            case SubmissionState.UNCONFIRMED:
                return formatting.unconfirmed(submission)
            case SubmissionState.REPEATED:
                return await self._repeated_text(submission)
            case SubmissionState.DECLINED:
                return await self._declined_text(submission)
            case SubmissionState.ACCEPTED:
                checks = cast(Bot, self._bot).posting_checks
                until = await checks.timed_out_until(submission.destination.guild_id)
                waits = "" if until is None else timed_out_text(until)
                return f"{formatting.ended(submission)} {waits}".strip()
            case _:
                return formatting.ended(submission)

    async def _declined_text(self, submission: Submission) -> str:
        text = formatting.declined(submission)
        shut = await self._store.members.shut_out(submission.destination.guild_id, submission.person.id)
        if shut is None or not shut.applies_to(by_moderator=submission.by_moderator):
            return text
        return f"{text}\n{formatting.shut_out(shut)}"

    async def _repeated_text(self, submission: Submission) -> str:
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

"""The private answers "V1 is on its way": deleted once the job's status card is posted, which says more."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

import discord

from bot import discord_internals
from bot.discord_errors import REQUEST_ERRORS
from bot.models import INTERACTION_TOKEN_LIFETIME, Delivery, DeliveryKind, Submission

log = logging.getLogger(__name__)

_MAX_ANSWERS = 1000
_TIMEOUT_SECONDS = 5.0  # the card's channel waits for the deletion


class AcceptedAnswers:
    """The newest thousand of them, by job and channel; kept in memory, because one that stays does no harm."""

    def __init__(self, *, bot: discord.Client, now: Callable[[], datetime]) -> None:
        self._bot = bot
        self._now = now
        self._kept: dict[tuple[int, int], tuple[str, datetime]] = {}  # job and channel id -> token and its time

    def keep(self, submission: Submission, token: str | None) -> None:
        """Note the answer to an accepted submission, by its interaction's token."""
        if token and submission.child_id is not None:
            self._kept[submission.child_id, submission.destination.channel_id] = token, submission.created_at
        while len(self._kept) > _MAX_ANSWERS:
            self._kept.pop(next(iter(self._kept)))

    async def delete(self, posted: Delivery) -> None:
        """Delete the answer about the job whose status card was just posted; a failure is only logged."""
        if posted.kind is not DeliveryKind.STATUS_CARD or posted.job_id is None:
            return
        token, since = self._kept.pop((posted.job_id, posted.destination.channel_id), (None, None))
        expired = since is None or self._now() - since > INTERACTION_TOKEN_LIFETIME
        if token is None or expired or self._bot.application_id is None:
            return
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                await discord_internals.delete_original_response(self._bot, self._bot.application_id, token)
        except REQUEST_ERRORS as error:
            log.info("Could not delete an answer that a status card has replaced (%s)", type(error).__name__)

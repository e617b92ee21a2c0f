"""Tells pressers how their press stands: in private while Discord allows that, else by a notice in the channel."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

import aiohttp
import discord
from discord.http import Route

from bot import formatting, logs
from bot.discord_codes import PRIVATE_ANSWER_GONE
from bot.models.job import Kind, Press, PressState
from bot.store import Store
from bot.ui.interactions import jump

log = logging.getLogger(__name__)

_TOKEN_LIVES = timedelta(minutes=15)
_TOLD_BY_ITS_RESULT = {PressState.MADE}


class Answers:
    """The private answers to presses, edited by the token of the interaction, which also works after a restart."""

    def __init__(
        self, *, bot: discord.Client, store: Store, deliver_soon: Callable[[], None], now: Callable[[], datetime]
    ) -> None:
        self._bot = bot
        self._store = store
        self._deliver_soon = deliver_soon
        self._now = now

    async def tell(self, press: Press, held: str) -> None:
        """Say how a press stands; `held` is why the line does not move. How it ended is said for certain.

        What Discord does not take now, the line has said again later: the press is not noted as told.
        """
        logs.turn_to(key=(await self._store.known(press.parent_id)).key, destination=press.destination)
        over = press.state not in {PressState.QUEUED, PressState.ASKED, PressState.UNKNOWN}
        try:
            told = await self._in_private(press, await self._words(press, held))
        except (discord.DiscordException, aiohttp.ClientError, OSError) as trouble:
            log.info("Discord did not take what became of press %d (%s)", press.id, type(trouble).__name__)
            return
        if not over:
            return
        if told or press.state in _TOLD_BY_ITS_RESULT:
            await self._store.told(press)
        else:
            await self._store.tell_by_notice(press)
            self._deliver_soon()

    async def _in_private(self, press: Press, words: str) -> bool:
        token = await self._store.answer_token(press)
        if not token or self._bot.application_id is None or self._now() - press.pressed_at > _TOKEN_LIVES:
            return False
        route = Route(
            "PATCH",
            "/webhooks/{webhook_id}/{webhook_token}/messages/@original",
            webhook_id=self._bot.application_id,
            webhook_token=token,
        )
        try:  # by hand: discord.py edits answers of interactions only while it holds the interaction
            await self._bot.http.request(
                route, json={"content": words[:2000], "components": [], "allowed_mentions": {"parse": []}}
            )
        except discord.HTTPException as refusal:
            if refusal.code in PRIVATE_ANSWER_GONE or refusal.status in {401, 403, 404}:
                return False
            raise
        return True

    async def _words(self, press: Press, held: str) -> str:
        match press.state:
            case PressState.QUEUED | PressState.ASKED:
                return formatting.waits(press, destination=await self._store.position_in_queue(press), held=held)
            case PressState.UNKNOWN:
                return formatting.looked_for(press)
            case PressState.USED:
                return await self._used(press)
            case PressState.DECLINED:
                return formatting.declined(press)
            case _:
                return formatting.ended(press)

    async def _used(self, press: Press) -> str:
        post = (
            None if press.child_id is None else await self._store.post_of(press.child_id, press.destination.channel_id)
        )
        if post is None or post.message_id is None:
            return formatting.used(press, "", done=False)
        return formatting.used(press, jump(post.destination, post.message_id), done=post.kind is Kind.RESULT)

"""The only builder: opens everything from the outside in, and closes it from the inside out."""

import logging
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import discord

from bot.alerts import Alerts
from bot.client import Darkroom
from bot.delivery import Dispatcher
from bot.errors import StoreError
from bot.images import ImageClient
from bot.messages import MessageBuilder
from bot.models import KnownJob
from bot.models.alert import AlertName
from bot.ops.maintenance import Maintenance
from bot.polling import Poller, WebhookInbox
from bot.providers.useapi import UseapiClient
from bot.settings import Settings, callback_secret
from bot.store import open_store
from bot.submissions import SubmissionQueue
from bot.ui.permissions import postable_destination
from bot.ui.submission_replies import SubmissionReplies

if TYPE_CHECKING:
    from bot.ops.metrics import Metrics

log = logging.getLogger(__name__)


@asynccontextmanager
async def open_darkroom(
    settings: Settings, *, now: Callable[[], datetime] = discord.utils.utcnow, always_sync: bool = False
) -> AsyncIterator[Darkroom]:
    """A bot that is ready to log in; `now` is the wall clock, which may jump.

    Raises `StartError` where the database or HEALTH_PORT cannot be opened.
    """
    metrics = _metrics(settings)
    traces = [] if metrics is None else [metrics.useapi]
    async with (
        open_store(settings.data_dir, now) as store,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trace_configs=traces) as session,
        ImageClient(hosts=settings.image_hosts) as pictures,
    ):
        api = UseapiClient(
            session=session,
            url=settings.useapi_url,
            token=settings.useapi_token.reveal(),
            reply_url=settings.callback_url,
        )
        async with Darkroom(settings=settings, store=store, api=api, always_sync=always_sync) as bot:
            store.on_health(partial(_on_store_health, bot.alerts))
            builder = MessageBuilder(
                bot=bot,
                store=store,
                pictures=pictures,
                folder=_emptied(settings.data_dir / "tmp"),
                ping_after=settings.ping_after,
                now=now,
                alerts=bot.alerts,
            )
            bot.dispatcher = Dispatcher(
                bot=bot,
                store=store,
                builder=builder,
                now=now,
                rate_limits=bot.rate_limits,
                alerts=bot.alerts,
            )
            bot.poller = Poller(
                api=api,
                store=store,
                poll_seconds=settings.poll_seconds,
                concurrency=settings.poll_concurrency,
                now=now,
                on_recorded=bot.dispatcher.set,
                on_job_over=lambda: bot.submissions.slot_freed(),
                alerts=bot.alerts,
            )
            bot.webhooks = WebhookInbox(
                api=api,
                store=store,
                poll_soon=bot.poller.poll_soon,
                destination_of=partial(postable_destination, bot, guilds=settings.allowed_guilds),
                on_subscribed=partial(_adopted, bot),
            )
            answers = SubmissionReplies(bot=bot, store=store, deliver_soon=bot.deliver_soon, now=now)
            bot.submissions = SubmissionQueue(
                api=api,
                store=store,
                poll_child=partial(_pressed, bot),
                notify=lambda submission: answers.tell(submission, bot.submissions.pause_reason),
                deliver_soon=bot.dispatcher.set,
                alerts=bot.alerts,
                queue_limit=settings.press_queue,
                now=now,
                is_served=lambda guild_id: settings.allowed_guilds is None or guild_id in settings.allowed_guilds,
            )
            maintenance = Maintenance(
                store=store,
                data_dir=settings.data_dir,
                backups=settings.backups,
                keep_days=settings.keep_days,
                now=now,
                alerts=bot.alerts,
            )
            bot.background = {
                "poller": bot.poller.run,
                "submission queue": bot.submissions.run,
                "dispatcher": bot.dispatcher.run,
                "maintenance": maintenance.run,
            }
            if metrics is not None:
                metrics.follow_discord(bot.rate_limits.trace)
                bot.web.append(partial(_pages, bot, metrics, now))
            if settings.callback_url:
                bot.web.append(partial(_callbacks, bot))
            try:
                yield bot
            finally:
                await bot.alerts.close_down()


def _on_store_health(alerts: Alerts, trouble: str) -> None:
    """Open the database's alert with a sentence; an empty one closes it."""
    if trouble:
        alerts.open(AlertName.DATABASE, trouble)
    else:
        alerts.close(AlertName.DATABASE)


def _metrics(settings: Settings) -> "Metrics | None":
    """What counts, where somebody may ask for it; else not even its package is imported."""
    if settings.health_port is None:
        return None
    from bot.ops.metrics import Metrics

    return Metrics()


def _pressed(bot: Darkroom, child: KnownJob) -> None:
    """Follow what a press has made; useapi may have called about it before it answered the press."""
    bot.poller.add(child, sooner=True)
    bot.webhooks.job_added(child)


def _adopted(bot: Darkroom, known: KnownJob) -> None:
    """Follow a job that asked for it by itself."""
    bot.poller.add(known)
    bot.webhooks.job_added(known)
    bot.deliver_soon()


@asynccontextmanager
async def _pages(bot: Darkroom, metrics: "Metrics", now: Callable[[], datetime]) -> AsyncIterator[None]:
    """Tell how the bot does."""
    from bot.ops.health import Health
    from bot.ops.health_routes import HealthRoutes
    from bot.ops.server import serve

    host, port = bot.settings.health_host, bot.settings.health_port or 0
    pages = HealthRoutes(bot, Health(bot, now), metrics, now)
    async with serve(pages.routes(), host=host, port=port, setting="HEALTH_PORT") as chosen:
        log.info("Health and metrics are told on http://%s:%d", host, chosen)
        yield


@asynccontextmanager
async def _callbacks(bot: Darkroom) -> AsyncIterator[None]:
    """Serve the webhook endpoint; it closes before its `WebhookInbox`, so that no call is answered and then lost."""
    from bot.ops.server import serve
    from bot.ops.webhook_routes import WebhookRoutes

    host, port = bot.settings.webhook_host, bot.settings.webhook_port or 0
    callbacks = WebhookRoutes(bot.webhooks, callback_secret(bot.settings.useapi_token))
    try:
        async with serve(callbacks.routes(), host=host, port=port, setting="WEBHOOK_PORT"):
            log.info("useapi.net may call %s, which leads to http://%s:%d", bot.settings.public_url, host, port)
            bot.webhooks.catch_up()
            yield
    finally:
        await bot.webhooks.close()


def _emptied(folder: Path) -> Path:
    """A folder for files on their way; what a killed bot left there goes. The store's lock says that it is ours."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise StoreError(f"The folder {folder} cannot be made: {error.strerror}. Is something in its place?") from None
    return folder

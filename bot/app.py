"""Composition root: builds all parts, and closes them in reverse order, intake first."""

import logging
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import discord

from bot.alerts import Alerts
from bot.client import Darkroom
from bot.delivery import Dispatcher
from bot.errors import StoreError
from bot.images import ImageClient
from bot.messages import MessageBuilder
from bot.models.alert import AlertName
from bot.ops.maintenance import Maintenance
from bot.ops.releases import repository_of
from bot.ops.updates import UpdateNotice
from bot.provider_clients import open_providers
from bot.provider_stack import build_stacks
from bot.settings import Settings
from bot.store import open_store
from bot.ui.accepted_answers import AcceptedAnswers
from bot.ui.command_mentions import replace_commands
from bot.ui.refused_posts import RefusedPosts

if TYPE_CHECKING:
    from bot.ops.metrics import Metrics

log = logging.getLogger(__name__)


@asynccontextmanager
async def open_darkroom(
    settings: Settings, *, now: Callable[[], datetime] = discord.utils.utcnow, always_sync: bool = False
) -> AsyncIterator[Darkroom]:
    """Yield a bot that is ready to log in; `now` is the wall clock, which may jump.

    Raises `StartError` if the database cannot be opened.
    """
    metrics = _metrics(settings)
    async with (
        open_store(settings.data_dir, now) as store,
        open_providers(settings, None if metrics is None else metrics.follow_provider, now) as providers,
        ImageClient(hosts=settings.image_hosts) as pictures,
        Darkroom(settings=settings, store=store, providers=providers, always_sync=always_sync) as bot,
    ):
        store.on_health(partial(_on_store_health, bot.alerts))
        builder = MessageBuilder(
            bot=bot,
            store=store,
            pictures=pictures,
            folder=_create_empty(settings.data_dir / "tmp"),
            ping_after=settings.ping_after,
            now=now,
            alerts=bot.alerts,
        )
        bot.pictures = pictures
        bot.refused_posts = RefusedPosts(bot, store, lambda text: replace_commands(text, bot.command_mentions))
        bot.after_background.append(bot.refused_posts.close)  # when the dispatcher notes no more
        bot.accepted_answers = AcceptedAnswers(bot=bot, now=now)
        bot.dispatcher = Dispatcher(
            bot=bot,
            store=store,
            builder=builder,
            now=now,
            rate_limits=bot.rate_limits,
            alerts=bot.alerts,
            on_refused=bot.refused_posts.note,
            on_posted=bot.accepted_answers.delete,
        )
        build_stacks(bot, now=now)
        maintenance = Maintenance(
            store=store,
            data_dir=settings.data_dir,
            backups=settings.backups,
            keep_days=settings.keep_days,
            now=now,
            alerts=bot.alerts,
            joined=bot.joined_servers,
        )
        bot.background |= {"dispatcher": bot.dispatcher.run, "maintenance": maintenance.run}
        if (repository := repository_of(settings.update_check)) is not None:
            bot.background["update notice"] = UpdateNotice(
                repository=repository,
                store=store,
                now=now,
                on_newer=partial(setattr, bot, "newer_release"),
                notify=bot.alerts.inform,
            ).run
        if metrics is not None:
            metrics.follow_discord(bot.rate_limits.trace)
            bot.web.append(partial(_serve_health, bot, metrics, now))
        if settings.webhooks:
            bot.web.append(partial(_serve_webhooks, bot))
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
    """Return the metrics, or `None` without `HEALTH_PORT`; their package is imported only with it."""
    if settings.health_port is None:
        return None
    from bot.ops.metrics import Metrics

    return Metrics()


@asynccontextmanager
async def _serve_health(bot: Darkroom, metrics: "Metrics", now: Callable[[], datetime]) -> AsyncIterator[None]:
    """Serve `/healthz` and `/metrics`; raises `StartError` if the port cannot be opened."""
    from bot.ops.health import Health
    from bot.ops.health_routes import HealthRoutes
    from bot.ops.server import serve

    host, port = bot.settings.health_host, bot.settings.health_port or 0
    health = HealthRoutes(bot, Health(bot, now), metrics, now)
    async with serve(health.routes(), host=host, port=port, setting="HEALTH_PORT") as opened_port:
        log.info("Serving health and metrics on http://%s:%d", host, opened_port)
        yield


@asynccontextmanager
async def _serve_webhooks(bot: Darkroom) -> AsyncIterator[None]:
    """Serve the webhook endpoint; raises `StartError` if the port cannot be opened.

    It closes before the inboxes, so that no call is answered and then lost.
    """
    from bot.ops.server import serve
    from bot.ops.webhook_routes import WebhookRoutes

    host, port = bot.settings.webhook_host, bot.settings.webhook_port or 0
    webhooks = WebhookRoutes(bot.providers, bot.webhooks, bot.settings.callback_secrets)
    try:
        async with serve(webhooks.routes(), host=host, port=port, setting="WEBHOOK_PORT"):
            log.info("Serving webhooks for %s on http://%s:%d", bot.settings.public_url, host, port)
            bot.webhooks.catch_up()
            yield
    finally:
        await bot.webhooks.close()


def _create_empty(folder: Path) -> Path:
    """Create an empty folder for temporary files, deleting those of a killed bot.

    The lock on the database makes sure that no running bot uses it. Raises `StoreError` if it cannot be created.
    """
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The folder {folder} cannot be created: {error.strerror}. Is there a file of that name?"
        ) from None
    return folder

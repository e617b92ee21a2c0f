"""Fetches a job's pictures from Midjourney's hosts, or from an earlier post of this bot when those links expired."""

import logging
from collections.abc import Sequence
from pathlib import Path

import discord

from bot.images import ImageClient, NoRoom, Picture, PictureError, PictureGone, PictureUnreachable
from bot.models import SEED_VERBS, Destination, Job, KnownJob, Status
from bot.store import Store

log = logging.getLogger(__name__)

_EARLIER_POSTS = 5  # searched for a copy
_FILES = {"png", "jpg", "jpeg", "webp", "gif", "mp4"}


def picture_urls(job: Job) -> list[str]:
    """The addresses of a completed job's pictures: four for a seed job, at most one for all others."""
    if job.status != Status.COMPLETED:
        return []
    if job.verb in SEED_VERBS and job.seed is not None:
        return [attachment.url for attachment in job.seed.attachments[:4]]
    if job.attachments:
        return [job.attachments[0].url]
    for embed in job.embeds:
        if embed.image_url:
            return [embed.image_url]
    return [media.url for media in (*job.image_ux, *job.video_ux)[:1]]


class PictureSources:
    """Fetches a job's pictures into a folder; raises `PictureError`."""

    def __init__(self, *, bot: discord.Client, store: Store, pictures: ImageClient) -> None:
        self._bot = bot
        self._store = store
        self._pictures = pictures

    async def pictures(self, known: KnownJob, destination: Destination, into: Path) -> list[Picture]:
        """The pictures of a job, each as large as available."""
        full = await self._full_size(known.job, into)
        return [full] if full is not None else await self._attached(known, destination, into)

    async def grid_pictures(self, known: KnownJob, destination: Destination, into: Path) -> list[Picture]:
        """The four pictures of a grid where each has its own address, else the grid as one picture."""
        if len(known.job.image_ux) == 4:
            try:
                return await self._fetch([media.url for media in known.job.image_ux], into)
            except PictureError as error:
                log.info("The four pictures were not fetched: %s", error)
        return await self._attached(known, destination, into)

    async def _full_size(self, job: Job, into: Path) -> Picture | None:
        """A single picture from Midjourney's own host, unless the copy at Discord has more pixels."""
        if len(job.image_ux) != 1 or job.video_ux or not job.attachments or job.status != Status.COMPLETED:
            return None
        try:
            picture = await self._pictures.fetch(job.image_ux[0].url, into=into)
        except PictureError:
            return None
        attached = job.attachments[0]
        return None if picture.width * picture.height < attached.width * attached.height else picture

    async def _attached(self, known: KnownJob, destination: Destination, into: Path) -> list[Picture]:
        try:
            return await self._fetch(picture_urls(known.job), into)
        except PictureGone:
            copies = await self._from_earlier_post(known, destination, into)
            if not copies:
                raise
            return copies

    async def _fetch(self, urls: Sequence[str], into: Path) -> list[Picture]:
        return [await self._pictures.fetch(url, into=into) for url in urls]

    async def _from_earlier_post(self, known: KnownJob, destination: Destination, into: Path) -> list[Picture]:
        """The pictures in this server's newest post that still has them; another server's posts are never used.

        Raises `PictureUnreachable` where a post could not be fetched and may have them, and `NoRoom`.
        """
        unreachable = False
        for post in await self._store.deliveries.posts_in_server(known.id, destination.guild_id, _EARLIER_POSTS):
            assert post.message_id is not None
            channel = self._bot.get_partial_messageable(post.destination.channel_id, guild_id=destination.guild_id)
            try:
                urls = _file_urls(await channel.fetch_message(post.message_id))
                copies = await self._fetch([url for url in urls if self._pictures.is_allowed(url)], into)
            except (discord.NotFound, discord.Forbidden, PictureGone):
                continue
            except NoRoom:
                raise
            except (discord.DiscordException, OSError, PictureError):
                unreachable = True
                continue
            if copies:
                log.info("The picture was taken from an earlier post")
                return copies
        if unreachable:
            raise PictureUnreachable
        return []


def _file_urls(message: discord.Message) -> list[str]:
    """Fresh links of a message's files; a file that an embed shows may be missing from the attachments."""
    files = [
        attachment.url for attachment in message.attachments if attachment.filename.rpartition(".")[2].lower() in _FILES
    ]
    return files or [embed.image.url for embed in message.embeds if embed.image.url]

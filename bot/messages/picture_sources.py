"""Fetches a job's pictures from Midjourney's hosts, or from an earlier post of this bot when those links expired."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import discord

from bot.discord_errors import REQUEST_ERRORS
from bot.images import (
    ImageClient,
    NoRoom,
    NotAllowed,
    Picture,
    PictureError,
    PictureGone,
    PictureUnreachable,
    TooLarge,
)
from bot.models import SEED_VERBS, Destination, Job, KnownJob, Status
from bot.store import Store

log = logging.getLogger(__name__)

_EARLIER_POSTS = 5  # searched for a copy
_FILES = {"png", "jpg", "jpeg", "webp", "gif", "mp4"}
FINAL_ERRORS = (NotAllowed, PictureGone, TooLarge)
"""The errors that a later try would get again."""


class PostNotReadable(PictureUnreachable):
    """I can't read the post that has the picture, because I lack Read Message History there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A job's pictures; of four that came without a grid, those with the numbers `missing` (1-4) are not among them.

    `retry`: a later try may get those.
    """

    pictures: Sequence[Picture]
    missing: Sequence[int] = ()
    retry: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Copies:
    """A job's pictures as a post of this bot has them, none where its posts have no file of them.

    `spoiler`: the post hides them behind a click.
    """

    pictures: Sequence[Picture] = ()
    spoiler: bool = False


def picture_urls(job: Job) -> list[str]:
    """The addresses of a completed job's pictures: four for a seed job and a grid without a file, else at most one."""
    if job.status != Status.COMPLETED:
        return []
    if job.verb in SEED_VERBS and job.seed is not None:
        return [attachment.url for attachment in job.seed.attachments[:4]]
    if job.separate_pictures:
        return [media.url for media in job.separate_pictures]
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

    async def pictures(self, known: KnownJob, destination: Destination, into: Path) -> Found:
        """The pictures of a job, each as large as available."""
        if self._must_join(known.job):
            return await self._joined(known, destination, into)
        full = await self._full_size(known.job, into)
        return Found(pictures=[full] if full is not None else await self._attached(known, destination, into))

    async def copies(self, known: KnownJob, destination: Destination, into: Path) -> Copies:
        """The pictures of a job from this server's posts alone; raises `PictureGone` where these were deleted."""
        copies = await self._from_earlier_post(known, destination, into)
        if copies is None:
            raise PictureGone
        return copies

    async def grid_pictures(self, known: KnownJob, destination: Destination, into: Path) -> Sequence[Picture]:
        """The four pictures of a grid where each has its own address, else the grid as one picture."""
        if len(known.job.image_ux) == 4 and not known.job.separate_pictures:
            try:
                return await self._fetch([media.url for media in known.job.image_ux], into)
            except PictureError as error:
                log.info("The four pictures were not fetched: %s", error)
        return await self._attached(known, destination, into)

    def _must_join(self, job: Job) -> bool:
        """Whether four pictures came without a grid, or with one on a host that is not listed, as theirs may be."""
        if job.verb in SEED_VERBS:
            return False
        if job.separate_pictures:
            return True
        four = len(job.image_ux) == 4 and not job.video_ux and job.status == Status.COMPLETED
        return four and not self._pictures.is_allowed(job.attachments[0].url)

    async def _joined(self, known: KnownJob, destination: Destination, into: Path) -> Found:
        """A grid of the job's four pictures, with an empty quarter for each that could not be fetched.

        The buttons U1-U4 count the quarters, so a picture stays in its own. Raises an error if all four are missing.
        """
        answers = await self._try_each([media.url for media in known.job.image_ux], into)
        errors = {number: answer for number, answer in enumerate(answers, 1) if isinstance(answer, PictureError)}
        if any(isinstance(error, PictureGone) for error in errors.values()):
            try:
                copies = await self._from_earlier_post(known, destination, into)
            except PictureUnreachable as later:  # raised no further: the others are shown until then
                errors |= {number: later for number, gone in errors.items() if isinstance(gone, PictureGone)}
            else:
                if copies is not None and copies.pictures:
                    return Found(pictures=copies.pictures)
        lasting = [error for error in errors.values() if not isinstance(error, FINAL_ERRORS)]
        if len(errors) == 4:
            raise (lasting or list(errors.values()))[0]
        for error in errors.values():
            if isinstance(error, NoRoom):
                raise error
        if errors:
            log.warning("%d of four pictures were not fetched: %s", len(errors), next(iter(errors.values())))
        four = [None if isinstance(answer, PictureError) else answer for answer in answers]
        return Found(pictures=await self._grid(four, into), missing=list(errors), retry=bool(lasting))

    async def _grid(self, four: Sequence[Picture | None], into: Path) -> list[Picture]:
        try:
            return [await self._pictures.grid(four, into=into)]
        except NoRoom:
            raise
        except PictureError as error:  # one is broken, or a video: they are attached as they are
            log.warning("The four pictures were not joined: %s", error)
            return [picture for picture in four if picture is not None]

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

    async def _attached(self, known: KnownJob, destination: Destination, into: Path) -> Sequence[Picture]:
        try:
            return await self._fetch(picture_urls(known.job), into)
        except PictureGone:
            copies = await self._from_earlier_post(known, destination, into)
            if copies is None or not copies.pictures:
                raise
            return copies.pictures

    async def _fetch(self, urls: Sequence[str], into: Path) -> list[Picture]:
        """Fetch all at once; raises the first error."""
        pictures = []
        for answer in await self._try_each(urls, into):
            if isinstance(answer, PictureError):
                raise answer
            pictures.append(answer)
        return pictures

    async def _try_each(self, urls: Sequence[str], into: Path) -> list[Picture | PictureError]:
        """Fetch all at once, so that four take no longer than the slowest of them."""

        async def fetched(url: str) -> Picture | PictureError:
            try:
                return await self._pictures.fetch(url, into=into)
            except PictureError as error:
                return error

        return await asyncio.gather(*map(fetched, urls))

    async def _from_earlier_post(self, known: KnownJob, destination: Destination, into: Path) -> Copies | None:
        """The pictures in this server's newest post that still has them; another server's posts are never used.

        `None` where the posts were deleted. Raises `PictureUnreachable` where a post may have them later: it could not
        be fetched, or its own pictures are still retried; `PostNotReadable` where the bot lacks the permission. Raises
        `NoRoom`, too.
        """
        unreachable: PictureUnreachable | None = None
        without_files = False
        for post in await self._store.deliveries.posts_in_server(known.id, destination.guild_id, _EARLIER_POSTS):
            assert post.message_id is not None
            if post.picture_until is not None:  # it was sent without the picture, or part of it, which is still retried
                unreachable = PictureUnreachable()
                continue
            channel = self._bot.get_partial_messageable(post.destination.channel_id, guild_id=destination.guild_id)
            try:
                message = await channel.fetch_message(post.message_id)
                copies = await self._fetch([url for url in file_urls(message) if self._pictures.is_allowed(url)], into)
            except (discord.NotFound, PictureGone):
                continue
            except discord.Forbidden:
                unreachable = PostNotReadable()
                continue
            except NoRoom:
                raise
            except (*REQUEST_ERRORS, PictureError):
                unreachable = PictureUnreachable()
                continue
            without_files = without_files or not copies
            if copies:
                log.info("The picture was taken from an earlier post")
                return Copies(pictures=copies, spoiler=any(file.is_spoiler() for file in message.attachments))
        if unreachable is not None:
            raise unreachable
        return Copies() if without_files else None


def file_urls(message: discord.Message) -> list[str]:
    """Fresh links of a message's files; a file that an embed shows may be missing from the attachments."""
    files = [
        attachment.url for attachment in message.attachments if attachment.filename.rpartition(".")[2].lower() in _FILES
    ]
    return files or embedded_files(message)


def embedded_files(message: discord.Message) -> list[str]:
    """Links of the message's own files that its embeds show; a link to a foreign file, which expires, is none.

    Our own files lie under this channel's id.
    """
    own = f"/attachments/{message.channel.id}/"
    return [embed.image.url for embed in message.embeds if embed.image.url and own in embed.image.url]

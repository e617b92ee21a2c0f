"""Saves the pictures of jobs from the bot's posts into the folder of an export."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence

import discord

from bot import formatting
from bot.cli.export.files import ExportFolder, SavedFile, SavedPost
from bot.cli.export.posts import Posts
from bot.errors import StartError
from bot.images import ImageClient, NoRoom, PictureError
from bot.images.sniffing import VIDEO
from bot.messages.picture_sources import file_urls
from bot.models import KnownJob
from bot.store.archive import ArchivedJob

log = logging.getLogger(__name__)

_SPOILER = "SPOILER_"  # Discord's mark of such a file


class PostSaver:
    """Saves the pictures of jobs; `posts` are the posts that exist, by the keys of their jobs.

    `incomplete` counts those with a file that could not be fetched.
    """

    def __init__(
        self,
        client: discord.Client,
        guild_id: int,
        folder: ExportFolder,
        pictures: ImageClient,
        say: Callable[[str], None],
    ) -> None:
        self._posts = Posts(client, guild_id)
        self._folder = folder
        self._pictures = pictures
        self._say = say
        self.posts: dict[str, SavedPost] = {}
        self.incomplete = 0

    async def save(self, jobs: Sequence[ArchivedJob]) -> None:
        """Save the pictures of each job from its newest post that still exists."""
        saved = ((job, self._folder.saved.get(job.known.key)) for job in jobs)
        self.posts = {job.known.key: post for job, post in saved if post is not None and _has(job, post)}
        waiting = [(job, 0) for job in jobs if job.known.key not in self.posts]
        while waiting:  # in each round one post of each job, the newest first
            by_channel: dict[int, dict[int, ArchivedJob]] = defaultdict(dict)
            for job, number in waiting:
                destination, message_id = job.posts[number]
                by_channel[destination.channel_id][message_id] = job
            for channel_id, messages in by_channel.items():
                async for page in self._posts.read(channel_id, messages):
                    await asyncio.gather(*(self._save(messages[message.id], message) for message in page))
                    self._say(f"{len(self.posts)} of {len(jobs)} jobs")
            waiting = [
                (job, number + 1)
                for job, number in waiting
                if job.known.key not in self.posts and number + 1 < len(job.posts)
            ]

    async def _save(self, job: ArchivedJob, message: discord.Message) -> None:
        files = [await self._fetch(job.known, url, number) for number, url in enumerate(file_urls(message), 1)]
        post = SavedPost(
            key=job.known.key,
            channel_id=message.channel.id,
            message_id=message.id,
            files=tuple(file for file in files if file is not None),
        )
        self.posts[post.key] = post
        if None in files:
            self.incomplete += 1
        else:
            self._folder.note(post)

    async def _fetch(self, known: KnownJob, url: str, number: int) -> SavedFile | None:
        """Save a file of a post; `None` where it cannot be fetched, or is on a host that is not listed."""
        try:
            picture = await self._pictures.fetch(url, into=self._folder.pictures)
        except NoRoom:
            raise StartError("The disk is full. What is in the folder is kept.") from None
        except PictureError as error:
            log.warning("A picture of #%s could not be fetched (%s)", known.key, type(error).__name__)
            return None
        stem, _, extension = formatting.file_name(known.job, known.key, picture.extension).rpartition(".")
        name = f"{stem}.{extension}" if number == 1 else f"{stem}-{number}.{extension}"
        picture.path.chmod(0o644)
        picture.path.replace(self._folder.pictures / name)
        return SavedFile(
            name=name,
            size=picture.size,
            width=picture.width,
            height=picture.height,
            video=picture.content_type == VIDEO,
            spoiler=_SPOILER in url,
        )

    def sweep(self) -> None:
        """Delete the files of posts that were deleted since an earlier export."""
        kept = {file.name for post in self.posts.values() for file in post.files}
        self._folder.sweep(kept)


def _has(job: ArchivedJob, post: SavedPost) -> bool:
    """Whether the job still has a post, which may have been deleted since it was saved."""
    return any(message_id == post.message_id for _, message_id in job.posts)

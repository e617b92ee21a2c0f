"""A fake Discord with posts of the bot, and the database that knows them: what an export begins with."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.models import Destination, Job, Person, Status
from bot.store import Store, open_store
from tests.database import migrated
from tests.fakes.discord import FakeDiscord
from tests.fakes.discord.messages import Message
from tests.sample_pictures import webp
from tests.stored_jobs import Clock

MIRA = Person(id=4711, name="Mira")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def snowflake(when: datetime) -> int:
    return int((when.timestamp() - 1420070400) * 1000) << 22


class PostedJobs:
    """Jobs with their posts; `environ` has the settings."""

    def __init__(self, discord: FakeDiscord, folder: Path) -> None:
        self.discord = discord
        self.data = migrated(folder / "data")
        self.guild = discord.add_guild("The Studio")
        self.environ = {
            "DISCORD_TOKEN": discord.token,
            "DATA_DIR": str(self.data),
            "DISCORD_API_URL": discord.api_url,
            "IMAGE_HOSTS": discord.origin,
        }

    def channel(self, name: str = "pictures", **more: Any) -> Destination:
        return Destination(guild_id=self.guild, channel_id=self.discord.add_channel(self.guild, name, **more))

    async def add(
        self,
        store: Store,
        destination: Destination,
        prompt: str,
        *,
        files: int = 1,
        name: str = "castle.webp",
        picture: bytes | None = None,
        **fields: Any,
    ) -> Message:
        """A job that is over, with its post; in an embed where it has one file."""
        given = {"jobid": f"job:{prompt}", "verb": "imagine", "status": Status.COMPLETED, "prompt": prompt}
        job = Job(**{**given, **fields})
        known = (await store.subscriptions.add(job, destination, MIRA)).known
        return await self.post(store, destination, known.key, files=files, name=name, picture=picture)

    async def post(
        self,
        store: Store,
        destination: Destination,
        key: str,
        *,
        files: int = 1,
        name: str = "castle.webp",
        picture: bytes | None = None,
    ) -> Message:
        """Post what is due, as one message."""
        (delivery,) = [each for each in await store.outbox.due() if each.destination == destination]
        claimed = await store.outbox.claim(delivery)
        assert claimed is not None
        channel, data = destination.channel_id, picture or webp(64, 48)
        uploads = [self.discord.file(channel, f"{number}{name}", data, None) for number in range(files)]
        embed = {"image": {"url": f"attachment://0{name}"}} if files == 1 else {"description": "a job"}
        message = self.discord.post(channel, {"embeds": [embed]}, uploads)
        await store.outbox.mark_posted(claimed, message.id)
        return message

    async def prune(self) -> None:
        """Delete the jobs that are old three months later, as the bot does each night."""
        clock = Clock()
        async with open_store(self.data, clock) as store:
            for post in await store.outbox.due():  # of the jobs that led to others
                await store.outbox.mark_edited(post, 0)
            clock.forward(store, days=91)
            assert await store.pruning.prune(90) > 0

    def store(self) -> Any:
        return open_store(self.data, lambda: NOON)

"""The stage for journeys: the unchanged bot with real HTTP and a real SQLite file inside simcord's Discord."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import discord
import pytest
from simcord.env import Env

from bot.app import open_darkroom
from bot.client import Darkroom
from bot.demo.useapi import PretendUseapi
from bot.settings import Secret, Settings


class Stage:
    """A server with a channel, the bot, a moderator (Mira), a member (Bo), and a useapi whose clock is simcord's."""

    env: Any  # simcord's handles are loosely typed
    bot: Darkroom

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.useapi = PretendUseapi(now=self.now, refresh=0, grid_size=64)
        self.settings: dict[str, Any] = {}
        self._world = AsyncExitStack()
        self._life = AsyncExitStack()

    def now(self) -> float:
        """The simulated time, in seconds since 1970."""
        return float(self.env.now().timestamp())

    async def open(self) -> None:
        await self._world.enter_async_context(self.useapi)
        self.env = Env(await self._make_bot(), shard_count=1)
        await self.env.start()
        self.guild = self.env.create_guild("Studio")
        self.channel = self.guild.create_text_channel("pictures")
        self.lounge = self.guild.create_text_channel("lounge")
        moderator = discord.Permissions(manage_messages=True)
        moderators = self.guild.create_role("Moderators", permissions=moderator)
        self.mira = self.guild.add_member(self.env.create_user("Mira"), roles=[moderators])
        self.bo = self.guild.add_member(self.env.create_user("Bo"))

    async def restart(self, **settings: Any) -> None:
        """Close the whole bot and start it again on the same folder, as an admin would."""
        self.settings.update(settings)
        await self.env.settle()
        await self._life.aclose()
        await self.env.restart_bot(await self._make_bot())

    async def close(self) -> None:
        try:
            await self.env.shutdown()
            self.env.raise_errors()
        finally:
            await self._life.aclose()
            await self._world.aclose()

    async def _make_bot(self) -> Darkroom:
        settings: dict[str, Any] = {
            "discord_token": Secret("discord-token"),
            "useapi_token": Secret("demo-token"),
            "allowed_guilds": None,
            "useapi_url": self.useapi.url,
            "image_hosts": (self.useapi.origin,),
            "data_dir": self.folder,
            **self.settings,
        }
        self.bot = await self._life.enter_async_context(open_darkroom(Settings(**settings)))
        return self.bot

    # --- what a person does and sees --------------------------------------------------------------------------------

    async def job(self, who: Any, jobid: str, channel: Any = None) -> str:
        """`who` types /job; the private answer."""
        answer = await who.slash(channel or self.channel, "job", jobid=jobid)
        assert answer.ephemeral, "what concerns the asker alone is private"
        return str(answer.response.content)

    async def wait(self, seconds: float) -> None:
        await self.env.advance_time(seconds)

    def posts(self, channel: Any = None) -> list[discord.Message]:
        """What stands in the channel, the oldest first."""
        return list((channel or self.channel).history())

    @property
    def last(self) -> discord.Message:
        return self.posts()[-1]


def words(message: discord.Message) -> str:
    """All that a message says."""
    return "\n".join([message.content, *(embed.description or "" for embed in message.embeds)])


def labels(message: discord.Message) -> list[list[str]]:
    """The buttons of a message, row by row."""
    return [
        [str(button.label or button.emoji) for button in row.children if isinstance(button, discord.Button)]
        for row in message.components
        if isinstance(row, discord.ActionRow)
    ]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    stage = Stage(tmp_path)
    await stage.open()
    try:
        with stage.env.time_context():
            yield stage
    finally:
        await stage.close()

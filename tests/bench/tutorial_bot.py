"""The bot that every tutorial shows, written as well as its design allows: what Darkroom is held against.

One loop of `discord.ext.tasks` asks for one job after the other every five seconds; what it waits for stands in a
dictionary. It has one HTTP session, does not block the event loop, outlives errors of both sides, tries a failed post
again at the next round, and posts the picture as a file.

    python -m tests.bench.tutorial_bot        with Darkroom's own settings in the environment
"""

import io
import logging
import os

import aiohttp
import discord
from discord import app_commands
from discord.ext import commands, tasks
from discord.http import Route

log = logging.getLogger(__name__)

SECONDS = 5.0
OVER = {"completed", "moderated", "failed", "cancelled"}


class TutorialBot(commands.AutoShardedBot):
    """Follows jobs and posts their pictures; sharded, because only such a bot asks where the gateway is."""

    session: aiohttp.ClientSession

    def __init__(self) -> None:
        super().__init__(command_prefix=commands.when_mentioned, intents=discord.Intents.none())
        self.pending: dict[str, int] = {}  # jobid -> channel

    async def setup_hook(self) -> None:
        """Called by discord.py before it connects."""
        token = os.environ["USEAPI_TOKEN"]
        self.session = aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"})
        self.tree.add_command(job)
        await self.tree.sync()
        self.poll.start()

    async def close(self) -> None:
        """Called by discord.py at the end."""
        await self.session.close()
        await super().close()

    @tasks.loop(seconds=SECONDS)
    async def poll(self) -> None:
        """Ask for every pending job, one after the other."""
        for jobid in list(self.pending):
            try:
                await self.follow(jobid)
            except (aiohttp.ClientError, discord.DiscordException, TimeoutError):
                log.exception("trying %s again", jobid)

    async def follow(self, jobid: str) -> None:
        """Post a job's picture if it is over."""
        url = f"{os.environ['USEAPI_URL']}/jobs/"
        async with self.session.get(url, params={"jobid": jobid}) as response:
            answer = await response.json()
        if answer.get("status") not in OVER:
            return
        channel = self.get_partial_messageable(self.pending[jobid])
        if attachments := answer.get("attachments"):
            async with self.session.get(attachments[0]["url"]) as response:
                picture = await response.read()
            await channel.send(answer.get("prompt"), file=discord.File(io.BytesIO(picture), "picture.webp"))
        else:
            await channel.send(f"{answer.get('status')}: {answer.get('error')}")
        del self.pending[jobid]


@app_commands.command(name="job", description="Post a job's picture when it is done")
async def job(interaction: discord.Interaction[TutorialBot], jobid: str) -> None:
    """Note the job; the loop does the rest."""
    assert interaction.channel_id is not None
    interaction.client.pending[jobid] = interaction.channel_id
    await interaction.response.send_message("I'll post it here.", ephemeral=True)


if __name__ == "__main__":
    Route.BASE = os.environ["DISCORD_API_URL"]
    TutorialBot().run(os.environ["DISCORD_TOKEN"])

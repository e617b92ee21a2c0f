"""`/job`: shows a job, and follows it until its picture stands in the channel."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import discord
from discord import app_commands
from discord.ext import commands

from bot import asking, buttons, cards, replies
from bot.client import Darkroom
from bot.errors import JobModerated, PersonError
from bot.jobs import Job
from bot.store import Asked, Wish

_JOBID = re.compile(r"job:\d{17}-user:\d{1,20}-channel:\d{15,20}-bot:[a-z]{1,20}")
_OPAQUE = re.compile(r"[A-Za-z0-9:._~-]{1,200}")
_KEY = re.compile(r"#?([2-9A-HJ-NP-Z]{4,8})", re.IGNORECASE)
_LONGEST = 4000  # characters of pasted text that are read; an id stands near its start
_CHOICES = 25  # Discord's limit


class Jobs(commands.Cog):
    """The commands about jobs."""

    def __init__(self, bot: Darkroom) -> None:
        self._bot = bot

    @app_commands.command(name="job", description="Show a Midjourney job, and post its picture here when it is done")
    @app_commands.describe(jobid="The id that useapi.net gave, or a short key such as #4K7Q")
    @app_commands.checks.cooldown(6, 60.0, key=lambda interaction: (interaction.guild_id, interaction.user.id))
    async def job(self, interaction: discord.Interaction[Darkroom], jobid: str) -> None:
        """Answer in private; what is public, the courier posts."""
        self._bot.store.saw(interaction.id)
        await interaction.response.defer(ephemeral=True)  # useapi may take longer than the 3 s that Discord gives
        asking.check_rights(interaction)
        job = await self._find(jobid, asking.place_of(interaction).guild_id)
        if job.private:
            waiting = "" if job.over else "Midjourney has not answered yet. Please ask again in half a minute."
            await replies.say(interaction, waiting, embed=cards.account_answer(job))
            return
        if not job.over:
            await asking.check_load(interaction)
        await _tell(interaction, await asking.ask(interaction, job))

    @job.autocomplete("jobid")
    async def recent(self, interaction: discord.Interaction[Darkroom], typed: str) -> list[app_commands.Choice[str]]:
        """The member's and the channel's last jobs, from the store alone: Discord waits 3 s at most."""
        recent = await self._bot.store.recent(asking.place_of(interaction), interaction.user.id)
        choices = [(cards.choice(known.job, known.key), f"#{known.key}") for known in recent]
        words = typed.casefold().lstrip("#").split()
        fitting = [
            (name, value) for name, value in choices if all(word in f"{name} {value}".casefold() for word in words)
        ]
        return [app_commands.Choice(name=name, value=value) for name, value in fitting[:_CHOICES]]

    async def _find(self, text: str, guild_id: int) -> Job:
        """The job that the text means: by a key of this server, else by useapi's id."""
        known = None
        if key := _KEY.fullmatch(text.strip()):
            known = await self._bot.store.by_key(key[1], guild_id)
            if known is None and key[0].startswith("#"):
                raise PersonError(f"No job in this server has the key `#{key[1].upper()}`. Its id works, too.")
        known = known or await self._bot.store.by_jobid(read_jobid(text))
        if known is not None and not known.job.lost:
            return known.job  # the watcher looks at it anyway
        try:
            return await self._bot.api.job(known.job.jobid if known else read_jobid(text))
        except JobModerated as declined:
            return declined.job


async def _tell(interaction: discord.Interaction[Darkroom], wish: Wish) -> None:
    place = asking.place_of(interaction)
    message_id = wish.delivery.message_id if wish.delivery else None
    url = None if message_id is None else asking.jump(place, message_id)
    match wish.asked:
        case Asked.NEW:
            await replies.say(interaction, f"Watching `#{wish.known.key}`: I'll post it here.")
        case Asked.JOINED:
            here = f"[here]({url})" if url else "here"
            await replies.say(interaction, f"Already watched {here}, I'll tell you too.")
        case Asked.COMING:
            await replies.say(interaction, "It is over already: I'm posting it here.")
        case Asked.POSTED:
            assert wish.delivery is not None
            view = buttons.posted_view(wish.delivery.nonce, url) if url else None
            await replies.say(interaction, "It stands here already.", view=view)


def read_jobid(text: str) -> str:
    """The job id in what a person pasted: the id alone, in backticks, in useapi's address, or in its JSON answer.

    Raises `PersonError` where there is none.
    """
    text = text[:_LONGEST].strip().strip("`'\"<>").strip()
    for candidate in (_from_json(text), _from_url(text), text):
        if candidate and _JOBID.fullmatch(candidate):
            return candidate
    if found := _JOBID.search(text):
        return found[0]
    if _OPAQUE.fullmatch(text):
        return text  # ids are opaque: useapi knows best
    raise PersonError(
        "That is no job id. It looks like `job:20240909…-user:…-channel:…-bot:midjourney`, "
        "and useapi.net gives it when a job is started."
    )


def _from_json(text: str) -> str:
    try:
        answer = json.loads(text) if text.startswith("{") else None
    except (ValueError, RecursionError):
        return ""
    jobid = answer.get("jobid") if isinstance(answer, dict) else None
    return jobid if isinstance(jobid, str) else ""


def _from_url(text: str) -> str:
    try:
        return parse_qs(urlsplit(text).query).get("jobid", [""])[0]
    except ValueError:
        return ""


async def setup(bot: Darkroom) -> None:
    """Called by discord.py."""
    await bot.add_cog(Jobs(bot))

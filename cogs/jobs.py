"""`/job` and "Watch Midjourney job" follow jobs until their pictures stand in a channel; `/jobs` is one's own panel."""

import json
import re
from collections.abc import Iterator
from urllib.parse import parse_qs, unquote, urlsplit

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot import discord_internals, formatting, logs
from bot.client import Darkroom
from bot.errors import DarkroomError, UserError
from bot.models import Destination, Job
from bot.store import SubscriptionOutcome, SubscriptionResult
from bot.ui import MoreButton, NotifyMeButton, custom_ids, interactions, posted_view, replies, show_my_jobs

_JOBID = re.compile(r"job:\d{17}-user:\d{1,20}-channel:\d{15,20}-bot:[a-z]{1,20}")
_IN_FILE_NAME = re.compile(r"job_(\d{17})-user_(\d{1,20})-channel_(\d{15,20})-bot_([a-z]{1,20})")  # no colons there
_OPAQUE = re.compile(r"[A-Za-z0-9:._~-]{1,200}")
_KEY = re.compile(r"#?([2-9A-HJ-NP-Z]{4,8})", re.IGNORECASE)
_LONGEST = 4000  # characters of pasted text that are read; an id stands near its start
_CHOICES = 25  # Discord's limit
_AT_ONCE = 3  # jobs of one message


class Jobs(commands.Cog):
    """The commands about jobs."""

    def __init__(self, bot: Darkroom) -> None:
        self._bot = bot
        self._menu = app_commands.ContextMenu(name="Watch Midjourney job", callback=self.watch)

    async def cog_load(self) -> None:
        """Add the entry to the menu of messages; a cog does that for its other commands only."""
        self._bot.tree.add_command(self._menu)

    async def cog_unload(self) -> None:
        """Take it out again."""
        self._bot.tree.remove_command(self._menu.name, type=self._menu.type)

    @app_commands.command(name="job", description="Show a Midjourney job, and post its picture here when it is done")
    @app_commands.describe(jobid="The id that useapi.net gave, or a short key such as #4K7Q")
    @app_commands.checks.cooldown(6, 60.0, key=lambda interaction: (interaction.guild_id, interaction.user.id))
    async def job(self, interaction: discord.Interaction[Darkroom], jobid: str) -> None:
        """Answer in private; what is public, the courier posts."""
        self._bot.store.clock.note_snowflake(interaction.id)
        await interaction.response.defer(ephemeral=True)  # useapi may take longer than the 3 s that Discord gives
        await self._follow(interaction, jobid)

    @app_commands.command(name="jobs", description="What you wait for here, what ended lately, and your pings")
    async def jobs(self, interaction: discord.Interaction[Darkroom]) -> None:
        """Open the member's own panel."""
        await interaction.response.defer(ephemeral=True)
        await show_my_jobs(interaction)

    @app_commands.checks.cooldown(6, 60.0, key=lambda interaction: (interaction.guild_id, interaction.user.id))
    async def watch(self, interaction: discord.Interaction[Darkroom], message: discord.Message) -> None:
        """Follow the jobs whose ids stand in any message; on a post of ours, do what its own button does."""
        self._bot.store.clock.note_snowflake(interaction.id)
        if button := _own_button(message, self._bot.user):
            await button.act(interaction)
            return
        await interaction.response.defer(ephemeral=True)
        jobids = list(dict.fromkeys(jobids_in(message)))
        if len(jobids) == 1:
            await self._follow(interaction, jobids[0])
            return
        if not jobids:
            raise UserError("I find no job id in this message. It looks like `job:20240909…-bot:midjourney`.")
        destination, error = await interactions.results_destination(interaction)
        lines = [await self._one_of_many(interaction, jobid, destination) for jobid in jobids[:_AT_ONCE]]
        if len(jobids) > _AT_ONCE:
            lines.append(f"These are the first {_AT_ONCE} of {len(jobids)}; `/job` takes the others.")
        await replies.say(interaction, "\n".join(filter(None, (*lines, error)))[:2000])

    async def _one_of_many(
        self, interaction: discord.Interaction[Darkroom], jobid: str, destination: Destination
    ) -> str:
        try:
            job = await self._find(jobid, destination)
            if job.private:
                return "- One is about the account itself; `/job` with its id shows it to you alone."
            if not job.over:
                await interactions.check_load(interaction)
            told, url = _told(
                await interactions.ask(interaction, job, destination=destination),
                destination,
                interactions.destination_of(interaction),
            )
        except DarkroomError as error:
            return f"- {error}"
        return f"- {told} {url or ''}".rstrip()

    async def _follow(self, interaction: discord.Interaction[Darkroom], jobid: str) -> None:
        destination, error = await interactions.results_destination(interaction)
        job = await self._find(jobid, destination)
        if job.private:
            waiting = "" if job.over else "Midjourney has not answered yet. Please ask again in half a minute."
            await replies.say(interaction, waiting, embed=formatting.account_answer(job))
            return
        if not job.over:
            await interactions.check_load(interaction)
        subscribed = await interactions.ask(interaction, job, destination=destination)
        here = interactions.destination_of(interaction)
        told, url = _told(subscribed, destination, here)
        view = None
        if url and subscribed.delivery is not None and destination == here:
            view = posted_view(subscribed.delivery.nonce, url)
        elif url:  # "Post again" posts where it is pressed, and this is another channel
            view = ui.View(timeout=None)
            view.add_item(ui.Button(label="Go to the picture", url=url))
        await replies.say(interaction, " ".join(filter(None, (told, error))), view=view)

    @job.autocomplete("jobid")
    async def recent(self, interaction: discord.Interaction[Darkroom], typed: str) -> list[app_commands.Choice[str]]:
        """The member's and the channel's last jobs, from the store alone: Discord waits 3 s at most."""
        recent = await self._bot.store.jobs.recent(interactions.destination_of(interaction), interaction.user.id)
        choices = [(formatting.choice(known.job, known.key), f"#{known.key}") for known in recent]
        words = typed.casefold().lstrip("#").split()
        fitting = [
            (name, value) for name, value in choices if all(word in f"{name} {value}".casefold() for word in words)
        ]
        return [app_commands.Choice(name=name, value=value) for name, value in fitting[:_CHOICES]]

    async def _find(self, text: str, destination: Destination) -> Job:
        """The job that the text means: by a key of this server, else by useapi's id."""
        known = None
        if key := _KEY.fullmatch(text.strip()):
            known = await self._bot.store.jobs.by_key(key[1], destination.guild_id)
            if known is None and key[0].startswith("#"):
                raise UserError(f"No job in this server has the key `#{key[1].upper()}`. Its id works, too.")
        known = known or await self._bot.store.jobs.by_jobid(read_jobid(text))
        if known is not None:
            logs.turn_to(key=known.key, destination=destination)
        if known is not None and (known.job.final or not known.job.over):
            return known.job  # the watcher looks at it anyway
        return await self._bot.api.job(known.job.jobid if known else read_jobid(text))


def _told(subscribed: SubscriptionResult, there: Destination, here: Destination) -> tuple[str, str | None]:
    """What came of a wish to see a job `there`, for who is `here`; and where its result stands already."""
    delivery = subscribed.delivery
    url = (
        None
        if delivery is None or delivery.message_id is None
        else interactions.jump(delivery.destination, delivery.message_id)
    )
    destination = "here" if there == here else f"in <#{there.channel_id}>"
    match subscribed.outcome:
        case SubscriptionOutcome.NEW:
            return f"Watching `#{subscribed.known.key}`: I'll post it {destination}.", None
        case SubscriptionOutcome.JOINED:
            linked = f"[{destination}]({url})" if url and destination == "here" else destination
            return f"Already watched {linked}, I'll tell you too.", None
        case SubscriptionOutcome.COMING:
            return f"It is over already: I'm posting it {destination}.", None
        case SubscriptionOutcome.POSTED:
            return f"It stands {destination} already.", url


def _own_button(message: discord.Message, me: discord.ClientUser | None) -> MoreButton | NotifyMeButton | None:
    """What the menu does on a post of ours: the extras of a result, or joining those who wait for a running job."""
    if me is None or message.author.id != me.id:
        return None
    for kind in (MoreButton, NotifyMeButton):
        for custom_id in custom_ids(message):
            if claim := discord_internals.template_of(kind).fullmatch(custom_id):
                return kind(claim["nonce"])
    return None


def jobids_in(message: discord.Message) -> Iterator[str]:
    """The job ids that a message holds, in its text, its embeds, its files' names, and what it forwards."""
    parts: list[discord.Message | discord.MessageSnapshot] = [message, *message.message_snapshots]
    for part in parts:
        embeds = (str(embed.to_dict()) for embed in part.embeds)
        for text in (part.content, *embeds, *(file.filename for file in part.attachments)):
            yield from _JOBID.findall(unquote(text))
            yield from (f"job:{a}-user:{b}-channel:{c}-bot:{d}" for a, b, c, d in _IN_FILE_NAME.findall(text))


def read_jobid(text: str) -> str:
    """The job id in what a person pasted: the id alone, in backticks, in useapi's address, or in its JSON answer.

    Raises `UserError` where there is none.
    """
    text = text[:_LONGEST].strip().strip("`'\"<>").strip()
    for candidate in (_from_json(text), _from_url(text), text):
        if candidate and _JOBID.fullmatch(candidate):
            return candidate
    if found := _JOBID.search(text):
        return found[0]
    if _OPAQUE.fullmatch(text):
        return text  # ids are opaque: useapi knows best
    raise UserError(
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

"""`/job` and "Watch Midjourney job" subscribe a member to jobs; `/jobs` is the member's own panel."""

import json
import re
from collections.abc import Iterator
from urllib.parse import parse_qs, unquote, urlsplit

import discord
from discord import app_commands
from discord.ext import commands

from bot import discord_internals, formatting, logs
from bot.client import Darkroom
from bot.errors import DarkroomError, JobUnknown, ProviderAbsent, UserError
from bot.models import Destination, Job, KnownJob, Origin
from bot.models.provider import GUESSABLE_IDS, WORDS
from bot.providers.registry import Providers
from bot.ui import (
    DeleteSplitButton,
    MoreButton,
    NotifyMeButton,
    RemoveFromStarboardButton,
    custom_ids,
    interactions,
    job_lookup,
    open_menu_of_copy,
    replies,
    show_found_jobs,
    show_my_jobs,
)
from bot.ui.panels.found_jobs import MAX_WORDS
from bot.ui.subscription_replies import posted_url, subscription_text, subscription_view
from bot.ui.subscription_requests import check_load, results_destination, subscribe

_JOBID = re.compile(r"job:\d{17}-user:\d{1,20}-channel:\d{15,20}-bot:[a-z]{1,20}")
_IN_FILE_NAME = re.compile(r"job_(\d{17})-user_(\d{1,20})-channel_(\d{15,20})-bot_([a-z]{1,20})")  # no colons there
_TASK = re.compile(r'(?:/mj/task/|"(?:result|id)":\s*"?)(?P<id>\d{14,20})(?:/fetch|"?\s*[,}])')
"""A task's id in the addresses and answers of midjourney-proxy."""
_TASK_IN_TEXT = re.compile(rf"{_TASK.pattern}|(?<![\w/.-])1[5-9]\d{{14}}(?!\w|[.-]\w)", re.ASCII)
"""The same, or alone: 13 digits of milliseconds since 1970 and 3 more. Discord's ids are longer."""
_OPAQUE = re.compile(r"[A-Za-z0-9:._~-]{1,200}")
_KEY = re.compile(r"#?([2-9A-HJ-NP-Z]{4,8})", re.IGNORECASE)
_MAX_PASTED = 4000  # characters of pasted text that are read; an id is near its start
_MAX_CHOICES = 25  # Discord's limit
_SUGGESTIONS_MAX_AGE = 30.0  # seconds that an answer on what a member can view may be old; each letter typed asks
_SUGGESTIONS_TIMEOUT = 1.5  # seconds
_MAX_FROM_MESSAGE = 3  # jobs of one message


class Jobs(commands.Cog):
    """The commands about jobs."""

    def __init__(self, bot: Darkroom) -> None:
        self._bot = bot
        self._menu = app_commands.ContextMenu(name="Watch Midjourney job", callback=self.subscribe_to_message)

    async def cog_load(self) -> None:
        """Add the entry to the context menu of messages, which discord.py does not do for cogs."""
        self._bot.tree.add_command(self._menu)

    async def cog_unload(self) -> None:
        """Remove it again."""
        self._bot.tree.remove_command(self._menu.name, type=self._menu.type)

    @app_commands.command(name="job", description="Show a Midjourney job, and post its picture here when it is done")
    @app_commands.describe(jobid="The job's id, or a short key such as #4K7Q")
    @app_commands.checks.cooldown(6, 60.0, key=lambda interaction: (interaction.guild_id, interaction.user.id))
    async def job(self, interaction: discord.Interaction[Darkroom], jobid: str) -> None:
        """Answer in private; everything public is posted by the dispatcher."""
        self._bot.store.clock.note_snowflake(interaction.id)
        await interaction.response.defer(ephemeral=True)  # a provider may take longer than the 3 s that Discord gives
        await self._subscribe(interaction, jobid)

    @app_commands.command(
        name="jobs", description="What you are waiting for, what is queued or finished; find jobs by their prompts"
    )
    @app_commands.describe(find="Words of a prompt, to find its jobs in this server")
    async def jobs(
        self, interaction: discord.Interaction[Darkroom], find: app_commands.Range[str, 1, MAX_WORDS] | None = None
    ) -> None:
        """Open the member's own panel, or show the jobs that were found.

        An option, because Discord offers a command with subcommands by these alone: there would be no `/jobs`.
        """
        await interaction.response.defer(ephemeral=True)
        if find is None:
            await show_my_jobs(interaction)
        else:
            await show_found_jobs(interaction, find)

    @app_commands.checks.cooldown(6, 60.0, key=lambda interaction: (interaction.guild_id, interaction.user.id))
    async def subscribe_to_message(self, interaction: discord.Interaction[Darkroom], message: discord.Message) -> None:
        """Subscribe to the jobs whose ids any message holds; on a post of the bot, do what `⋯` or "Notify me" does."""
        self._bot.store.clock.note_snowflake(interaction.id)
        if button := _own_button(message, self._bot.user):
            if isinstance(button, DeleteSplitButton | RemoveFromStarboardButton):
                await open_menu_of_copy(interaction, button)
            else:
                await button.act(interaction)
            return
        await interaction.response.defer(ephemeral=True)
        jobids = list(dict.fromkeys(jobids_in(message, self._bot.providers)))
        if len(jobids) == 1:
            await self._subscribe(interaction, jobids[0])
            return
        if not jobids:
            raise UserError(f"I can't find a job id in this message. It looks like {_forms(self._bot.providers)}.")
        there, error = await results_destination(interaction)
        lines = [
            await self._subscribe_to_one_of_many(interaction, jobid, there) for jobid in jobids[:_MAX_FROM_MESSAGE]
        ]
        if len(jobids) > _MAX_FROM_MESSAGE:
            lines.append(f"These are the first {_MAX_FROM_MESSAGE} of {len(jobids)}. Use `/job` for the others.")
        if error:
            lines.append(error)
        await replies.say(interaction, "\n".join(lines))

    async def _subscribe(self, interaction: discord.Interaction[Darkroom], text: str) -> None:
        """Subscribe the member to the job that `text` names, and answer."""
        there, error = await results_destination(interaction)
        job, origin = await self._find(interaction, text)
        if job.private:
            waiting = "" if job.over else "Midjourney has not answered yet. Please ask again in half a minute."
            await replies.say(interaction, waiting, embed=formatting.account_answer(job))
            return
        if not job.over:
            await check_load(interaction)
        subscribed = await subscribe(interaction, job, origin=origin, destination=there)
        here = interactions.destination_of(interaction)
        answer = subscription_text(subscribed, there=there, here=here)
        await replies.say(
            interaction,
            f"{answer} {error}".strip(),
            view=subscription_view(subscribed, there=there, here=here),
        )

    async def _subscribe_to_one_of_many(
        self, interaction: discord.Interaction[Darkroom], jobid: str, there: Destination
    ) -> str:
        """Subscribe the member to one of a message's jobs; the line about it."""
        try:
            job, origin = await self._find(interaction, jobid)
            if job.private:
                return "- One is about the account itself. `/job` with its id shows it to you alone."
            if not job.over:
                await check_load(interaction)
            subscribed = await subscribe(interaction, job, origin=origin, destination=there)
        except DarkroomError as error:
            return f"- {error}"
        answer = subscription_text(subscribed, there=there, here=interactions.destination_of(interaction))
        url = posted_url(subscribed)
        return f"- {answer}" if url is None else f"- {answer} {url}"

    @job.autocomplete("jobid")
    async def recent(self, interaction: discord.Interaction[Darkroom], typed: str) -> list[app_commands.Choice[str]]:
        """The member's and the channel's latest jobs, without asking the provider: Discord waits 3 s at most."""
        here, store = interactions.destination_of(interaction), self._bot.store
        channels = await store.subscriptions.channels_of_member(interaction.user.id, here.guild_id)
        visible = await self._bot.view_rights.of_member(
            interaction, channels, max_age=_SUGGESTIONS_MAX_AGE, timeout_seconds=_SUGGESTIONS_TIMEOUT
        )
        recent = await store.jobs.recent(here, interaction.user.id, visible)
        now = discord.utils.utcnow()
        choices = [
            (formatting.choice(known.job, known.key, age=now - known.added_at), f"#{known.key}") for known in recent
        ]
        words = typed.casefold().lstrip("#").split()
        matching = [
            (name, value) for name, value in choices if all(word in f"{name} {value}".casefold() for word in words)
        ]
        return [app_commands.Choice(name=name, value=value) for name, value in matching[:_MAX_CHOICES]]

    async def _find(self, interaction: discord.Interaction[Darkroom], text: str) -> tuple[Job, Origin]:
        """The job that the text names: by a key that the member may use, else by the provider's id; and by which.

        Raises `UserError` if it names none, or `ProviderError`.
        """
        known = None
        if key := _KEY.fullmatch(text.strip()):
            known = await self._by_key(interaction, key[1])
            if known is None and key[0].startswith("#"):
                raise UserError(f"No job in this server has the key `#{key[1].upper()}`. Try its id instead.")
        origin = Origin.JOB_ID if known is None else Origin.KEY
        if known is None:
            known = await job_lookup.known_as(self._bot.store, read_jobid(text, self._bot.providers))
            guessed = known is not None and known.job.provider in GUESSABLE_IDS
            if known is not None and guessed and not await self._is_viewable(interaction, known, if_nowhere=True):
                raise JobUnknown(provider=known.job.provider)
        if known is not None:
            logs.turn_to(key=known.key, destination=interactions.destination_of(interaction))
        if known is not None and not known.job.final and known.job.provider not in self._bot.providers:
            raise ProviderAbsent(provider=known.job.provider)
        if known is not None and (known.job.final or not known.job.over):
            return known.job, origin  # the poller polls it anyway
        if known is not None:
            return await self._bot.providers.of(known.job.provider).job(known.job.jobid), origin
        return await job_lookup.fetch(self._bot.providers, read_jobid(text, self._bot.providers)), origin

    async def _by_key(self, interaction: discord.Interaction[Darkroom], key: str) -> KnownJob | None:
        """The job with this key, if it is subscribed or posted in a channel of this server that the member can view."""
        known = await self._bot.store.jobs.by_key(key, interactions.destination_of(interaction).guild_id)
        return known if known is not None and await self._is_viewable(interaction, known) else None

    async def _is_viewable(
        self, interaction: discord.Interaction[Darkroom], known: KnownJob, *, if_nowhere: bool = False
    ) -> bool:
        """Whether the member can view a channel of this server with the job; `if_nowhere` where no server has it."""
        guild_id = interactions.destination_of(interaction).guild_id
        channels = await self._bot.store.subscriptions.channels_of_job(known.id, guild_id)
        if not channels:
            return if_nowhere and not await self._bot.store.subscriptions.any_of_job(known.id)
        return not (await self._bot.view_rights.of_member(interaction, channels)).isdisjoint(channels)


def _own_button(
    message: discord.Message, me: discord.ClientUser | None
) -> MoreButton | NotifyMeButton | DeleteSplitButton | RemoveFromStarboardButton | None:
    """The button of a post of the bot that says what the context menu does there."""
    if me is None or message.author.id != me.id:
        return None
    for kind in (MoreButton, NotifyMeButton, DeleteSplitButton, RemoveFromStarboardButton):
        for custom_id in custom_ids(message):
            if match := discord_internals.template_of(kind).fullmatch(custom_id):
                return kind(match["nonce"])
    return None


def jobids_in(message: discord.Message, providers: Providers) -> Iterator[str]:
    """The job ids in a message: in its text, its embeds, its files' names, and in forwarded messages.

    Ids that are mere numbers are taken where a provider has such, and never from files' names.
    """
    parts: list[discord.Message | discord.MessageSnapshot] = [message, *message.message_snapshots]
    for part in parts:
        embeds = [str(embed.to_dict()) for embed in part.embeds]
        for text in (part.content, *embeds):
            numbers = (found["id"] or found[0] for found in _TASK_IN_TEXT.finditer(text))
            yield from (number for number in numbers if any(each.recognises(number) for each in providers))
        for text in (part.content, *embeds, *(file.filename for file in part.attachments)):
            yield from _JOBID.findall(unquote(text))
            yield from (f"job:{a}-user:{b}-channel:{c}-bot:{d}" for a, b, c, d in _IN_FILE_NAME.findall(text))


def read_jobid(text: str, providers: Providers) -> str:
    """The job id in what a member pasted: the id alone, in backticks, in a provider's address, or in its JSON answer.

    Raises `UserError` if there is none.
    """
    text = text[:_MAX_PASTED].strip().strip("`'\"<>").strip()
    for candidate in (_from_json(text), _from_url(text), text):
        if candidate and _JOBID.fullmatch(candidate):
            return candidate
    if found := _JOBID.search(text):
        return found[0]
    if found := _TASK.search(text):
        return found["id"]
    if _OPAQUE.fullmatch(text):
        return text  # ids are opaque: the provider decides
    titles = " or ".join(WORDS[provider.name].title for provider in providers)
    raise UserError(
        f"That isn't a job id. A job id looks like {_forms(providers)}; {titles} returns it when a job is started."
    )


def _forms(providers: Providers) -> str:
    """What a job id looks like."""
    return " or ".join(f"`{WORDS[provider.name].jobid}`" for provider in providers)


def _from_json(text: str) -> str | None:
    try:
        answer = json.loads(text) if text.startswith("{") else None
    except (ValueError, RecursionError):
        return None
    jobid = answer.get("jobid") if isinstance(answer, dict) else None
    return jobid if isinstance(jobid, str) else None


def _from_url(text: str) -> str | None:
    try:
        return parse_qs(urlsplit(text).query).get("jobid", [None])[0]
    except ValueError:
        return None


async def setup(bot: Darkroom) -> None:
    """Called by discord.py."""
    await bot.add_cog(Jobs(bot))

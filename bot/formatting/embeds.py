"""A job as an embed: the status card, the result, the private answer about the provider's account."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from discord import Colour, Embed
from discord.utils import format_dt

from bot.formatting.captions import (
    MASKED_LINK,
    TIMESTAMP,
    Link,
    decline_reason,
    has_decline_reason,
    link,
    linkable,
    reason,
    tag,
)
from bot.formatting.labels import label, pictures, prompt, scene, without_urls
from bot.formatting.status_text import bar, duration, ending, percent, span, state
from bot.models import SEED_VERBS, Job, Status
from bot.models.durations import TypicalDuration
from bot.text import clean, clip, escape, isolate, plain, without_job_files

DESCRIPTION_LIMIT = 4096
"""An embed's description. With a footer of 400 it stays below 6,000, the limit for all embeds of a message."""
FOOTER_LIMIT = 400
"""Discord allows 2,048; a footer should be short."""
NOTE_LIMIT = 900
"""The sentences below a result, which may hold an address of 512 characters."""
PICTURE_LIMIT = 2048
"""The address of an embed's picture."""

QUIET = Colour(0x5B6B7B)
AMBER = Colour(0xE0A030)

_PICTURE = re.compile(r"attachment://[\w.-]+|https?://[\w.-]+(?::\d+)?/[\w.~!$&'()*+,;=:@%/?#-]*", re.ASCII)
_LONG_URL = re.compile(r"https?://([^\s/?#]+)[/?#]\S{23,}", re.IGNORECASE)
_FACT = re.compile(r"\*\*([^*\n]{1,60}?):?\*\*:? *(.+)")


def status_card(
    job: Job,
    *,
    parent: Link | None,
    subscribers: Sequence[str],
    started: datetime | None,
    typical: TypicalDuration | None = None,
) -> Embed:
    """The live message of a running job. `subscribers` are display names; `typical` counts from `started` (aware).

    Names are shown in the footer, where Discord renders no Markdown.
    """
    embed = _embed(QUIET, _head(job, parent, 500), _progress(job, started, typical))
    if subscribers:
        embed.set_footer(text=_notifying(subscribers))
    return embed


def _notifying(subscribers: Sequence[str]) -> str:
    first, others = isolate(clip(clean(subscribers[0]), 100)) or "someone", len(subscribers) - 1
    if not others:
        return f"Notifying {first}"
    return f"Notifying {first} and {others} {'other' if others == 1 else 'others'}"


def _progress(job: Job, started: datetime | None, typical: TypicalDuration | None) -> str:
    now, done = state(job), percent(job)
    waiting, paused = now == "waiting", now == "paused"
    if waiting:
        facts = ["Waiting to start"]
    elif paused:
        progress = "" if done is None else f"`{bar(done)}` {done}%"
        facts = [progress, "paused by Midjourney" if progress else "Paused by Midjourney", plain(job.mode, 40)]
    elif done is not None and not job.over:
        facts = [f"`{bar(done)}` {now}", plain(job.mode, 40)]
    else:
        facts = [now.capitalize(), plain(job.mode, 40)]
    if started:
        facts.append(f"{'requested' if waiting else 'started'} {format_dt(started, 'R')}")
    progress = " · ".join(filter(None, facts))
    if typical is None or paused or job.over:
        return progress
    expected = f", expected {format_dt(started + typical.high, 'R')}" if started else ""
    return f"{progress}\nUsually {span(typical)}{expected}"


def result(
    job: Job,
    *,
    key: str,
    parent: Link | None,
    requester: str | None,
    picture: str | None,
    note: str | None = None,
    took: timedelta | None = None,
) -> Embed:
    """The message of a job that is over.

    `picture` is `attachment://name` or a web address, `requester` a display name, `note` a sentence of our own, which
    may use Markdown. What is unknown is left out. A declined job shows neither its prompt nor a picture.
    """
    small_print = f"-# {clip(' '.join(note.split()), NOTE_LIMIT)}" if note and note.strip() else ""
    if end := ending(job):
        embed = _embed(AMBER, _head(job, parent, 1000), _trouble(job, end.sentence), small_print)
    else:
        embed = _embed(QUIET, _head(job, parent, 1000), *_described(job), small_print)
    if picture and job.status != Status.MODERATED and len(picture) <= PICTURE_LIMIT and _PICTURE.fullmatch(picture):
        embed.set_image(url=picture)
    facts = (
        isolate(clip(clean(requester or ""), 100)),
        clip(clean(job.mode), 40),
        duration(took) if took else "",
        tag(key),
    )
    if footer := " · ".join(filter(None, facts)):
        embed.set_footer(text=clip(footer, FOOTER_LIMIT))
    return embed


def account_answer(job: Job) -> Embed:
    """What Midjourney says about the account, without the line that holds its user id: for the requester only."""
    if end := ending(job):
        head = f"**{plain(label(job), 100)}**"
        if has_decline_reason(job):
            return _embed(AMBER, head, end.sentence, decline_reason(job))
        return _embed(AMBER, head, _trouble(job, end.sentence))
    text = job.content or "\n".join(embed.description for embed in job.embeds)
    one_fact_a_line = re.sub(r"(\*\*[^*\n]{1,60}\*\*:)", r"\n\1", text)
    lines = [line for line in map(_account_line, one_fact_a_line.splitlines()) if line]
    closing = "Done." if job.over else f"{state(job).capitalize()}."
    return _embed(QUIET, f"**{plain(label(job), 100)}**", clip("\n".join(lines[:25]), 3000) or closing)


def _account_line(line: str) -> str:
    fact = _FACT.fullmatch(line.strip())
    if fact is None:
        return _with_times(line.replace("**", ""))
    name = clean(fact[1])
    return "" if name.casefold().replace(" ", "") == "userid" else f"**{plain(name, 80)}** {_with_times(fact[2])}"


def _with_times(text: str) -> str:
    """The text escaped except for Discord's timestamps."""
    return clip(escape(clean(text), keep=TIMESTAMP), 600)


def _embed(colour: Colour, *blocks: str) -> Embed:
    # Some clients render a line right after a quote as part of it, so blocks are separated by a blank line.
    return Embed(colour=colour, description=clip("\n\n".join(filter(None, blocks)), DESCRIPTION_LIMIT))


def _head(job: Job, parent: Link | None, limit: int) -> str:
    """What the job is and which job it was made from, then its prompt as a quote."""
    line = f"**{plain(label(job), 100)}**"
    if job.verb in SEED_VERBS and job.seed_number is not None:
        line += f" `{job.seed_number}`"
    if job.verb == "blend" and (inputs := pictures(job)):
        line += f" of {inputs}"
    elif parent:
        line += f" of {link(plain(linkable(parent.text), 120) or 'an earlier picture', parent.url)}"
    words = _with_short_urls(prompt(job))
    # A blend has no prompt of its own; Midjourney repeats its pictures and adds parameters.
    if job.status == Status.MODERATED or not (scene(job) if job.verb == "blend" else without_urls(words)):
        return line
    return f"{line}\n> {clip(escape(words), limit)}"


def _with_short_urls(text: str) -> str:
    """The text with long addresses cut after their hosts, without the names of jobs' files: they hold the payer's."""
    return without_job_files(_LONG_URL.sub(r"https://\1/…", text))


def _trouble(job: Job, sentence: str) -> str:
    error = reason(job, _with_short_urls(job.error), 300) if job.status == Status.FAILED else ""
    return f"{sentence} Reason: {error}" if error else sentence  # Midjourney's, or that of the provider's server


def _described(job: Job) -> Iterable[str]:
    """The prompts of a describe job, each after Midjourney's 1️⃣ to 4️⃣. Links, as older ones have, become text."""
    if job.verb != "describe":
        return []
    text = "\n".join(embed.description for embed in job.embeds)
    lines = (plain(_with_short_urls(MASKED_LINK.sub(r"\1", line)), 600) for line in text.splitlines())
    return list(filter(None, lines))[:5] or ["Midjourney suggested no prompts for this picture."]

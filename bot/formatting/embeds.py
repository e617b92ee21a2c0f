"""A job as an embed: the card while it runs, the result when it is over, the private answer about the account."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec
from discord import Colour, Embed
from discord.utils import format_dt

from bot.formatting.captions import link, linkable, reason, tag
from bot.formatting.labels import label, pictures, prompt, scene
from bot.formatting.status_text import ENDINGS, bar, duration, percent, span, state
from bot.models import SEED_VERBS, Job, Status
from bot.models.durations import TypicalDuration
from bot.text import clean, clip, escape, plain

DESCRIPTION_LIMIT = 4096
"""An embed's description; with a footer of 400 it stays under the 6,000 of a whole message's embeds."""
FOOTER_LIMIT = 400
"""Discord allows 2,048; small print should be small."""
NOTE_LIMIT = 900
"""Our own sentences below a result, an address of 512 characters in them."""
PICTURE_LIMIT = 2048
"""The address of an embed's picture."""

QUIET = Colour(0x5B6B7B)
AMBER = Colour(0xE0A030)

_PICTURE = re.compile(r"attachment://[\w.-]+|https?://[\w.-]+(?::\d+)?/[\w.~!$&'()*+,;=:@%/?#-]*", re.ASCII)
_LONG_URL = re.compile(r"https?://([^\s/?#]{1,60})(?=\S{24})\S*", re.IGNORECASE)
_MASKED_LINK = re.compile(r"\[([^\[\]]*)\]\([^()\s]*\)")
_TIMESTAMP = re.compile(r"(<t:\d{1,13}(?::[tTdDfFR])?>)")
_FACT = re.compile(r"\*\*([^*\n]{1,60}?):?\*\*:? *(.+)")


class Link(msgspec.Struct, frozen=True):
    """Where a job comes from: untrusted words (the parent's title) and the jump link of its picture, or ""."""

    text: str
    url: str = ""


def card(
    job: Job,
    *,
    parent: Link | None,
    subscribers: Sequence[str],
    started: datetime | None,
    typical: TypicalDuration | None = None,
) -> Embed:
    """The live message of a running job. `subscribers` are display names; `typical` counts from `started` (aware).

    The small print is the footer: Discord shows it as it shows `-#`, and no name can be markdown there.
    """
    embed = _embed(QUIET, _head(job, parent, 500), _progress(job, started, typical))
    if subscribers:
        more = f" and {len(subscribers) - 1} more" if len(subscribers) > 1 else ""
        embed.set_footer(text=f"{clip(clean(subscribers[0]), 100) or 'Someone'}{more} will be told here")
    return embed


def _progress(job: Job, started: datetime | None, typical: TypicalDuration | None) -> str:
    now, done = state(job), percent(job)
    waiting = now == "waiting"
    if waiting:
        line = ["Waiting to start"]
    elif done is not None and not job.over:
        line = [f"`{bar(done)}` {now}", plain(job.mode, 40)]
    else:
        line = [now.capitalize(), plain(job.mode, 40)]
    if started:
        line.append(f"{'asked' if waiting else 'started'} {format_dt(started, 'R')}")
    told = " · ".join(filter(None, line))
    if typical is None or job.over:
        return told
    expected = f", expected {format_dt(started + typical.high, 'R')}" if started else ""
    return f"{told}\nUsually {span(typical)}{expected}"


def result(
    job: Job,
    *,
    key: str,
    parent: Link | None,
    requester: str,
    picture: str | None,
    note: str = "",
    took: timedelta | None = None,
) -> Embed:
    """The message of a job that is over.

    `picture` is `attachment://name` or a web address; `requester` a display name; `note` our own sentence, in which
    markdown lives. What is unknown is left out. A declined job shows neither its prompt nor a picture.
    """
    small_print = f"-# {clip(' '.join(note.split()), NOTE_LIMIT)}" if note.strip() else ""
    if ending := ENDINGS.get(job.status):
        embed = _embed(AMBER, _head(job, parent, 1000), _trouble(job, ending.sentence), small_print)
    else:
        embed = _embed(QUIET, _head(job, parent, 1000), *_described(job), small_print)
    if picture and job.status != Status.MODERATED and len(picture) <= PICTURE_LIMIT and _PICTURE.fullmatch(picture):
        embed.set_image(url=picture)
    facts = (clip(clean(requester), 100), clip(clean(job.mode), 40), duration(took) if took else "", tag(key))
    if known := " · ".join(filter(None, facts)):
        embed.set_footer(text=clip(known, FOOTER_LIMIT))
    return embed


def account_answer(job: Job) -> Embed:
    """What Midjourney says about the payer's account, for the asker alone; without the line that names the payer."""
    if ending := ENDINGS.get(job.status):
        return _embed(AMBER, f"**{plain(label(job), 100)}**", _trouble(job, ending.sentence))
    told = job.content or "\n".join(embed.description for embed in job.embeds)
    separate = re.sub(r"(\*\*[^*\n]{1,60}\*\*:)", r"\n\1", told)
    lines = [line for line in map(_account_line, separate.splitlines()) if line]
    closing = "Done." if job.over else f"{state(job).capitalize()}."
    return _embed(QUIET, f"**{plain(label(job), 100)}**", clip("\n".join(lines[:25]), 3000) or closing)


def _account_line(line: str) -> str:
    fact = _FACT.fullmatch(line.strip())
    if fact is None:
        return _with_times(line.replace("**", ""))
    name = clean(fact[1])
    return "" if name.casefold().replace(" ", "") == "userid" else f"**{plain(name, 80)}** {_with_times(fact[2])}"


def _with_times(text: str) -> str:
    """The text escaped, but for Discord's timestamps, which can only show a time."""
    parts = _TIMESTAMP.split(clean(text))
    return clip("".join(part if place % 2 else escape(part) for place, part in enumerate(parts)), 600)


def _embed(colour: Colour, *blocks: str) -> Embed:
    # A blank line between blocks, because a line right after a quote is taken into it by some renderers.
    return Embed(colour=colour, description=clip("\n\n".join(filter(None, blocks)), DESCRIPTION_LIMIT))


def _head(job: Job, parent: Link | None, limit: int) -> str:
    """Where the job comes from, and its prompt as a quote."""
    line = f"**{plain(label(job), 100)}**"
    if job.verb in SEED_VERBS and job.seed and re.fullmatch(r"\d{1,40}", job.seed.value):
        line += f" `{job.seed.value}`"
    if job.verb == "blend" and (given := pictures(job)):
        line += f" of {given}"
    elif parent:
        line += f" of {link(plain(linkable(parent.text), 120) or 'an earlier picture', parent.url)}"
    if job.status == Status.MODERATED or not scene(job):
        return line
    words = _LONG_URL.sub(r"https://\1/…", prompt(job))
    return f"{line}\n> {plain(words, limit)}"


def _trouble(job: Job, sentence: str) -> str:
    said = reason(job, job.error, 300) if job.status == Status.FAILED else ""
    return f"{sentence} It said: {said}" if said else sentence


def _described(job: Job) -> Iterable[str]:
    """Describe's prompts, each behind the 1️⃣…4️⃣ that Midjourney gave it; old ones link every artist's name."""
    if job.verb != "describe":
        return []
    told = "\n".join(embed.description for embed in job.embeds)
    lines = (plain(_MASKED_LINK.sub(r"\1", line), 600) for line in told.splitlines())
    return list(filter(None, lines))[:5] or ["Midjourney found no words for this picture."]

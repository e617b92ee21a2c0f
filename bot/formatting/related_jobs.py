"""Related jobs as a list: which was made from which, their states, and links to their posts."""

from collections.abc import Sequence

import msgspec
from discord import Embed

from bot.formatting.captions import link, linkable, tag
from bot.formatting.embeds import DESCRIPTION_LIMIT, QUIET
from bot.formatting.labels import label, title
from bot.formatting.status_text import state
from bot.models import Job, Status
from bot.text import clip, plain

RELATED_JOBS_LIMIT = 15
"""The lines of a list of related jobs."""

_MAX_INDENT = 8  # generations; more would leave no room for text on a phone


class RelatedJobLine(msgspec.Struct, frozen=True, kw_only=True):
    """A related job; `url` is the jump link of its post, `here` marks the job whose relatives are listed."""

    job: Job
    key: str
    generation: int
    url: str | None = None
    here: bool = False


def related_jobs(jobs: Sequence[RelatedJobLine], more: int) -> Embed:
    """List related jobs in at most 15 lines, each parent above its children; `more` is the number of those left out.

    A declined prompt is not repeated. A job without a post shows its key, which `/job` accepts.
    """
    room = RELATED_JOBS_LIMIT - (1 if more or len(jobs) > RELATED_JOBS_LIMIT else 0)
    left = more + max(len(jobs) - room, 0)
    lines = [_line(each) for each in jobs[:room]]
    if len(jobs) == 1 and not more:
        lines.append("-# No related jobs in this server.")
    elif left:
        lines.append(f"-# … and {left} more")
    return Embed(colour=QUIET, description=clip("\n".join(lines), DESCRIPTION_LIMIT))


def _line(related: RelatedJobLine) -> str:
    job = related.job
    key = tag(related.key)
    words = "" if job.status == Status.MODERATED else title(job, 40)
    name = link(plain(linkable(words), 80) or key, related.url)
    facts = [f"**{plain(label(job), 60)}** {name}", state(job)]
    if not related.url and words:
        facts.append(f"`{key}`")
    if related.here:
        facts.append("this one")
    return "  " * min(related.generation, _MAX_INDENT) + "- " + " · ".join(facts)

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

FAMILY_LIMIT = 15
"""The lines of a list of related jobs."""

_MAX_INDENT = 8  # generations; more would leave no room for text on a phone


class FamilyLine(msgspec.Struct, frozen=True, kw_only=True):
    """A related job; `url` is the jump link of its post, `here` marks the job whose family is listed."""

    job: Job
    key: str
    generation: int
    url: str | None = None
    here: bool = False


def family(members: Sequence[FamilyLine], more: int) -> Embed:
    """List related jobs in at most 15 lines, each parent above its children; `more` is the number of those left out.

    A declined prompt is not repeated. A job without a post shows its key, which `/job` accepts.
    """
    room = FAMILY_LIMIT - (1 if more or len(members) > FAMILY_LIMIT else 0)
    left = more + max(len(members) - room, 0)
    lines = [_line(member) for member in members[:room]]
    if len(members) == 1 and not more:
        lines.append("-# No related jobs in this server.")
    elif left:
        lines.append(f"-# … and {left} more")
    return Embed(colour=QUIET, description=clip("\n".join(lines), DESCRIPTION_LIMIT))


def _line(member: FamilyLine) -> str:
    job = member.job
    key = tag(member.key)
    words = "" if job.status == Status.MODERATED else title(job, 40)
    name = link(plain(linkable(words), 80) or key, member.url)
    facts = [f"**{plain(label(job), 60)}** {name}", state(job)]
    if not member.url and words:
        facts.append(f"`{key}`")
    if member.here:
        facts.append("this one")
    return "  " * min(member.generation, _MAX_INDENT) + "- " + " · ".join(facts)

"""A family of jobs as a list: who came from whom, how each stands, and where."""

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
"""Lines of a family."""

_DEEPEST = 8  # generations that are moved to the right, so that a phone still shows words


class FamilyLine(msgspec.Struct, frozen=True, kw_only=True):
    """A job of a family; `url` is the jump link of its post, `here` the one that was asked about."""

    job: Job
    key: str
    generation: int
    url: str = ""
    here: bool = False


def family(members: Sequence[FamilyLine], more: int) -> Embed:
    """The family in at most 15 lines, each parent above its children; `more` are not shown.

    A declined prompt is not repeated; a job without a post goes by its key, which `/job` takes.
    """
    room = FAMILY_LIMIT - (1 if more or len(members) > FAMILY_LIMIT else 0)
    left = more + max(len(members) - room, 0)
    lines = [_line(member) for member in members[:room]]
    if len(members) == 1 and not more:
        lines.append("-# Nothing else of this family is known in this server.")
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
    return "  " * min(member.generation, _DEEPEST) + "- " + " · ".join(facts)

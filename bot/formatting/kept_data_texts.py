"""Sentences about what is kept about a member, and about forgetting them."""

from datetime import datetime

from discord.utils import format_dt

from bot.models.kept_data import KeptCounts

NOTHING_KEPT = "I keep nothing about you."
FORGOTTEN = "I've forgotten you."
"""Everything, at once."""


def kept(counts: KeptCounts, keep_days: int) -> str:
    """What is kept about a member, line by line."""
    if counts.nothing:
        return NOTHING_KEPT
    lines = ["**What I keep about you, in all servers of this bot**"]
    if counts.subscriptions:
        jobs = _number(counts.subscriptions, "watched job", "watched jobs")
        lines.append(f"- {jobs}{_unfinished(counts.awaited, counts.subscriptions, 'not posted yet')}")
    if counts.submissions:
        submissions = _number(counts.submissions, "prompt or press", "prompts and presses")
        lines.append(f"- {submissions}{_unfinished(counts.unfinished, counts.submissions, 'not finished yet')}")
    if counts.stars:
        lines.append(f"- {_number(counts.stars, 'star', 'stars')}")
    if counts.memberships:
        shut_out = f"; you are shut out of {counts.shut_out}" if counts.shut_out else ""
        lines.append(f"- your settings in {_number(counts.memberships, 'server', 'servers')}{shut_out}")
    if counts.audit:
        entries = _number(counts.audit, "audit entry", "audit entries")
        lines.append(f"- {entries} about shutting you out or letting you in")
    lines += ["", f"A job and all about it is deleted {keep_days} days after its last use."]
    if counts.requested_at is not None:
        lines.append(forgetting(counts, counts.requested_at))
    return "\n".join(lines)


def forget_question(counts: KeptCounts) -> str:
    """What forgetting means for a member, before it is done."""
    lines = [
        "**Forget you?**",
        "I'll delete your name, your id, your stars, your settings and your list of prompts, and stop notifying you, "
        "in all servers of this bot. This can't be undone.",
        "- Posts stay, with the prompts in them. Delete those first that you want gone: afterwards I don't know which "
        "are yours.",
    ]
    if counts.awaited or counts.unfinished:
        lines.append(
            "- What you're still waiting for is finished and posted first, and you're notified as usual. `/jobs` can "
            "stop and cancel it."
        )
    if counts.submissions:
        lines.append("- For a day your id stays with what you started, without your name: it counts for your limits.")
    if counts.shut_out:
        lines.append("- A server that shut you out keeps your id, without your name, until it lets you in.")
    return "\n".join(lines)


def forgetting(counts: KeptCounts, requested_at: datetime) -> str:
    """What of the member is not forgotten yet, and when it will be."""
    when = format_dt(requested_at, "R")
    if counts.awaited or counts.unfinished:
        return (
            f"You asked me to forget you {when}. What you're still waiting for is finished first; I'll forget it "
            "within a day after that."
        )
    return f"You asked me to forget you {when}. What is left counts for your limits; I'll forget it within a day."


def _unfinished(number: int, of: int, what: str) -> str:
    if number == 0:
        return ""
    return f", {what}" if of == 1 else f", {number} of them {what}"


def _number(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"

"""Sentences about members who are shut out, and the lines of the audit."""

from discord.utils import format_dt

from bot.models.member import AuditAction, AuditEntry, MemberNumbers, ShutOut, ShutOutReason
from bot.models.server import ServerSettings
from bot.text import plain

_REASONS = {
    ShutOutReason.DECLINED: "Midjourney declined too many of your jobs, and it blocks accounts for that",
    ShutOutReason.MANAGER: "someone with Manage Server has shut you out",
}
_NAME = 40  # characters


def shut_out(shut: ShutOut) -> str:
    """Why a member can submit nothing, and until when: for that member."""
    return f"You can't start jobs or use buttons here{_until(shut)}: {_REASONS[shut.reason]}."


def member_standing(shut: ShutOut | None) -> str:
    """Whether a member may submit anything: for a manager."""
    if shut is None:
        return "Not shut out."
    if shut.reason is ShutOutReason.DECLINED:
        return f"⏸️ Shut out{_until(shut)}, because Midjourney declined too many of their jobs."
    return f"⏸️ Shut out{_until(shut)}."


def member_numbers(numbers: MemberNumbers, queued: int, settings: ServerSettings) -> str:
    """What a member did in the last 24 hours, and what goes on: for a manager."""
    of = "" if settings.daily is None else f" of {settings.daily}"
    return "\n".join(
        (
            f"Uses in the last 24 hours: {numbers.used}{of}",
            f"Declined by Midjourney in the last 24 hours: {numbers.declined} of {settings.declined}",
            f"Running jobs: {numbers.running} of {settings.running}, queued: {queued}",
        )
    )


def left_today(numbers: MemberNumbers, settings: ServerSettings) -> str:
    """What a member has left of their daily number, and when it is one more."""
    if settings.daily is None:
        return f"{numbers.used} used today, without a limit."
    more = "" if numbers.next_at is None else f", one more is free {format_dt(numbers.next_at, 'R')}"
    return f"{max(settings.daily - numbers.used, 0)} of {settings.daily} left today{more}."


def running_jobs(numbers: MemberNumbers, settings: ServerSettings) -> str:
    """How many jobs of a member are running."""
    return f"Running jobs: {numbers.running} of {settings.running}."


def audit_line(entry: AuditEntry) -> str:
    """`<time> · Bo · shut out until <time> by Ada`."""
    until = "" if entry.until is None else f" until {format_dt(entry.until, 'f')}"
    by = f" by {plain(entry.manager_name, _NAME) or 'a manager'}"
    match entry.action:
        case AuditAction.DECLINED:
            what = f"shut out{until}, after declined jobs"
        case AuditAction.SHUT_OUT:
            what = f"shut out{until}{by}"
        case AuditAction.LET_IN:
            what = f"let in again{by}"
    return " · ".join((format_dt(entry.created_at, "f"), plain(entry.person.name, _NAME) or "someone", f"**{what}**"))


def _until(shut: ShutOut) -> str:
    return "" if shut.until is None else f" until {format_dt(shut.until, 'f')}"

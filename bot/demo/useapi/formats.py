"""How useapi writes times and job ids."""

from datetime import UTC, datetime

from bot.demo.midjourney.job import CHANNEL


def useapi_time(milliseconds: int) -> str:
    """Return a time as useapi writes it: ISO 8601 with milliseconds and a Z."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def discord_time(at: float) -> str:
    """Return a time as Discord writes it: ISO 8601 with microseconds and an offset."""
    return datetime.fromtimestamp(round(at, 3), UTC).isoformat(timespec="microseconds")


def jobid_of(milliseconds: int) -> str:
    """Return a job id; its 17-digit stamp is the time of creation."""
    digits = "".join(char for char in useapi_time(milliseconds) if char.isdigit())
    return f"job:{digits}-user:12345-channel:{CHANNEL}-bot:midjourney"

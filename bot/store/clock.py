"""The wall clock, and Discord's time as far as its snowflakes have shown it."""

from collections.abc import Callable
from datetime import UTC, datetime

_CLOCK_SKEW = 2000 << 22  # two seconds as a snowflake: Discord's own machines need not agree to the millisecond
_DISCORD_EPOCH = 1420070400.0  # seconds; https://discord.com/developers/docs/reference#snowflakes


class Clock:
    """`now` is the wall clock, which may jump; `newest_snowflake` the newest id seen from Discord, 0 without one."""

    def __init__(self, now: Callable[[], datetime], *, newest_snowflake: int = 0) -> None:
        self.now = now
        self.newest_snowflake = newest_snowflake

    def time(self) -> float:
        """Seconds since 1970, as the database keeps times."""
        return self.now().timestamp()

    def note_snowflake(self, snowflake: int) -> None:
        """Note an id that Discord has just made."""
        self.newest_snowflake = max(self.newest_snowflake, snowflake)

    def after_id(self) -> int:
        """A snowflake older than any message that is posted from now on."""
        return max(self.newest_snowflake - _CLOCK_SKEW, 0)

    def earliest_now(self) -> datetime:
        """The wall clock's time or that of Discord's newest id, whichever is earlier; UTC."""
        discords = datetime.fromtimestamp(_DISCORD_EPOCH + (self.newest_snowflake >> 22) / 1000, UTC)
        return min(self.now().astimezone(UTC), discords)

"""What holds the line up, and for how long: it pauses as one, because what one press met, the next would meet, too."""

import logging
from collections.abc import Callable

from bot.errors import AccountBlocked, Busy, Overloaded, ProviderError, QueueFull
from bot.wakeup import loop_time

log = logging.getLogger(__name__)

_FULL_PAUSE = 15.0
_BUSY_PAUSE = 10.0  # the first one; each that follows is twice as long
_OVERLOADED_PAUSE = 60.0
_PROBE = 60.0  # between two tries while the account waits for a person
_LONGEST_PAUSE = 300.0

_WORDS: tuple[tuple[type[ProviderError], str], ...] = (
    (QueueFull, "All of the Midjourney account's places are taken."),
    (Busy, "useapi.net asks for a pause."),
    (AccountBlocked, "The Midjourney account waits for a person, and whoever runs this bot was told."),
    (Overloaded, "useapi.net is overloaded just now."),
    (ProviderError, "useapi.net has trouble just now."),
)


class Hold:
    """Whether the line is held up; times of the loop's clock. `alert` is told what needs a person, and when no more."""

    def __init__(self, *, alert: Callable[[str, str], None]) -> None:
        self._alert = alert
        self._why: ProviderError | None = None
        self._since = 0.0
        self._strain = 0
        self._until = 0.0

    def __bool__(self) -> bool:
        return self._why is not None

    @property
    def words(self) -> str:
        """Why the line does not move, for a person; empty when it does."""
        return next((words for kind, words in _WORDS if isinstance(self._why, kind)), "")

    @property
    def seconds_left(self) -> float:
        """How long nothing is to be sent."""
        return max(self._until - loop_time(), 0.0)

    def begin(self, outcome: ProviderError) -> None:
        """A press met this; nothing is sent for a while."""
        if type(outcome) is not type(self._why):
            self._strain = 0
        if self._strain == 0 or not self.seconds_left:  # requests that failed side by side are one trouble
            self._strain = min(self._strain + 1, 6)
        if self._why is None:
            log.info("Presses wait in line: %s", type(outcome).sentence())
        if isinstance(outcome, AccountBlocked):
            self._alert("presses", f"Buttons wait. {outcome.for_admin}")
        self._why, self._since = outcome, loop_time()
        self.pause(min(_pause(outcome, 2.0 ** (self._strain - 1)), _LONGEST_PAUSE))

    def pause(self, seconds: float) -> None:
        """Send nothing for so long, whether the line is held up or not."""
        self._until = max(self._until, loop_time() + seconds)

    def slot_freed(self) -> None:
        """A job ended: a full account has room again, maybe."""
        if isinstance(self._why, QueueFull):
            self._until = 0.0

    def forget(self) -> None:
        """Nobody waits any more, so whoever comes next need not hear of what was."""
        self._why = None

    def end(self, asked_at: float) -> bool:
        """A request of this time was answered; whether that says anything, unlike one from before the trouble."""
        if asked_at < self._since:
            return False
        self._strain = 0
        self._until = 0.0
        if self._why is not None:
            self._why = None
            log.info("Presses are sent again")
        self._alert("presses", "")
        return True


def _pause(outcome: ProviderError, longer: float) -> float:
    match outcome:
        case QueueFull():
            return _FULL_PAUSE
        case AccountBlocked():
            return _PROBE
        case Overloaded():
            return _OVERLOADED_PAUSE * longer
        case Busy():
            return max(_BUSY_PAUSE * longer, outcome.retry_after or 0.0)
        case _:
            return _BUSY_PAUSE * longer

"""Which deliveries keep failing although others are posted: they fail because of their message, not of an outage."""

from bot.models import Delivery

_TRIES = 5  # failed sends, where later messages of the same channel were posted meanwhile,
_TRIES_ALONE = 10  # and where only other channels got theirs: the channel may be why it fails


class RepeatedFailures:
    """Compares the failures of each delivery with the posts since its first; kept in memory."""

    def __init__(self) -> None:
        self._posts = 0
        self._posts_in: dict[int, int] = {}  # by channel id, where something fails
        self._failing: dict[int, tuple[int, int]] = {}  # delivery id -> both numbers at its first failure

    def note_posted(self, delivery: Delivery) -> None:
        """A message was posted."""
        self._posts += 1
        channel_id = delivery.destination.channel_id
        if channel_id in self._posts_in:
            self._posts_in[channel_id] += 1
        self.forget(delivery)

    def note_failed(self, delivery: Delivery) -> bool:
        """A send failed; `delivery` is as before its claim. Returns whether its message is why."""
        here = self._posts_in.setdefault(delivery.destination.channel_id, 0)
        posts, posts_here = self._failing.setdefault(delivery.id, (self._posts, here))
        failures = delivery.attempts + 1
        return (here > posts_here and failures >= _TRIES) or (self._posts > posts and failures >= _TRIES_ALONE)

    def forget(self, delivery: Delivery) -> None:
        """It is posted, dropped or given up."""
        self._failing.pop(delivery.id, None)
        if not self._failing:
            self._posts_in.clear()

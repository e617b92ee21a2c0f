"""What Discord refused of each delivery, so that later tries leave it out; kept in memory."""

from dataclasses import replace

from bot.messages import Omissions
from bot.models import Delivery

_MAX_DELIVERIES = 1000


class Omitted:
    """The `Omissions` of deliveries, by id; of the newest thousand.

    After a restart Discord refuses such a message once more, and it is known again.
    """

    def __init__(self) -> None:
        self._of: dict[int, Omissions] = {}

    def of(self, delivery: Delivery) -> Omissions:
        """What the delivery's message leaves out."""
        return self._of.get(delivery.id, Omissions())

    def add(self, delivery: Delivery, *, words: bool = False, why_no_file: str = "") -> None:
        """Leave out more from now on."""
        before = self._of.pop(delivery.id, Omissions())
        self._of[delivery.id] = replace(
            before, words=words or before.words, why_no_file=why_no_file or before.why_no_file
        )
        while len(self._of) > _MAX_DELIVERIES:
            self._of.pop(next(iter(self._of)))

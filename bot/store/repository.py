"""What every repository has: the database and the clock."""

from bot.store.clock import Clock
from bot.store.connection import Database


class Repository:
    """One subject of the database. Every method that changes something is one transaction."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._db = database
        self._clock = clock

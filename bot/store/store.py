"""The store: the database, composed of its repositories."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from bot.store.alert_causes import AlertCauses
from bot.store.backups import Backups
from bot.store.clock import Clock
from bot.store.connection import FILE, Database, as_store_error, open_database
from bot.store.deliveries import Deliveries
from bot.store.delivery_statements import OPEN
from bot.store.durations import Durations
from bot.store.facts import Facts
from bot.store.jobs import Jobs
from bot.store.kept_data import KeptDataOfMembers
from bot.store.left_servers import LeftServers
from bot.store.members import Members
from bot.store.outbox import Outbox
from bot.store.presets import Presets
from bot.store.prompts import Prompts
from bot.store.pruning import Pruning
from bot.store.related_jobs import RelatedJobs
from bot.store.servers import Servers
from bot.store.stars import Stars
from bot.store.stats import Stats
from bot.store.submission_history import SubmissionHistory
from bot.store.submission_queue import QueuedSubmissions
from bot.store.submissions import Submissions, mark_sent_unconfirmed
from bot.store.subscriptions import Subscriptions
from bot.store.undelivered import Undelivered


@asynccontextmanager
async def open_store(folder: Path, now: Callable[[], datetime]) -> AsyncIterator["Store"]:
    """The store in `folder`, with `now` as its wall clock; raises `StoreError`, see `open_database`."""
    async with open_database(folder) as database:
        with as_store_error(folder / FILE):
            newest_snowflake = await _read_open_rows(database)
            await database.transaction(mark_sent_unconfirmed)
        yield Store(database, Clock(now, newest_snowflake=newest_snowflake))


async def _read_open_rows(database: Database) -> int:
    """Read the rows that the work ahead needs, so that a damaged page stops the start; Discord's newest snowflake.

    The newest deliveries are enough for that snowflake: each recorded it when it was added. One that is too old makes
    a search of the history longer, no more.
    """
    await database.rows("SELECT sum(length(answer)) FROM jobs WHERE over = 0")
    await database.rows(f"SELECT sum(length(error)) FROM deliveries WHERE {OPEN}")
    (newest,) = await database.rows(
        """SELECT max(max(after_id), max(coalesce(message_id, 0)))
           FROM (SELECT after_id, message_id FROM deliveries ORDER BY id DESC LIMIT 1000)"""
    )
    return newest[0] or 0


class Store:
    """One repository per subject, all on the same database and clock."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self.clock = clock
        self.alert_causes = AlertCauses(database, clock)
        self.backups = Backups(database, clock)
        self.deliveries = Deliveries(database, clock)
        self.durations = Durations(database, clock)
        self.facts = Facts(database, clock)
        self.related_jobs = RelatedJobs(database, clock)
        self.history = SubmissionHistory(database, clock)
        self.jobs = Jobs(database, clock)
        self.kept_data = KeptDataOfMembers(database, clock)
        self.left_servers = LeftServers(database, clock)
        self.members = Members(database, clock)
        self.outbox = Outbox(database, clock)
        self.presets = Presets(database, clock)
        self.prompts = Prompts(database, clock)
        self.pruning = Pruning(database, clock)
        self.queue = QueuedSubmissions(database, clock)
        self.servers = Servers(database, clock)
        self.stars = Stars(database, clock)
        self.stats = Stats(database, clock)
        self.submissions = Submissions(database, clock)
        self.subscriptions = Subscriptions(database, clock)
        self.undelivered = Undelivered(database, clock)

    def on_health(self, callback: Callable[[str], None]) -> None:
        """Call `callback` with a sentence when the database begins to fail, and with "" when it works again."""
        self.database.on_health = callback

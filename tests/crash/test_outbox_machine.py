"""The real store on a real SQLite file, with a crash as a rule: each promise is kept once, whatever comes.

A crash leaves what SQLite had written to the disk by then, be it between two calls or in the midst of one. Discord is a
dictionary here; it forgets nonces at once, or shows no history, because either layer must do alone.
"""

import asyncio
import shutil
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, NoReturn, TypeVar

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bot.jobs import Delivery, Job, Kind, Person, Place, State, Status
from bot.store import Store, open_store

T = TypeVar("T")
JOBS = [f"job:{number}" for number in range(2)]
PLACES = [Place(guild_id=100, channel_id=channel) for channel in (200, 201)]
PEOPLE = [Person(id=1, name="Mira"), Person(id=2, name="Bo")]
MEMORY = Path(
    "/dev/shm"
)  # where it exists: a failure takes hundreds of runs to shrink, and a disk waits at every commit
CUT = st.sampled_from([0] * 12 + list(range(1, 13)))  # most calls live
BEGAN = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Crashed(Exception):
    """The process is gone; what it knew is gone with it."""


@dataclass
class Message:
    """A message in the model of Discord; `over` is what a card says of its job."""

    id: int
    delivery: Delivery
    jobid: str
    over: bool


class OutboxMachine(RuleBasedStateMachine):
    """Asks, looks and sends as the bot does; `promised` is what somebody was told."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(mkdtemp(prefix="outbox-", dir=MEMORY if MEMORY.is_dir() else None))
        self.loop = asyncio.new_event_loop()
        self.lives = 0
        self.cut_at = 0
        self.seconds = 0.0
        self.over: set[str] = set()
        self.promised: set[tuple[str, int]] = set()
        self.messages: list[Message] = []
        self._open()

    # --- life and death ---------------------------------------------------------------------------------------------

    def _open(self) -> None:
        self.stack = AsyncExitStack()
        opened = self.stack.enter_async_context(open_store(self._data, lambda: BEGAN + timedelta(seconds=self.seconds)))
        self.store: Store = self.loop.run_until_complete(opened)

    @property
    def _data(self) -> Path:
        return self.folder / str(self.lives)

    def _save(self) -> None:
        """What a process that died now would leave."""
        shutil.copytree(self._data, self._saved)

    @property
    def _saved(self) -> Path:
        return self.folder / str(self.lives + 1)

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run one call of the store; `Crashed` where SQLite came to the statement at which all ends."""
        if not self.cut_at:
            return self.loop.run_until_complete(work)
        database = self.store._db._connection  # the only place that sees single statements
        self.loop.run_until_complete(database.set_trace_callback(self._at_statement))
        result = self.loop.run_until_complete(work)
        self.loop.run_until_complete(database.set_trace_callback(None))  # type: ignore[arg-type]  # turns it off
        if not self.cut_at:
            raise Crashed
        return result

    def _at_statement(self, _: str) -> None:
        self.cut_at = max(self.cut_at - 1, 0)
        if self.cut_at == 0 and not self._saved.exists():
            self._save()

    def _die(self) -> NoReturn:
        self._save()
        raise Crashed

    @contextmanager
    def life(self, cut: int = 0) -> Iterator[None]:
        """What is done here may end in a crash, at the statement `cut` at the latest; then the next life begins."""
        self.cut_at = cut
        self.seconds += 400  # longer than any pause of the courier's
        try:
            yield
            self.cut_at = 0
        except Crashed:
            self.loop.run_until_complete(self.stack.aclose())
            self.lives += 1
            self._open()

    def teardown(self) -> None:
        try:
            self._keep_all_promises()
        finally:
            self.loop.run_until_complete(self.stack.aclose())  # an open connection would keep the process alive
            self.loop.close()
            shutil.rmtree(self.folder)

    def _keep_all_promises(self) -> None:
        self.over |= set(JOBS)
        self.look()
        for _ in range(3):  # results, then the cards that waited for them, then none
            self._deliver_all()
        posts = {(message.jobid, message.delivery.place.channel_id) for message in self._standing(Kind.RESULT)}
        assert self.promised <= posts, "lost"
        # Without a history, a card whose send was cut off cannot be found again.
        assert self.nonces or all(card.over for card in self._standing(Kind.CARD)), "a card says that its job runs"
        assert self.do(self.store.open_deliveries()) == []

    @invariant()
    def nothing_stands_twice(self) -> None:
        seen = Counter((m.jobid, m.delivery.place, m.delivery.kind) for m in self.messages)
        assert all(times == 1 for times in seen.values())

    # --- what happens -----------------------------------------------------------------------------------------------

    @initialize(nonces=st.booleans())
    def discord_remembers_nonces_or_shows_its_history_and_somebody_asks(self, nonces: bool) -> None:
        self.nonces = nonces
        for place in PLACES:
            self.ask(JOBS[0], place, PEOPLE[0])

    @rule(jobid=st.sampled_from(JOBS), place=st.sampled_from(PLACES), person=st.sampled_from(PEOPLE), cut=CUT)
    def ask(self, jobid: str, place: Place, person: Person, cut: int = 0) -> None:
        with self.life(cut):
            self.store.saw(self._snowflake())
            self.do(self.store.ask(self._job(jobid), place, person))
            self.promised.add((jobid, place.channel_id))

    @rule(jobid=st.sampled_from(JOBS))
    def midjourney_finishes(self, jobid: str) -> None:
        self.over.add(jobid)

    @rule(cut=CUT)
    def look(self, cut: int = 0) -> None:
        with self.life(cut):
            running = [self.do(self.store.known(job_id)) for job_id in self.do(self.store.running())]
            self.do(self.store.record([(known.id, self._job(known.job.jobid)) for known in running]))

    @rule(nth=st.integers(0, 5), fate=st.sampled_from(["answered", "unsent", "unheard", "refused", "killed"]), cut=CUT)
    def deliver(self, nth: int, fate: str, cut: int) -> None:
        with self.life(cut):
            waiting = self.do(self.store.open_deliveries())
            if waiting:
                self._deliver(waiting[nth % len(waiting)], fate)

    @rule(cut=CUT)
    def edit_the_cards(self, cut: int) -> None:
        with self.life(cut):
            for card in self.do(self.store.cards_to_edit()):
                self._edit(card)

    @rule()
    def die(self) -> None:
        with self.life():
            self._die()

    # --- the courier's protocol -------------------------------------------------------------------------------------

    def _deliver(self, delivery: Delivery, fate: str) -> None:
        known = self.do(self.store.known(delivery.job_id))
        if delivery.state is State.SENDING:
            if found := self._find(delivery):
                self.do(self.store.posted(msgspec.structs.replace(delivery, wanted=0), found.id))
                return
            if delivery.kind is Kind.CARD and known.job.over:
                self.do(self.store.drop(delivery))
                return
        claimed = self.do(self.store.claim(delivery))
        if claimed is None:
            return
        if fate in {"answered", "unheard", "killed"}:
            message = self._post(claimed, known.job)
        if fate == "answered":
            self.do(self.store.posted(claimed, message.id))
        elif fate == "killed":
            self._die()
        else:
            refused = fate == "refused" and delivery.state is State.WAITING
            self.do(self.store.put_off(claimed, 300, fate, unsent=refused))

    def _edit(self, card: Delivery) -> None:
        known = self.do(self.store.known(card.job_id))
        coming = known.job.over and self.do(self.store.open_result(known.id, card.place.channel_id))
        if not coming:
            (message,) = (message for message in self.messages if message.id == card.message_id)
            message.over = known.job.over
        self.do(self.store.shown(card, 5))

    def _deliver_all(self) -> None:
        with self.life():
            for delivery in self.do(self.store.open_deliveries()):
                self._deliver(delivery, "answered")
            self.seconds += 400
            for card in self.do(self.store.cards_to_edit()):
                self._edit(card)

    # --- the far ends -----------------------------------------------------------------------------------------------

    def _snowflake(self) -> int:
        self.seconds += 0.001
        return int(370e9 + self.seconds * 1000) << 22  # as in 2026

    def _job(self, jobid: str) -> Job:
        return Job(jobid=jobid, verb="imagine", status=Status.COMPLETED if jobid in self.over else Status.STARTED)

    def _standing(self, kind: Kind) -> list[Message]:
        return [message for message in self.messages if message.delivery.kind is kind]

    def _find(self, delivery: Delivery) -> Message | None:
        newer = [message for message in self.messages if message.id > delivery.after_id and not self.nonces]
        return next((message for message in newer if message.delivery.nonce == delivery.nonce), None)

    def _post(self, delivery: Delivery, job: Job) -> Message:
        known = [message for message in self.messages if message.delivery.nonce == delivery.nonce and self.nonces]
        if not known:
            known = [Message(self._snowflake(), delivery, job.jobid, job.over)]
            self.messages += known
        return known[0]


TestOutbox = pytest.mark.timeout(400)(OutboxMachine.TestCase)  # a failure takes minutes to shrink, success seconds
TestOutbox.settings = settings(
    max_examples=60, stateful_step_count=12, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)

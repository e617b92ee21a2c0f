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
from typing import Any, NoReturn, TypeVar

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bot.models import (
    CostTier,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Destination,
    Job,
    Limit,
    LimitExceeded,
    Limits,
    Person,
    Status,
    SubmissionState,
)
from bot.models.provider import ProviderName
from bot.store import Store, open_store
from tests.conftest import LONG
from tests.database import migrated
from tests.disk import quick_folder
from tests.submitting import button_press

T = TypeVar("T")
JOBS = [f"job:{number}" for number in range(2)]
CHILD = "job:made by U1 of the first"
DESTINATIONS = [Destination(guild_id=100, channel_id=channel) for channel in (200, 201)]
STARBOARD = Destination(guild_id=100, channel_id=202)
PEOPLE = [Person(id=1, name="Mira"), Person(id=2, name="Bo")]
CUT = st.sampled_from([0] * 12 + list(range(1, 13)))  # most calls live
FATES = ["answered", "without its picture", "unsent", "unheard", "refused", "killed"]
BEGAN = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Crashed(Exception):
    """The process is gone; what it knew is gone with it."""


@dataclass
class Message:
    """A message in the model of Discord; `links` are a result's used buttons."""

    id: int
    delivery: Delivery
    jobid: str
    links: set[str]
    picture: bool = True


class OutboxMachine(RuleBasedStateMachine):
    """Asks, looks and sends as the bot does; `promised` is what somebody was told."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = quick_folder("outbox-")  # a failure takes hundreds of runs to shrink
        self.loop = asyncio.new_event_loop()
        self.lives = 0
        self.cut_at = 0
        self.seconds = 0.0
        self.over: set[str] = set()
        self.promised: set[tuple[DeliveryKind, str, int]] = set()
        self.messages: list[Message] = []
        self._open()

    # --- life and death ---------------------------------------------------------------------------------------------

    def _open(self) -> None:
        self.stack = AsyncExitStack()
        opened = self.stack.enter_async_context(
            open_store(migrated(self._data), lambda: BEGAN + timedelta(seconds=self.seconds))
        )
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
        database = self.store.database._connection  # the only place that sees single statements
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
        self.poll()
        for press in self.do(self.store.queue.to_notify(ProviderName.USEAPI)):
            self.do(
                self.store.submissions.notify_in_channel(press)
                if press.child_id is None
                else self.store.submissions.mark_notified(press)
            )
        for _ in range(3):  # results, then the cards that waited for them, then none
            self._deliver_all()
        posts = {(m.delivery.kind, m.jobid, m.delivery.destination.channel_id) for m in self.messages}
        assert self.promised <= posts, "lost"
        submissions = [
            press for press, _ in self.do(self.store.history.page(DESTINATIONS[0].guild_id, before=None, limit=100))
        ]
        declined = {press.id for press in submissions if press.state is SubmissionState.DECLINED}
        assert declined == {notice.delivery.submission_id for notice in self._standing(DeliveryKind.NOTICE)}, (
            "nobody told them"
        )
        # Without a history, a card whose send was cut off cannot be found again.
        assert self.nonces or not self._standing(DeliveryKind.STATUS_CARD), "a card of a job whose result is posted"
        self._show_what_is_true()
        assert self.do(self.store.outbox.due()) == []
        assert self.do(self.store.outbox.to_edit()) == []
        self.nothing_is_posted_twice()

    def _show_what_is_true(self) -> None:
        links = {"U1"} if any(child.jobid == CHILD for child in self._standing(DeliveryKind.RESULT)) else set()
        for post in self._standing(DeliveryKind.RESULT):
            assert post.links == (links if post.jobid == JOBS[0] else set()), "a button that is none, or a link to none"
            assert post.picture, "a picture that could be had"

    @invariant()
    def nothing_is_posted_twice(self) -> None:
        seen = Counter(
            (m.jobid, m.delivery.destination, m.delivery.kind, m.delivery.submission_id) for m in self.messages
        )
        assert all(times == 1 for times in seen.values())

    # --- what happens -----------------------------------------------------------------------------------------------

    @initialize(nonces=st.booleans(), over=st.booleans())
    def discord_remembers_nonces_or_shows_its_history_and_somebody_asks(self, nonces: bool, over: bool) -> None:
        self.nonces = nonces
        self.over |= {JOBS[0]} if over else set()
        for destination in DESTINATIONS:
            self.ask(JOBS[0], destination, PEOPLE[0])

    @rule(
        jobid=st.sampled_from(JOBS), destination=st.sampled_from(DESTINATIONS), person=st.sampled_from(PEOPLE), cut=CUT
    )
    def ask(self, jobid: str, destination: Destination, person: Person, cut: int = 0) -> None:
        with self.life(cut):
            self.store.clock.note_snowflake(self._snowflake())
            self.do(self.store.subscriptions.add(self._job(jobid), destination, person))
            self.promised.add((DeliveryKind.RESULT, jobid, destination.channel_id))

    @rule(destination=st.sampled_from(DESTINATIONS), person=st.sampled_from(PEOPLE), declined=st.booleans(), cut=CUT)
    def press(self, destination: Destination, person: Person, declined: bool, cut: int) -> None:
        """U1 makes its one job; or V1 is declined, and the presser cannot be told in private any more."""
        if JOBS[0] not in self.over:
            return
        with self.life(cut):
            parent = self.do(self.store.subscriptions.add(self._job(JOBS[0]), destination, person)).known
            self.promised.add((DeliveryKind.RESULT, JOBS[0], destination.channel_id))
            button, tier = ("V1", CostTier.VARY) if declined else ("U1", CostTier.PICK)
            request = button_press(parent, button, destination, person, tier=tier)
            pressed = self.do(self.store.submissions.add(request, provider=ProviderName.USEAPI, limits=Limits()))
            if isinstance(pressed, LimitExceeded):
                assert pressed.why is Limit.SHUT_OUT, "after several declined jobs"
                return
            assert pressed is not None
            self.do(self.store.submissions.mark_answered(pressed))
            if pressed.waits_for is not None or self.do(self.store.submissions.mark_sent(pressed)) is None:
                return
            if declined:
                self.do(self.store.submissions.mark_failed(pressed, SubmissionState.DECLINED, "no"))
                for _ in range(2):  # whoever tells cannot know whether it was told before a crash
                    self.do(self.store.submissions.notify_in_channel(pressed))
            else:
                used = self.do(self.store.history.child_of(parent.id, button)) is not None
                self.do(self.store.submissions.mark_accepted(pressed, self._job(CHILD), repeated=used, delay=15))
                self.promised.add((DeliveryKind.RESULT, CHILD, destination.channel_id))

    @rule(destination=st.sampled_from(DESTINATIONS), cut=CUT)
    def split(self, destination: Destination, cut: int) -> None:
        if JOBS[0] not in self.over:
            return
        with self.life(cut):
            known = self.do(self.store.jobs.by_jobid(ProviderName.USEAPI, JOBS[0]))
            assert known is not None
            there = self.do(self.store.deliveries.add_split(known.id, destination))
            assert there is None or there.message_id in [split.id for split in self._standing(DeliveryKind.SPLIT)]
            self.promised.add((DeliveryKind.SPLIT, JOBS[0], destination.channel_id))

    @rule(person=st.sampled_from(PEOPLE), cut=CUT)
    def star(self, person: Person, cut: int) -> None:
        """Two stars are enough."""
        if JOBS[0] not in self.over:
            return
        with self.life(cut):
            known = self.do(self.store.jobs.by_jobid(ProviderName.USEAPI, JOBS[0]))
            assert known is not None
            starred = self.do(self.store.stars.add(known.id, person.id, STARBOARD, len(PEOPLE)))
            if starred.stars == len(PEOPLE):
                self.promised.add((DeliveryKind.STARBOARD_POST, JOBS[0], STARBOARD.channel_id))

    @rule(jobid=st.sampled_from(JOBS))
    def midjourney_finishes(self, jobid: str) -> None:
        self.over.add(jobid)

    @rule(cut=CUT)
    def poll(self, cut: int = 0) -> None:
        with self.life(cut):
            running = [
                self.do(self.store.jobs.get(job_id)) for job_id in self.do(self.store.jobs.to_poll(ProviderName.USEAPI))
            ]
            self.do(self.store.jobs.record([(known.id, self._job(known.job.jobid)) for known in running]))

    @rule(nth=st.integers(0, 5), fate=st.sampled_from(FATES), cut=CUT)
    def deliver(self, nth: int, fate: str, cut: int) -> None:
        with self.life(cut):
            waiting = self.do(self.store.outbox.due())
            if waiting:
                self._deliver(waiting[nth % len(waiting)], fate)

    @rule(cut=CUT)
    def edit(self, cut: int) -> None:
        with self.life(cut):
            for post in self.do(self.store.outbox.to_edit()):
                self._edit(post)

    @rule()
    def die(self) -> None:
        with self.life():
            self._die()

    # --- the courier's protocol -------------------------------------------------------------------------------------

    def _deliver(self, delivery: Delivery, fate: str) -> None:
        known = self.do(self.store.jobs.get(delivery.job_id or 0))
        if delivery.state is DeliveryState.SENDING:
            if found := self._find(delivery):
                self.do(
                    self.store.outbox.mark_posted(unseen(delivery), found.id, picture_for=0 if found.picture else 600)
                )
                return
            if delivery.kind is DeliveryKind.STATUS_CARD and known.job.over:
                self.do(self.store.outbox.drop(delivery))
                return
        links = self._links(delivery)
        claimed = self.do(self.store.outbox.claim(delivery))
        if claimed is None:
            return
        whole = fate != "without its picture" or delivery.kind is not DeliveryKind.RESULT
        if fate in {"answered", "without its picture", "unheard", "killed"}:
            message = self._post(claimed, known.job, links, whole)
        if fate in {"answered", "without its picture"}:
            seen = claimed if delivery.state is DeliveryState.WAITING else unseen(claimed)
            self.do(self.store.outbox.mark_posted(seen, message.id, picture_for=0 if whole else 600))
        elif fate == "killed":
            self._die()
        else:
            refused = fate == "refused" and delivery.state is DeliveryState.WAITING
            self.do(self.store.outbox.retry_later(claimed, 300, fate, unsent=refused))

    def _edit(self, post: Delivery) -> None:
        known = self.do(self.store.jobs.get(post.job_id or 0))
        if post.kind is DeliveryKind.STATUS_CARD and known.job.over:
            result = self.do(self.store.deliveries.newest_result(known.id, post.destination.channel_id))
            assert result is not None, "everybody who asked waits for it"
            if result.state is not DeliveryState.POSTED:
                self.do(self.store.outbox.mark_edited(post, 5))
                return
            assert self._find_result(result), "no card goes before its result is there"
            self.messages = [message for message in self.messages if message.id != post.message_id]
            self.do(self.store.outbox.drop(post))
            return
        (message,) = (message for message in self.messages if message.id == post.message_id)
        message.links, message.picture = self._links(post), True
        self.do(self.store.outbox.mark_edited(post, 5, picture=True))

    def _find_result(self, result: Delivery) -> bool:
        return any(message.id == result.message_id for message in self._standing(DeliveryKind.RESULT))

    def _links(self, delivery: Delivery) -> set[str]:
        return set(self.do(self.store.history.picks(delivery.job_id or 0, delivery.destination)))

    def _deliver_all(self) -> None:
        with self.life():
            for delivery in self.do(self.store.outbox.due()):
                self._deliver(delivery, "answered")
            self.seconds += 400
            for post in self.do(self.store.outbox.to_edit()):
                self._edit(post)

    # --- the far ends -----------------------------------------------------------------------------------------------

    def _snowflake(self) -> int:
        self.seconds += 0.001
        return int(370e9 + self.seconds * 1000) << 22  # as in 2026

    def _job(self, jobid: str) -> Job:
        over = jobid in self.over or jobid == CHILD
        parent = JOBS[0] if jobid == CHILD else ""
        status = Status.COMPLETED if over else Status.STARTED
        return Job(jobid=jobid, verb="imagine", status=status, parent_jobid=parent)

    def _standing(self, kind: DeliveryKind) -> list[Message]:
        return [message for message in self.messages if message.delivery.kind is kind]

    def _find(self, delivery: Delivery) -> Message | None:
        newer = [message for message in self.messages if message.id > delivery.after_id and not self.nonces]
        return next((message for message in newer if message.delivery.nonce == delivery.nonce), None)

    def _post(self, delivery: Delivery, job: Job, links: set[str], picture: bool) -> Message:
        known = [message for message in self.messages if message.delivery.nonce == delivery.nonce and self.nonces]
        if not known:
            known = [Message(self._snowflake(), delivery, job.jobid, links, picture)]
            self.messages += known
        return known[0]


def unseen(delivery: Delivery) -> Delivery:
    """As the courier marks what nobody saw arrive: it shows an unknown version of itself."""
    return (
        msgspec.structs.replace(delivery, revision=0)
        if delivery.kind in {DeliveryKind.STATUS_CARD, DeliveryKind.RESULT, DeliveryKind.STARBOARD_POST}
        else delivery
    )


TestOutbox = pytest.mark.timeout(400)(OutboxMachine.TestCase)  # a failure takes minutes to shrink, success seconds
TestOutbox.settings = settings(
    max_examples=250 if LONG else 15,
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)

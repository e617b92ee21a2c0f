"""What a server of the protocol keeps of its tasks, besides Midjourney's job itself."""

from collections import Counter
from dataclasses import dataclass

from bot.demo.midjourney.account import Account
from bot.demo.midjourney.job import Job, JobPlan
from bot.demo.midjourney_proxy import buttons
from bot.demo.midjourney_proxy.dialects import Dialect

LONGEST_WAIT = 3600.0
"""Seconds for which a task is queued where no running job ever ends."""


@dataclass(kw_only=True, eq=False)
class Task:
    """A task: Midjourney's `job`, and how the server came by it. With `form` it waits for submit/modal."""

    job: Job
    action: str
    custom_id: str = ""
    description: str = ""
    form: bool = False
    fail_reason: str = ""


class Tasks:
    """All tasks by their ids, and `charges`: how often each button of each task was paid for."""

    def __init__(self, account: Account, dialect: Dialect, *, queue_size: int) -> None:
        self.account = account
        self.charges: Counter[tuple[str, str]] = Counter()
        self.doubled: set[str] = set()
        self._dialect = dialect
        self._queue_size = queue_size
        self._tasks: dict[str, Task] = {}

    def add(self, plan: JobPlan, *, custom_id: str = "", description: str = "", form: bool = False) -> Task:
        """Add a task; with `form` its job starts when the form is submitted."""
        job = self.account.add(plan)
        job.dormant = job.dormant or form
        action = buttons.action_of(plan.button, plan.verb)
        task = Task(job=job, action=action, custom_id=custom_id, description=description, form=form)
        self._tasks[job.jobid] = task
        return task

    def get(self, jobid: object) -> Task | None:
        """Return a task; `None` where the server does not know it (any more)."""
        task = self._tasks.get(str(jobid))
        return None if task is None or task.job.plan.ends == "expired" else task

    def all(self) -> list[Task]:
        """Return all tasks that are listed, the oldest first."""
        now = self.account.now()
        return [task for task in self._tasks.values() if task.job.listed(now) and task.job.plan.ends != "expired"]

    def is_over(self, task: Task) -> bool:
        """Whether a task has ended."""
        return not task.form and task.job.snapshot(self.account.now()).over

    def charge(self, parent: str, button: str) -> None:
        """Count what Midjourney charges for. A second identical press is charged again."""
        self.charges[parent, button] += 1

    def forget(self) -> None:
        """Forget all tasks, as a server does at its restart that keeps them in memory."""
        self._tasks.clear()
        self.account.jobs.clear()

    def ahead(self) -> int | None:
        """Return how many tasks are queued before a new one; `None` where the queue is full."""
        waiting = len(self.account.running()) - self.account.max_jobs + 1
        if waiting > self._queue_size and not self._dialect.endless_queue:
            return None
        return max(waiting, 0)

    def queued_for(self, ahead: int) -> float:
        """Return the seconds until a task can start that has so many queued before it, itself included."""
        if not ahead:
            return 0.0
        now = self.account.now()
        ends = sorted(self.account.jobs[jobid].ends_at for jobid in self.account.running())
        return min(max(ends[ahead - 1] - now, 0.0), LONGEST_WAIT)

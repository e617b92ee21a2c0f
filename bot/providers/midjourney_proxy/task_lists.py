"""Lists of a server's tasks: which run, and which one has our reference. Not every server has each route.

`task/list` has the tasks of all users: trueai's only the newest 100, others' all that are in memory. trueai's
`admin/tasks` searches by id or `state`. `task/queue` has only what has not ended. A relay has none of them.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from bot import errors
from bot.models import Job
from bot.providers.http import Http, time_limit
from bot.providers.midjourney_proxy.parsing import job_from, jobid_of, waits_for_form
from bot.providers.midjourney_proxy.responses import read
from bot.providers.midjourney_proxy.status_requests import MAX_LIST_BYTES
from bot.providers.values import RUNNING, Fields

_NEWEST = 100  # what trueai lists
_LISTED_LONG_ENOUGH = timedelta(minutes=5)  # a submission is reconciled for three minutes


class TaskLists:
    """Reads the lists that a server has; `admin` authorizes as an administrator of trueai, where that is possible."""

    def __init__(self, *, http: Http, admin: Http | None, poll_timeout: float, now: Callable[[], datetime]) -> None:
        self._http = http
        self._admin = admin
        self._timeout = time_limit(poll_timeout)
        self._now = now
        self.is_known = False
        """Whether `probe` has found out which of these lists the server has."""
        self.has_list = False
        self.has_queue = False
        self.has_admin = False

    @property
    def can_find(self) -> bool:
        """Whether a search for a reference can be complete, or may be as far as is known."""
        return self.has_admin or self.has_list or not self.is_known

    async def running(self) -> tuple[str, ...]:
        """Return the ids of the tasks that have not ended; raises `Unsupported` where the server has no list."""
        if not (self.has_list or self.has_queue):
            raise errors.Unsupported
        tasks = await self._tasks("/mj/task/list" if self.has_list else "/mj/task/queue")
        ids = (jobid_of(task.get("id")) for task in tasks if not self._job(task).over and not waits_for_form(task))
        return tuple(jobid for jobid in dict.fromkeys(ids) if jobid)[-RUNNING:]

    async def find(self, reference: str) -> Job | None:
        """Return the job with this reference, `None` where a complete search found none.

        Raises `Unsupported` where no list can tell, `TransientError` where the list is too short just now, or nothing
        is known of the server's lists yet.
        """
        if not self.is_known:
            raise errors.TransientError
        if self.has_admin and self._admin is not None:
            criteria = {"search": {"id": reference}, "pagination": {"current": 1, "pageSize": _NEWEST}}
            body = read(await self._admin.request("POST", "/mj/admin/tasks", self._timeout, criteria))
            return self._matching(_objects(body.get("list") if isinstance(body, dict) else None), reference)
        if not self.has_list:
            job = self._matching(await self._tasks("/mj/task/queue"), reference) if self.has_queue else None
            if job is None:
                raise errors.Unsupported
            return job
        tasks = await self._tasks("/mj/task/list")
        job = self._matching(tasks, reference)
        if job is None and not self._is_complete(tasks):
            raise errors.TransientError
        return job

    async def _tasks(self, path: str) -> list[Fields]:
        return _objects(read(await self._http.request("GET", path, self._timeout, max_bytes=MAX_LIST_BYTES)))

    def _matching(self, tasks: list[Fields], reference: str) -> Job | None:
        """Return the newest match; one that waits for its form only where there is no other."""
        matches = [task for task in tasks if task.get("state") == reference and jobid_of(task.get("id"))]
        if not matches:
            return None
        found = max(matches, key=lambda task: (not waits_for_form(task), self._made_at(task)))
        return self._job(found)

    def _is_complete(self, tasks: list[Fields]) -> bool:
        oldest = min(map(self._made_at, tasks), default=0.0)
        return len(tasks) < _NEWEST or self._now().timestamp() - oldest > _LISTED_LONG_ENOUGH.total_seconds()

    def _made_at(self, task: Fields) -> float:
        created = self._job(task).created
        return created.timestamp() if created is not None else 0.0

    def _job(self, task: Fields) -> Job:
        return job_from(task, jobid=jobid_of(task.get("id")), now=self._now())


def _objects(value: object) -> list[Fields]:
    if not isinstance(value, list):
        raise errors.InvalidResponse
    return [item for item in value if isinstance(item, dict)]

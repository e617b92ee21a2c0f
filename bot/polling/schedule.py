"""Due times of jobs, as a heap. Pure: the caller hands in the times, which are seconds of one monotonic clock."""

import heapq
import math

import msgspec


class _Entry(msgspec.Struct, frozen=True, order=True, gc=False):
    """When a job is due. The job id breaks ties. A struct, because a tuple takes three times the memory."""

    at: float
    job_id: int


class Schedule:
    """When each job is polled next.

    A job stays in the schedule until it is forgotten: after `take_due` has returned it, it is overdue until it is
    rescheduled, so it is neither returned again nor moved forward meanwhile.

    Rescheduling leaves the job's old heap entry behind. `_entries` holds the one that counts; the others are dropped
    when their time has come. Heap and dict share the entry and its job id, which is most of the memory of a job.
    """

    def __init__(self) -> None:
        self._heap: list[_Entry] = []
        self._entries: dict[int, _Entry] = {}

    def __contains__(self, job_id: int) -> bool:
        return job_id in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def jobs(self) -> list[int]:
        """The ids of all jobs in the schedule."""
        return list(self._entries)

    def due_time(self, job_id: int) -> float:
        """When the job is due, in the past where it is overdue; infinity where it is not in the schedule."""
        entry = self._entries.get(job_id)
        return math.inf if entry is None else entry.at

    def oldest_due_time(self) -> float:
        """The earliest due time of all jobs, those that were taken and not yet rescheduled included; else infinity."""
        return min(self._entries.values()).at if self._entries else math.inf

    def next_due_time(self) -> float:
        """When `take_due` returns something, at the earliest; infinity where there is nothing to wait for."""
        return self._heap[0].at if self._heap else math.inf

    def reschedule(self, job_id: int, at: float) -> None:
        """Make the job due at `at`, and add it where it is not in the schedule."""
        before = self._entries.get(job_id)
        entry = _Entry(at, job_id if before is None else before.job_id)  # one int object a job, see the class
        self._entries[job_id] = entry
        heapq.heappush(self._heap, entry)

    def add(self, job_id: int, at: float) -> bool:
        """Make the job due at `at` unless it is due by then anyway; whether that changed anything."""
        if at >= self.due_time(job_id):
            return False
        self.reschedule(job_id, at)
        return True

    def take_due(self, until: float, limit: int) -> list[int]:
        """The ids of at most `limit` jobs that are due at `until`, the oldest first; each is returned once."""
        due: list[int] = []
        while len(due) < limit and self._heap and self._heap[0].at <= until:
            entry = heapq.heappop(self._heap)
            if self._entries.get(entry.job_id) is entry:
                due.append(entry.job_id)
        return due

    def forget(self, job_id: int) -> None:
        """Remove the job; nothing happens where it is not in the schedule."""
        self._entries.pop(job_id, None)

    def clear(self) -> None:
        """Remove all jobs."""
        self._heap.clear()
        self._entries.clear()

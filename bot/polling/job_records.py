"""What is remembered of a job between its polls, besides its due time."""

import math
from datetime import datetime

import msgspec

NEVER = -math.inf


class JobRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Counts and marks of one job; the defaults are those of a job about which there is nothing to remember."""

    misses: int = 0
    """Polls in a row that did not find the job."""
    missing_since: datetime | None = None
    """When the first of them was answered, by the wall clock."""
    first_miss_excused: bool = False
    """The first of them came right after a webhook call, and does not count."""
    polls_without_picture: int = 0
    """Polls that found the job completed without its picture."""
    quiet_polls: int = 0
    """Polls without news, counted from 24 hours after the last news on."""
    woken_at: float = NEVER
    """When a webhook call last made the job due, or will; by the loop's clock."""
    called: bool = False
    """A webhook call came since the last poll was started; the next poll is not too early, whatever the job's age."""
    poll_again: bool = False
    """A webhook call came while a request was in flight, so the answer may be older than the news."""


NOTHING = JobRecord()
"""The record of a job about which there is nothing to remember."""


class JobRecords:
    """The records by job id. Only those that differ from `NOTHING` are kept: an idle job costs no memory here."""

    def __init__(self) -> None:
        self._records: dict[int, JobRecord] = {}

    def __len__(self) -> int:
        return len(self._records)

    def of(self, job_id: int) -> JobRecord:
        """The record of a job."""
        return self._records.get(job_id, NOTHING)

    def put(self, job_id: int, record: JobRecord) -> None:
        """Replace the record of a job."""
        if record == NOTHING:
            self._records.pop(job_id, None)
        else:
            self._records[job_id] = record

    def update(self, job_id: int, **changes: bool | float) -> None:
        """Change some fields of the record of a job."""
        self.put(job_id, msgspec.structs.replace(self.of(job_id), **changes))

    def forget(self, job_id: int) -> None:
        """Remember nothing of the job any more."""
        self._records.pop(job_id, None)

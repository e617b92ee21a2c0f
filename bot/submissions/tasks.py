"""One asyncio task per submission, kept under the submission's row id until the queue collects it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bot import logs
from bot.errors import StoreUnavailable
from bot.models import Submission

log = logging.getLogger(__name__)

Tasks = dict[int, asyncio.Task[None]]

T = TypeVar("T")


def start(tasks: Tasks, submission: Submission, work: Callable[[Submission], Awaitable[None]]) -> None:
    """Start `work` on a submission; what it logs names the submission's destination."""
    with logs.about(destination=submission.destination):
        tasks[submission.id] = asyncio.create_task(_logged(submission.id, work, submission))


def start_by_id(tasks: Tasks, submission_id: int, work: Callable[[int], Awaitable[None]]) -> None:
    """Start `work` on a submission that has to be read from the store first."""
    tasks[submission_id] = asyncio.create_task(_logged(submission_id, work, submission_id))


async def _logged(submission_id: int, work: Callable[[T], Awaitable[None]], argument: T) -> None:
    """Run `work` and log a bug in it here, where the log line names the job; the queue sees the error afterwards."""
    try:
        await work(argument)
    except StoreUnavailable:  # already logged and alerted by Database
        raise
    except Exception:
        log.exception("Submission %d failed in an unexpected way; it is kept", submission_id)
        raise

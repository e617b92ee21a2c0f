"""Work on presses, side by side: one task for each, kept under the press's id until it is done."""

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
    """Begin to work on a press; what is logged meanwhile names its place."""
    with logs.about(destination=submission.destination):
        tasks[submission.id] = asyncio.create_task(_logged(submission.id, work, submission))


def start_by_id(tasks: Tasks, submission_id: int, work: Callable[[int], Awaitable[None]]) -> None:
    """The same for a press that has to be read anew."""
    tasks[submission_id] = asyncio.create_task(_logged(submission_id, work, submission_id))


async def _logged(submission_id: int, work: Callable[[T], Awaitable[None]], what: T) -> None:
    """Work on a press; a bug in it is logged in here, where the line names the job, and then met by the sweep."""
    try:
        await work(what)
    except StoreUnavailable:  # of which the store itself tells
        raise
    except Exception:
        log.exception("Press %d failed in an unexpected way; it is kept", submission_id)
        raise

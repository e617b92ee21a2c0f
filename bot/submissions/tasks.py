"""Work on presses, side by side: one task for each, kept under the press's id until it is done."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bot import logs
from bot.errors import StoreTrouble
from bot.models.job import Press

log = logging.getLogger(__name__)

Tasks = dict[int, asyncio.Task[None]]

T = TypeVar("T")


def start(tasks: Tasks, press: Press, work: Callable[[Press], Awaitable[None]]) -> None:
    """Begin to work on a press; what is logged meanwhile names its place."""
    with logs.about(destination=press.destination):
        tasks[press.id] = asyncio.create_task(_logged(press.id, work, press))


def start_by_id(tasks: Tasks, press_id: int, work: Callable[[int], Awaitable[None]]) -> None:
    """The same for a press that has to be read anew."""
    tasks[press_id] = asyncio.create_task(_logged(press_id, work, press_id))


async def _logged(press_id: int, work: Callable[[T], Awaitable[None]], what: T) -> None:
    """Work on a press; a bug in it is logged in here, where the line names the job, and then met by the sweep."""
    try:
        await work(what)
    except StoreTrouble:  # of which the store itself tells
        raise
    except Exception:
        log.exception("Press %d failed in an unexpected way; it is kept", press_id)
        raise

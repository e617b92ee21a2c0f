"""Python imports this by itself where its folder is on PYTHONPATH: it lets an unchanged bot die at a named point.

DARKROOM_DIE=commit-after:17 is SIGKILL right after the 17th COMMIT. The points, each with -before and -after: `commit`
(of SQLite), and the requests `post` and `edit` (a message), `history` (a channel's messages), `answer` (to a person),
`poll` (a job's status) and `press` (a submission). Before a request nothing was sent; after it, the far end did its
part and answered, but the answer was not read; `-during` is a millisecond after the sending began, for `press` 20 of
them: the provider has made the job, and has not answered. `stored` is right after a `post` that Discord accepted;
`post-after` may also be after one that it refused. Four commits have names of their own, too: those that write a
submission down (`row`), mark its presser as answered (`answered`), mark it sent (`take`), and record what came of it
(`end`).

DARKROOM_HURRY=60 divides the pauses of the submission queue by 60: a submission is lost after 3 s, not 3 minutes.
The first pause before a picture that is late is tried again is divided as well; the others follow from it. So are the
pauses after refusals.
"""

import asyncio
import importlib
import os
import re
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import aiohttp

REQUESTS = {
    "post": r"POST .*/channels/\d+/messages",
    "edit": r"PATCH .*/channels/\d+/messages/\d+",
    "history": r"GET .*/channels/\d+/messages\?",
    "answer": r"(POST .*/interactions/|PATCH .*/webhooks/)",
    "poll": r"(GET .*/jobs/\?jobid|GET .*/mj/task/\w+/fetch|POST .*/mj/task/list-by-condition)",
    "press": r"POST .*/(jobs|submit)/(button|action|imagine|blend)",
}
DURING = {"press": 0.02}
COMMITS = {
    "row": r"INSERT INTO submissions",
    "answered": r"UPDATE submissions SET answered",
    "take": r"UPDATE submissions SET state = 'sent'",
    "end": r"UPDATE submissions SET state = \?",
}
PAUSES = {
    "submissions.reconciler": (
        *("_FIRST_CHECK", "_CHECK_INTERVAL", "_VISIBLE_WITHIN", "_MIN_AFTER_START", "_LATE_INTERVAL"),
    ),
    "submissions.answer_checks": ("_FINAL_AFTER", "_FIRST_RETRY", "_LONGEST_RETRY"),
    "submissions.pause": ("_FULL_PAUSE", "_BUSY_PAUSE", "_OVERLOADED_PAUSE", "_PROBE"),
    "submissions.queue": ("_BROKEN_PAUSE",),
    "submissions.sender": ("_WRITE_AGAIN",),
    "submissions.notifications": ("_NOTIFY_AGAIN",),
    "delivery.editing": ("_FIRST_RETRY",),
    "delivery.retry_policy": ("_LONGEST_PAUSE", "_GONE_CHANNEL_PAUSE", "_REFUSED_EDIT_PAUSE"),
    "polling.decisions": ("_PICTURE_PAUSE",),
    "store.outbox": ("_FIRST_PICTURE_RETRY",),
}


class Fate:
    """When to die: at which point, and which time it is reached."""

    def __init__(self, point: str, occurrence: int) -> None:
        self.point, self.left = point, occurrence

    def reach(self, point: str) -> bool:
        self.left -= point == self.point
        return point == self.point and self.left == 0

    def at(self, point: str) -> None:
        if self.reach(point):
            die()

    @contextmanager
    def around(self, what: str) -> Iterator[None]:
        self.at(f"{what}-before")
        if self.reach(f"{what}-during"):
            asyncio.get_running_loop().call_later(DURING.get(what, 0.001), die)
        yield
        self.at(f"{what}-after")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def make_commits_fragile(fate: Fate) -> None:
    class Connection(sqlite3.Connection):
        names: frozenset[str] = frozenset()

        def execute(self, sql: str, /, *parameters: Any) -> sqlite3.Cursor:
            if sql != "COMMIT":
                self.names |= {name for name, form in COMMITS.items() if re.match(form, sql)}
                return super().execute(sql, *parameters)
            names, self.names = {"commit", *self.names}, frozenset()
            for name in names:
                fate.at(f"{name}-before")
            done = super().execute(sql, *parameters)
            for name in names:
                fate.at(f"{name}-after")
            return done

    whole = sqlite3.connect
    sqlite3.connect = partial(whole, factory=Connection)  # type: ignore[assignment]  # aiosqlite calls it by this name


def make_requests_fragile(fate: Fate) -> None:
    whole = aiohttp.ClientSession._request

    async def request(session: aiohttp.ClientSession, method: str, url: Any, **how: Any) -> aiohttp.ClientResponse:
        query = "?" if how.get("params") else ""
        name = next((name for name, form in REQUESTS.items() if re.match(form, f"{method} {url}{query}")), "other")
        with fate.around(name):
            response = await whole(session, method, url, **how)
        if name == "post" and response.status == 200:
            fate.at("stored")
        return response

    aiohttp.ClientSession._request = request  # type: ignore[assignment, method-assign]  # the one way of every request


def hurry(times: float) -> None:
    for module, names in PAUSES.items():
        here = importlib.import_module(f"bot.{module}")
        for name in names:
            setattr(here, name, getattr(here, name) / times)


if value := os.environ.get("DARKROOM_HURRY"):
    hurry(float(value))
if value := os.environ.get("DARKROOM_DIE"):
    point, _, occurrence = value.partition(":")
    fate = Fate(point, int(occurrence))
    make_commits_fragile(fate)
    make_requests_fragile(fate)

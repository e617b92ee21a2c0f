"""The result of a kill run: the posts in the channels, compared with what was promised."""

import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import msgspec

MARKS = "dr:m:", "dr:v:", "dr:sb:"  # of results, of splits and of starboard posts
Post = tuple[str, int]
"""A jobid and a channel: what is to be posted exactly once."""


@dataclass(frozen=True, kw_only=True)
class Stats:
    """One run; `settled` counts the sends without an answer that the channel's history showed to be posted.

    `splits` are grids that were posted in four as well, `starred` those that got enough stars, `late` pictures that
    were added to a post made without; `bare`, `splits_bare` and `starred_bare` are the posts that are without theirs in
    the end.
    """

    deliveries: int
    splits: int
    starred: int
    late: int
    kills: int
    at_named_points: int
    lost: int
    repeated: int
    splits_lost: int
    splits_repeated: int
    starred_lost: int
    starred_repeated: int
    bare: int
    splits_bare: int
    starred_bare: int
    status_cards_left: int
    settled: int
    integrity: str
    seconds: int

    @property
    def spotless(self) -> bool:
        """Whether every promise was kept, and once."""
        wrong = (
            *(self.lost, self.repeated, self.bare),
            *(self.splits_lost, self.splits_repeated, self.splits_bare),
            *(self.starred_lost, self.starred_repeated, self.starred_bare),
        )
        return not any(wrong) and not self.status_cards_left and self.integrity == "ok"

    def table(self) -> str:
        names = [each.name for each in fields(self)]
        rows = [[name.replace("_", " ") for name in names], ["---"] * len(names)]
        rows.append([str(getattr(self, name)) for name in names])
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)


class ChannelState(msgspec.Struct):
    """The posts of one channel: the deliveries that its messages name by kind, and the ids of its cards."""

    results: list[str]
    splits: list[str]
    starboard_posts: list[str]
    status_cards: list[int]
    bare: int
    """Grids without their picture."""
    bare_splits: list[str]
    """Those of the splits that have not four pictures."""
    bare_starboard_posts: list[str]


def channel_state(messages: Iterable[dict[str, Any]]) -> ChannelState:
    """Sort a channel's messages by a button of each kind, whose custom_id holds the delivery's nonce."""
    here = ChannelState([], [], [], [], 0, [], [])
    for message in messages:
        parts = [part for row in message["components"] for part in row["components"]]
        codes = {part.get("custom_id", "") for part in parts}
        results, splits, starred = (
            [code.removeprefix(mark) for code in codes if code.startswith(mark)] for mark in MARKS
        )
        here.results += results
        here.splits += splits
        here.starboard_posts += starred
        here.bare_starboard_posts += starred if not _shows_a_file(message) else []
        here.bare_splits += splits if len(message["attachments"]) != 4 else []
        here.bare += "U1" in {part.get("label") for part in parts} and not _shows_a_file(message)
        if not results and not splits and not starred:
            here.status_cards.append(int(message["id"]))
    return here


def _shows_a_file(message: dict[str, Any]) -> bool:
    return bool(message["attachments"]) or "/attachments/" in str(message["embeds"])


class Decision(msgspec.Struct):
    """A line for each wrong, and SQLite's opinion of the file."""

    lost: list[str]
    repeated: list[str]
    splits_lost: list[str]
    splits_repeated: list[str]
    starred_lost: list[str]
    starred_repeated: list[str]
    integrity: str

    def lines(self) -> list[str]:
        names = ("lost", "repeated", "splits_lost", "splits_repeated", "starred_lost", "starred_repeated")
        wrongs = {name: getattr(self, name) for name in names}
        return [f"{name.replace('_', ' ')}: {each}" for name, every in wrongs.items() for each in every]


def judge(
    file: Path, promised: set[Post], in_four: set[Post], starred: set[Post], found: dict[int, ChannelState]
) -> Decision:
    """What is lost, and what is posted more than once or belongs to nothing."""
    with closing(sqlite3.connect(file)) as db:
        (integrity,) = db.execute("PRAGMA integrity_check").fetchone()
        jobids = dict(db.execute("SELECT nonce, jobid FROM deliveries JOIN jobs ON jobs.id = job_id").fetchall())
        status_cards = {row[0] for row in db.execute("SELECT message_id FROM deliveries WHERE kind = 'status_card'")}
    posts = Counter((jobids.get(nonce, nonce), where) for where, here in found.items() for nonce in here.results)
    splits = Counter((jobids.get(nonce, nonce), where) for where, here in found.items() for nonce in here.splits)
    boarded = Counter(
        (jobids.get(nonce, nonce), where) for where, here in found.items() for nonce in here.starboard_posts
    )
    lost, repeated = _compare(promised, posts)
    splits_lost, splits_repeated = _compare(in_four, splits)
    twice = [
        f"status card {status_card} in {where}"
        for where, here in found.items()
        for status_card in here.status_cards
        if status_card not in status_cards
    ]
    starred_lost, starred_repeated = _compare(starred, boarded)
    return Decision(lost, repeated + twice, splits_lost, splits_repeated, starred_lost, starred_repeated, integrity)


def _compare(promised: set[Post], posts: Counter[Post]) -> tuple[list[str], list[str]]:
    lost = [f"{jobid} in {where}" for jobid, where in promised - posts.keys()]
    repeated = [f"{jobid} in {where}" for (jobid, where), times in posts.items() for _ in range(times - 1)]
    stray = [f"{jobid} in {where}, never requested" for jobid, where in posts.keys() - promised]
    return lost, repeated + stray

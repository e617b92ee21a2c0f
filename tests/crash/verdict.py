"""What a kill run comes to: what stands in the channels, held against what was promised."""

import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import msgspec

Post = tuple[str, int]
"""A jobid and a channel: what is to stand exactly once."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One run; `settled` counts the sends without an answer that the look into the history found to stand."""

    deliveries: int
    kills: int
    at_named_points: int
    lost: int
    repeated: int
    cards_left: int
    settled: int
    integrity: str
    seconds: int

    @property
    def spotless(self) -> bool:
        """Whether every promise was kept, and once."""
        return (self.lost, self.repeated, self.cards_left, self.integrity) == (0, 0, 0, "ok")

    def table(self) -> str:
        names = [each.name for each in fields(self)]
        rows = [[name.replace("_", " ") for name in names], ["---"] * len(names)]
        rows.append([str(getattr(self, name)) for name in names])
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)


class Standing(msgspec.Struct):
    """What stands in one channel: the deliveries that its results name, and the ids of its cards."""

    results: list[str]
    cards: list[int]
    running: int
    """Cards that still have their buttons."""


def standing(messages: Iterable[dict[str, Any]]) -> Standing:
    """Sort a channel's messages: every result has a `⋯`, whose custom_id holds its delivery's nonce."""
    here = Standing([], [], 0)
    for message in messages:
        codes = {part.get("custom_id", "") for row in message["components"] for part in row["components"]}
        named = [code.removeprefix("dr:m:") for code in codes if code.startswith("dr:m:")]
        here.results += named
        if not named:
            here.cards.append(int(message["id"]))
            here.running += bool(codes)
    return here


def judge(file: Path, promised: set[Post], found: dict[int, Standing]) -> tuple[list[str], list[str], str]:
    """What is lost, what stands more than once or belongs to nothing, and SQLite's opinion of the file."""
    with closing(sqlite3.connect(file)) as db:
        (integrity,) = db.execute("PRAGMA integrity_check").fetchone()
        jobids = dict(db.execute("SELECT nonce, jobid FROM deliveries JOIN jobs ON jobs.id = job_id").fetchall())
        cards = {row[0] for row in db.execute("SELECT message_id FROM deliveries WHERE kind = 'card'")}
    posts = Counter((jobids.get(nonce, nonce), where) for where, here in found.items() for nonce in here.results)
    lost = [f"{jobid} in {where}" for jobid, where in promised - posts.keys()]
    repeated = [f"{jobid} in {where}" for (jobid, where), times in posts.items() for _ in range(times - 1)]
    stray = [f"{jobid} in {where}, never asked for" for jobid, where in posts.keys() - promised]
    twice = [f"card {card} in {where}" for where, here in found.items() for card in here.cards if card not in cards]
    return lost, repeated + stray + twice, integrity

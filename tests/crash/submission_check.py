"""What a run of submissions comes to: what the provider made, compared with what the bot knows, posted and notified."""

import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path

from tests.crash.delivery_check import ChannelState
from tests.crash.far_ends import Made

ENDED = {"accepted", "repeated", "declined", "refused", "lost", "cancelled"}


@dataclass(frozen=True, kw_only=True)
class Stats:
    """One run. `submissions` were stored, `children` made at the provider; the counts from `doubled` on should be zero.

    `charged_twice` are buttons U1-U4 of one picture: a second press of one is the job that it has made already.
    `unfound` were made of prompts and pictures, and ended before they could be searched for: they count as spent, and
    that was said.
    `unseen` were made although no answer said that they were taken, `dropped` were not made although one did.
    """

    submissions: int
    children: int
    known: int
    posted: int
    unfound: int
    declared_lost: int
    used: int
    refused: int
    sent_again: int
    withdrawn: int
    delivered_again: int
    kills: int
    at_named_points: int
    doubled: int
    charged_twice: int
    unseen: int
    dropped: int
    forgotten: int
    not_once: int
    not_ended: int
    not_notified: int
    integrity: str
    seconds: int

    @property
    def spotless(self) -> bool:
        """Whether nothing was made twice, unseen, or forgotten, and everybody was notified."""
        wrong = self.doubled, self.charged_twice, self.unseen, self.dropped, self.forgotten, self.not_once
        right = self.children - self.unfound == self.known == self.posted and self.integrity == "ok"
        return right and not any((*wrong, self.not_ended, self.not_notified))

    def table(self) -> str:
        names = [each.name for each in fields(self)]
        rows = [[name.replace("_", " ") for name in names], ["---"] * len(names)]
        rows.append([str(getattr(self, name)) for name in names])
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)


@dataclass(frozen=True, kw_only=True)
class SubmissionHistory:
    """What the far ends have: the jobs `made`, each with its reference and its parent, which is one of `parents` or "";
    how often each of U1-U4 was charged; what members see of each submission, an empty string where it failed; the
    requests by reference, and the posts in the channels.
    """

    made: Made
    parents: frozenset[str]
    picks: Counter[tuple[str, str]]
    answers: dict[int, list[str]]
    posts: Counter[str]
    found: dict[int, ChannelState]


def judge(file: Path, history: SubmissionHistory) -> tuple[Callable[..., Stats], list[str]]:
    """The figures, but for those of the run itself, and a line for each that is wrong."""
    with closing(sqlite3.connect(file)) as db:
        db.row_factory = sqlite3.Row
        (integrity,) = db.execute("PRAGMA integrity_check").fetchone()
        submissions = db.execute(
            "SELECT submissions.*, jobid FROM submissions LEFT JOIN jobs ON jobs.id = child_id ORDER BY submissions.id"
        ).fetchall()
        jobids = {
            row["nonce"]: row["jobid"]
            for row in db.execute("SELECT nonce, jobid FROM deliveries JOIN jobs ON jobs.id = job_id")
            if row["jobid"] not in history.parents
        }
        known = {row["jobid"] for row in db.execute("SELECT jobid FROM jobs")} - history.parents
        (unposted,) = db.execute(
            "SELECT count(*) FROM deliveries WHERE kind = 'notice' AND state <> 'posted'"
        ).fetchone()
        (unused,) = db.execute("SELECT count(*) FROM submission_pictures").fetchone()
    states = Counter(row["state"] for row in submissions)
    children = Counter(ref for ref, _ in history.made.values())
    posts = Counter(
        (jobids[nonce], where) for where, here in history.found.items() for nonce in here.results if nonce in jobids
    )
    expected = {(row["jobid"], row["channel_id"]) for row in submissions if row["state"] in {"accepted", "repeated"}}
    doubled = [f"doubled: {ref}, {times} jobs" for ref, times in children.items() if times > 1]
    seen = Counter({member: sum(map(bool, answers)) for member, answers in history.answers.items()})
    failed = Counter({member: len(answers) - seen[member] for member, answers in history.answers.items()})
    charged = Counter(row["user_id"] for row in submissions if row["reference"] in children)
    withdrawn = Counter(row["user_id"] for row in submissions if row["state"] == "cancelled")
    twice = [f"charged {times} times: {button}" for (_, button), times in history.picks.items() if times > 1]
    unseen = [f"unseen: {number} jobs of member {member}" for member, number in (charged - seen).items()]
    dropped = [f"dropped: {number} presses of member {member}" for member, number in (withdrawn - failed).items()]
    spent = {row["reference"] for row in submissions if row["kind"] != "button" and row["state"] == "lost"}
    unfound = {jobid for jobid, (ref, _) in history.made.items() if ref in spent} - known
    forgotten = [
        f"forgotten: {jobid} of press {history.made[jobid][0]}" for jobid in history.made.keys() - known - unfound
    ]
    forgotten += [
        f"forgotten: press {row['id']} is {row['state']}, but made a job"
        for row in submissions
        if row["reference"] in children and row["state"] != "accepted" and row["reference"] not in spent
    ]
    forgotten += [
        f"invented: press {row['id']}"
        for row in submissions
        if row["state"] == "accepted" and row["reference"] not in children
    ]
    not_once = [
        f"posted {posts[each]} times: {each}"
        for each in expected | posts.keys()
        if posts[each] != 1 or each not in expected
    ]
    not_ended = [f"not ended: press {row['id']} is {row['state']}" for row in submissions if row["state"] not in ENDED]
    not_ended += [f"not ended: {unused} pictures of submissions are left"] * bool(unused)
    not_notified = [
        f"not notified: press {row['id']}, {row['state']}"
        for row in submissions
        if not row["notified"] or any(answer.startswith("On it") for answer in history.answers[row["user_id"]])
    ]
    not_notified += ["a notice was not posted"] * unposted
    figures = partial(
        Stats, submissions=len(submissions), children=len(history.made), known=len(known & history.made.keys()),
        posted=len({jobid for jobid, _ in posts}), unfound=len(unfound), declared_lost=states["lost"],
        used=states["repeated"],
        refused=states["refused"], withdrawn=states["cancelled"],
        sent_again=sum(times - 1 for times in history.posts.values()), doubled=len(doubled),
        charged_twice=len(twice), unseen=len(unseen),
        dropped=len(dropped), forgotten=len(forgotten), not_once=len(not_once), not_ended=len(not_ended),
        not_notified=len(not_notified), integrity=integrity,
    )  # fmt: skip
    return figures, [*doubled, *twice, *unseen, *dropped, *forgotten, *not_once, *not_ended, *not_notified]

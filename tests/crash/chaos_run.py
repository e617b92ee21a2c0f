"""A kill run while both far ends misbehave in every way that is known of them.

    python -m tests.crash.chaos_run --deliveries 1000 --kills 150 --seed 1

Besides what `kill_run` does, each life meets one of `TROUBLES`, the gateway sends frames that cannot be read, the bot
is timed out, and the provider denies jobs, mixes them up and forgets their pictures (`unreliable_useapi`). All that
ends before the last life. Each promised result is then posted once and shows its own job, or it was given up and
`/jobs` shows that to each member who asked for it. Nothing is split into four.
"""

import argparse
import asyncio
import itertools
import json
import random
import re
import shutil
import sqlite3
import sys
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from tests.crash.commands import JobRequest
from tests.crash.delivery_check import ChannelState, Post, Stats
from tests.crash.kill_run import KillRun
from tests.crash.unreliable_useapi import UnreliableUseapi

SEND, ANY = "POST /channels/{}/messages", "* /channels/*"
EDIT, DELETE = "PATCH /channels/*/messages/*", "DELETE /channels/*/messages/*"
Trouble = tuple[tuple[str, str, int | None, float | None], ...]
"""Faults that belong together: the request (`{}` is a channel), the kind, how many times, for how many seconds."""
TROUBLES: tuple[Trouble, ...] = (
    ((SEND, "stored-502", 1, None), (SEND, "403-50013", 1, None)),  # stored, denied, and the next try is refused
    ((SEND, "stored-500", 1, None), (SEND, "cloudflare", 1, None)),
    *(((SEND, kind, 1, None),) for kind in ("garbage", "stored-garbage")),
    *(((SEND, kind, 1, None),) for kind in ("413-40005", "400-20009", "403-400001")),  # the file
    *(((SEND, kind, 1, None),) for kind in ("400-200000", "400-240000")),  # the words
    *(((SEND, kind, None, 1.5),) for kind in ("400-50083", "400-160006", "403-160005", "429-20028")),  # not now
    *(((SEND, kind, 1, None),) for kind in ("404-10003", "404-10004", "404-10008", "403-50001")),
    *(((request, kind, 1, None),) for request in (EDIT, DELETE) for kind in ("404-10008", "404-10003", "404-10004")),
    ((ANY, "blocked", None, 1.5),),
    ((ANY, "cloudflare", None, 1.5),),
    ((ANY, "403-40333", None, 1.5),),
    ((ANY, "slow", 5, None),),
    ((SEND, "400-50035", 3, None),),  # even as plain text: one result is given up
)
FRAMES = "<html>Sorry</html>", "", '{"op": 0, "t": "MESSAGE_CR', "[1, 2]", "null", '{"op": 10}'
CALLED_UNKNOWN = "dropped HTTP 404"
"""A card that Discord called unknown for half a minute: a few of the single 404s met it one after the other."""
GIVEN_UP = "SELECT jobid, channel_id FROM deliveries JOIN jobs ON jobs.id = job_id WHERE {}"
UNDELIVERABLE = GIVEN_UP.format("deliveries.kind = 'result' AND deliveries.state = 'undeliverable'")


@dataclass(kw_only=True)
class ChaosRun(KillRun):
    """One run; see `KillRun`."""

    life: float = 1.0
    longest_wait: float = 90.0
    lines: list[str] = field(default_factory=list)

    async def run(self) -> Stats:
        async with UnreliableUseapi(random.Random(self.seed)) as self.unreliable:
            return await super().run()

    def _bare(self, found: dict[int, ChannelState]) -> int:
        """Not counted: many a result is posted without its picture, as Discord refuses that."""
        return 0

    async def _set_up(self) -> None:
        await super()._set_up()
        rounds = (self.chance.sample(TROUBLES, len(TROUBLES)) for _ in itertools.count())
        self._troubles = itertools.chain.from_iterable(rounds)
        self.unreliable.target = self.jobs.origin
        self.environment["USEAPI_URL"] = self.unreliable.url

    def _job_requests(self) -> list[JobRequest]:
        """Jobs that take longer, so that they are told of several times."""
        requests = super()._job_requests()
        for order in dict.fromkeys(request.order for request in requests):
            if order.options.get("starts_when_polled"):
                order.options["duration"] = self.chance.uniform(1, 6)
        return [replace(request, in_four=False) for request in requests]

    async def _plan_trouble(self, number: int) -> None:
        self.unreliable.new_life()
        await self.jobs.heal()
        if number % 2:
            await self.jobs.fail(503, times=self.chance.randint(1, 3), path="/attachments/*")
        channel = self.chance.choice(self.channel_ids)
        for request, kind, times, seconds in next(self._troubles):  # one a life: most sends are to succeed
            await self.discord.do("fail", request=request.format(channel), kind=kind, times=times, seconds=seconds)
        if number % 7 == 3:
            await self.discord.do("time_out", guild_id=self.guild, seconds=self.chance.uniform(0.5, 3))
        if number % 5 == 1:
            self._frame = asyncio.create_task(self._send_frame(self.chance.choice(FRAMES)))

    async def _send_frame(self, frame: str) -> None:
        """Send it to the next bot that is connected."""
        with suppress(RuntimeError):
            await self.discord.do("wait_ready", within=10)
            await asyncio.sleep(self.chance.uniform(0, self.life / 2))
            self.unreliable.met["unreadable gateway frame"] += await self.discord.do("send_raw", frame=frame)

    async def _run_to_the_end(self) -> dict[int, ChannelState]:
        self.unreliable.healed = True
        posted = sum([len((await self._read(channel)).results) for channel in self.channel_ids])
        self.lines.append(f"before the last life: {len(self.promised)} promised, {posted} posted")
        found = await super()._run_to_the_end()
        self.lines.append(f"Discord: {json.dumps(await self.discord.do('faults_met'), sort_keys=True)}")
        self.lines.append(f"provider and gateway: {json.dumps(self.unreliable.met, sort_keys=True)}")
        return found

    async def _read(self, channel: int) -> ChannelState:
        with suppress(sqlite3.DatabaseError, OSError):  # copied while it was written: the next look shows it
            self.given_up = {(jobid, where) for jobid, where in self._rows(UNDELIVERABLE)}
        return await super()._read(channel)

    # --- what is wrong ----------------------------------------------------------------------------------------------

    async def _check_living_bot(self) -> None:
        self.not_notified = [line for post in self.given_up for line in await self._not_notified(post)]
        self.mixed_up = [line for channel in self.channel_ids for line in await self._mixed_up(channel)]
        self.ended = [f"{jobid} ended as {status}" for jobid, status in self._rows(
            "SELECT jobid, status FROM jobs WHERE status IN ('expired', 'silent')"
        )]  # fmt: skip
        self.left_status_cards = [
            f"card of {jobid} in {where}, {state}"
            for channel in self.channel_ids
            for status_card in (await self._read(channel)).status_cards
            for jobid, where, state in self._unexplained(status_card)
            if (jobid, where) not in self.given_up and not state.startswith(CALLED_UNKNOWN)
        ]
        self.lines.append(f"given up: {len(self.given_up)}, of these not shown to an asker: {len(self.not_notified)}")
        self.lines.append(f"results with another job's prompt: {len(self.mixed_up)}, jobs ended: {len(self.ended)}")
        self.lines.append(f"cards left without a reason: {len(self.left_status_cards)}")

    @property
    def all_wrongs(self) -> list[str]:
        return [*self.wrongs, *self.not_notified, *self.mixed_up, *self.ended, *self.left_status_cards]

    async def _not_notified(self, post: Post) -> list[str]:
        """The members who asked for a result that was given up, and to whom `/jobs` does not show that."""
        jobid, channel = post
        ((key,),) = self._rows("SELECT key FROM jobs WHERE jobid = ?", jobid)
        wrongs = []
        for number, request in enumerate(self.requests):
            if (request.order.jobid, self.channel_ids[request.channel]) == post:
                who = self.members[number % len(self.members)]
                interaction = await self.discord.do("slash", channel_id=channel, who=who, name="jobs")
                answer = await self.discord.do("answered", interaction=interaction, within=10)
                found = json.dumps(answer).partition("Could not be posted")[2]
                wrongs += [] if f"#{key}" in found else [f"{jobid} in {channel} is not shown to {who}"]
        return wrongs

    async def _mixed_up(self, channel: int) -> list[str]:
        """The messages that show another job's prompt than that of the job whose result they are."""
        wrongs = []
        prompts = {order.jobid: order.options["prompt"] for order in {request.order for request in self.requests}}
        jobids = dict(self._rows("SELECT nonce, jobid FROM deliveries JOIN jobs ON jobs.id = job_id"))
        for message in await self.discord.do("messages", channel_id=channel):
            text = json.dumps([message["embeds"], message["content"]])
            nonces = re.findall(r"dr:m:(\w+)", json.dumps(message["components"]))
            for nonce in nonces:
                found = set(re.findall(r"scene \d+", text)) - {prompts.get(jobids.get(nonce, ""), "")}
                wrongs += [f"{message['id']} in {channel} shows {found}"] if found else []
        return wrongs

    def _unexplained(self, message_id: int) -> list[tuple[Any, ...]]:
        found = self._rows(
            "SELECT jobid, channel_id, state || ' ' || error FROM deliveries JOIN jobs ON jobs.id = job_id "
            "WHERE message_id = ?",
            message_id,
        )
        return found or [(f"message {message_id}", 0, "of no delivery")]

    def _rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Read from a copy: the bot's own file is locked while it lives."""
        copy = self.folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for file in self.folder.glob("bot.sqlite3*"):
            shutil.copy(file, copy)
        with closing(sqlite3.connect(copy / "bot.sqlite3")) as db:
            return db.execute(sql, values).fetchall()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash.chaos_run", description=__doc__)
    parser.add_argument("--deliveries", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=150)
    parser.add_argument("--seed", type=int, default=1)
    folder = Path(mkdtemp(prefix="chaos-run-"))
    run = ChaosRun(folder=folder, forked=True, **vars(parser.parse_args()))
    figures = asyncio.run(run.run())
    wrong = bool(run.all_wrongs) or figures.integrity != "ok"
    if wrong:
        run.lines.append(f"The log and the database are in {folder}")
    else:
        shutil.rmtree(folder)
    print(figures.table(), *run.lines, *run.all_wrongs, sep="\n")  # noqa: T201 -- what a person runs this for
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())

"""Kills the bot again and again while it delivers, and counts what was lost and what was posted twice.

    python -m tests.crash.kill_run --deliveries 2000 --kills 200 --nonce-window 0 --seed 1 [--provider midjourney-proxy]
                                   [--starboard]

Every second kill comes from outside at a random instant, every other one from inside at a named point (see
`fragile/sitecustomize.py`), the last one between a post and its answer. After it the bot lives until everything that
`/job` promised is posted in its channel, and a while longer, because a repeated post may come late. Some grids are also
split in four, and some pictures cannot be fetched at first and are added to their posts later (the first after `LATE` s
instead of 15), those of splits as well. With `--starboard` two members star about every second grid, which is then
posted on the server's starboard, too.
"""

import argparse
import asyncio
import random
import re
import shutil
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from bot.models import ProviderName
from bot.store import open_store
from tests.crash.bot_process import bot_process, environment
from tests.crash.commands import JobRequest, job_requests
from tests.crash.delivery_check import ChannelState, Post, Stats, channel_state, judge
from tests.crash.far_ends import far_ends

ASKERS = 12  # members who use /job at the same time
EARLY = 0.15  # share of the kills from outside that hit the start
PROMISES = ("Watching", "I'm already watching", "This job has already finished", "It's already posted")
SPLIT = "I'll post the four", "The four pictures are already posted"
STARS = 2  # that a grid needs
HURRY = 20
LATE = 15 / HURRY
TIMES = {"commit": 25, "post": 6, "edit": 4, "history": 2, "answer": 8, "poll": 10}  # the most often a point is met
MOMENTS = ("before", "during", "after")
LAST_POINT = "stored:1"
"""Where the last kill falls, whatever the machine's speed: between a message that Discord stored and its answer."""
FAULTS = "500,502,503,reset,stored-reset,stored-reset,hang,stored-hang,stored-500,stored-502,stored-503"
REFUSED = 400, 413  # the message as it is, and its file
CUT_OFF = "stored-reset", "stored-503"


@dataclass(kw_only=True)
class KillRun:
    """One run in `folder`; `life` is how many seconds (at most) the bot is let to work before the next kill.

    With `blind` the bot may not read the last channel's history, so that there the nonce alone must do. `forked`: see
    `bot_process`.
    """

    folder: Path
    deliveries: int
    kills: int
    seed: int
    provider: ProviderName = ProviderName.USEAPI
    forked: bool = False
    nonce_window: float = 0.0
    channels: int = 8
    blind: bool = False
    starboard: bool = False
    life: float = 0.4
    fault_rate: float = 0.03
    quiet: float = 1.5
    longest_wait: float = 60.0
    promised: set[Post] = field(default_factory=set)
    in_four: set[Post] = field(default_factory=set)
    starred: set[Post] = field(default_factory=set)
    starboard_ids: list[int] = field(default_factory=list)
    given_up: set[Post] = field(default_factory=set)
    refusals: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    wrongs: list[str] = field(default_factory=list)

    async def run(self) -> Stats:
        """Raises `AssertionError` where the bot ended by itself, or a far end saw what must not be."""
        started = time.monotonic()
        self.chance = random.Random(self.seed)
        async with far_ends(
            self.provider, nonce_window=self.nonce_window, faults=FAULTS, rate=self.fault_rate, seed=self.seed
        ) as (self.discord, self.jobs):
            await self._set_up()
            await self._run_and_kill()
            found = await self._run_to_the_end()
            violations = await self.discord.do("violations")
        assert violations == []
        decision = judge(self.folder / "bot.sqlite3", self.promised - self.given_up, self.in_four, self.starred, found)
        self.wrongs = decision.lines()
        log = self.log.read_text()
        return Stats(
            deliveries=len(self.promised), splits=len(self.in_four), starred=len(self.starred),
            late=log.count("picture that was late"), kills=sum(self.ends.values()), at_named_points=self.ends["named"],
            lost=len(decision.lost), repeated=len(decision.repeated), splits_lost=len(decision.splits_lost),
            splits_repeated=len(decision.splits_repeated), starred_lost=len(decision.starred_lost),
            starred_repeated=len(decision.starred_repeated), bare=self._bare(found),
            splits_bare=sum(len(here.bare_splits) for here in found.values()),
            starred_bare=sum(len(here.bare_starboard_posts) for here in found.values()),
            status_cards_left=sum(len(here.status_cards) for here in found.values()), integrity=decision.integrity,
            settled=log.count("was already posted"), seconds=round(time.monotonic() - started),
        )  # fmt: skip

    async def _lacks_pictures(self) -> bool:
        found = {channel: await self._read(channel) for channel in self.channel_ids}
        return bool(self._bare(found)) or any(here.bare_splits for here in found.values())

    def _bare(self, found: dict[int, ChannelState]) -> int:
        """Grids without their picture; in the last channel some files are refused for good."""
        return sum(here.bare for where, here in found.items() if where != self.channel_ids[-1])

    @property
    def log(self) -> Path:
        return self.folder / "bot.log"

    async def _set_up(self) -> None:
        do = self.discord.do
        self.guild = guild = await do("add_guild", name="Studio")
        self.channel_ids = [
            await do("add_channel", guild_id=guild, name=f"c{number}") for number in range(self.channels)
        ]
        if self.blind:
            await do("deny", channel_id=self.channel_ids[-1], permission="READ_MESSAGE_HISTORY")
        self.requests = self._job_requests()
        for order in dict.fromkeys(request.order for request in self.requests):
            order.jobid = await self.jobs.add_job(**order.options)
        count = len(self.requests) // 4 + 2  # each may ask six times a minute
        self.members = [await do("add_member", guild_id=guild, name=f"M{number}") for number in range(count)]
        if self.starboard:
            await self._set_up_starboard()
        self.environment = environment(self.folder, [guild], self.discord, self.jobs, hurry=HURRY)

    async def _set_up_starboard(self) -> None:
        """A channel for starred pictures, and as many members of their own as stars are needed."""
        starboard = await self.discord.do("add_channel", guild_id=self.guild, name="starboard")
        self.starboard_ids.append(starboard)
        self.star_givers = [
            await self.discord.do("add_member", guild_id=self.guild, name=f"S{number}") for number in range(STARS)
        ]
        async with open_store(self.folder, lambda: datetime.now(UTC)) as store:
            await store.servers.change_settings(self.guild, starboard_channel=starboard, stars=STARS)

    def _job_requests(self) -> list[JobRequest]:
        return job_requests(self.deliveries, self.channels, self.chance, self.provider)

    # --- dying ------------------------------------------------------------------------------------------------------

    async def _run_and_kill(self) -> None:
        self._turn = asyncio.Semaphore(0)
        self._side_by_side = asyncio.Semaphore(ASKERS)
        self._askers = [asyncio.create_task(self._ask(number)) for number in range(len(self.requests))]
        self._start_takes = 1.0
        self._troubled_at = -1
        released = 0
        for number in range(self.kills):
            for _ in range(len(self.requests) * (number + 1) // self.kills - released):
                self._turn.release()
                released += 1
            await self._plan_trouble(number)
            await self._die(self._point(number) if number % 2 or number == self.kills - 1 else "")

    def _point(self, number: int) -> str:
        if number == self.kills - 1:
            return LAST_POINT
        what = self.chance.choice(list(TIMES))
        moment = self.chance.choice(MOMENTS if what != "commit" else ("before", "after"))
        return f"{what}-{moment}:{self.chance.randint(1, TIMES[what])}"

    async def _die(self, point: str) -> None:
        """One life, ended by itself at the point, or by us: now and then while it starts, else at work."""
        async with bot_process(self.folder, self.environment, point, forked=self.forked) as bot:
            dead = asyncio.create_task(bot.wait())
            if not point and self.chance.random() < EARLY:
                await asyncio.wait({dead}, timeout=self.chance.uniform(0, self._start_takes))
            else:
                started = time.monotonic()
                ready = asyncio.create_task(self.discord.do("wait_ready", within=30))
                await asyncio.wait({dead, ready}, return_when=asyncio.FIRST_COMPLETED)
                self._start_takes = time.monotonic() - started
                await asyncio.wait({dead}, timeout=self._longest_wait(point))
                await asyncio.gather(ready, return_exceptions=True) if ready.done() else ready.cancel()
            by = "named" if dead.done() else "outside"
            if by == "outside":
                with suppress(ProcessLookupError):  # it died at its point just now
                    bot.kill()
            assert await dead == -signal.SIGKILL, f"The bot ended by itself, see {self.log}"
        self.ends[by] += 1

    def _longest_wait(self, point: str) -> float:
        """The seconds that the bot has to come to the point, or works until it is killed from outside."""
        if point == LAST_POINT:
            return 60
        return 2 * self.life if point else self.chance.uniform(0, self.life)

    async def _plan_trouble(self, number: int) -> None:
        """Let one result meet trouble of a kind for certain: what it degrades to, or repeats, is to stand once, too.

        Only when all that was owed there stands since the last one: what is refused twice is left to the admin. And
        downloads fail only when all posts have their pictures: what fails for ten minutes is left out for good.
        """
        await self.jobs.heal()
        if number % 2 and not await self._lacks_pictures():
            await self.jobs.fail(503, times=self.chance.randint(1, 3), path="/attachments/*")
        where = self.channel_ids[-1]
        owed = sum(channel == where for _, channel in self.promised)
        posted = len((await self._read(where)).results)
        if posted >= owed and posted > self._troubled_at:
            self._troubled_at = posted
            kind = (CUT_OFF if self.blind else REFUSED)[number % 2]
            await self.discord.do("fail", request=f"POST /channels/{where}/messages", kind=kind)

    # --- asking -----------------------------------------------------------------------------------------------------

    async def _ask(self, number: int) -> None:
        """Ask until the private answer promises it: whatever was lost with a dying bot, a person would ask again."""
        await self._turn.acquire()
        request = self.requests[number]
        while True:
            async with self._side_by_side:
                answer = await self._command(request, self.members[number % len(self.members)])
            if answer.startswith(PROMISES):
                self.promised.add((request.order.jobid, self.channel_ids[request.channel]))
                break
            self.refusals[answer] += 1
            await asyncio.sleep(0.3)
        if request.in_four:
            await self._split(request, self.members[number % len(self.members)])
        if self.starboard and request.starred:
            for who in self.star_givers:
                await self._star(request, who)
            self.starred.add((request.order.jobid, self.starboard_ids[0]))

    async def _split(self, request: JobRequest, who: int) -> None:
        """Press `⋯` and "Split into four" until the private answer promises it."""
        where, answer = self.channel_ids[request.channel], ""
        while not answer.startswith(SPLIT):
            await asyncio.sleep(0.3)
            with suppress(RuntimeError):  # nobody is there, or the answer was lost
                post, nonce = await self._post_of(request, where)
                dots = await self._pressed(post, who, f"dr:m:{nonce}")
                answer = str((await self._pressed(dots["message_id"], who, f"dr:q:{nonce}"))["content"])
        self.in_four.add((request.order.jobid, where))

    async def _star(self, request: JobRequest, who: int) -> None:
        """Press `⋯` and "⭐ Star" until the private answer, or the menu, says that it is starred."""
        where, starred = self.channel_ids[request.channel], False
        while not starred:
            await asyncio.sleep(0.3)
            with suppress(RuntimeError):  # as above
                post, nonce = await self._post_of(request, where)
                dots = await self._pressed(post, who, f"dr:m:{nonce}")
                if f"dr:us:{nonce}" in str(dots["components"]):
                    return
                answer = await self._pressed(dots["message_id"], who, f"dr:st:{nonce}")
                starred = str(answer["content"]).startswith("Starred.")

    async def _pressed(self, message: int, who: int, custom_id: str) -> dict[str, Any]:
        interaction = await self.discord.do("click", message=message, who=who, custom_id=custom_id)
        answer: dict[str, Any] = await self.discord.do("answered", interaction=interaction, within=2)
        return answer

    async def _post_of(self, request: JobRequest, where: int) -> tuple[int, str]:
        """The message with the result, and its delivery's nonce; raises `RuntimeError` where it does not stand yet."""
        for message in await self.discord.do("messages", channel_id=where):
            here = channel_state([message])
            if here.results and re.search(rf"\b{request.order.options['prompt']}\b", str(message["embeds"])):
                return int(message["id"]), here.results[0]
        raise RuntimeError("not yet")

    async def _command(self, request: JobRequest, who: int) -> str:
        what = {"channel_id": self.channel_ids[request.channel], "who": who, "name": "job"}
        try:
            await self.discord.do("wait_ready", within=30)
            interaction = await self.discord.do("slash", **what, options={"jobid": request.order.jobid})
            answer = await self.discord.do("answered", interaction=interaction, within=2)
        except RuntimeError as error:
            return str(error).partition(":")[0]
        return str(answer["content"])

    # --- living -----------------------------------------------------------------------------------------------------

    async def _run_to_the_end(self) -> dict[int, ChannelState]:
        """The last life: until all stands and no card is left, then quietly on; what stands in each channel."""
        await self.discord.do("heal")
        await self.jobs.heal()
        async with bot_process(self.folder, self.environment, forked=self.forked) as bot:
            await asyncio.gather(*self._askers)

            async def is_complete(channel: int) -> bool:
                here = await self._read(channel)
                given_up = sum(where == channel for _, where in self.given_up)
                owed = sum(where == channel for _, where in (*self.promised, *self.in_four, *self.starred))
                return (
                    len(here.status_cards) <= given_up  # they say how the job ended
                    and not self._bare({channel: here})
                    and not here.bare_splits
                    and not here.bare_starboard_posts
                    and len(here.results) + len(here.splits) + len(here.starboard_posts) >= owed - given_up
                )

            with suppress(TimeoutError, RuntimeError):  # what is lost is counted in the end
                for channel in (*self.channel_ids, *self.starboard_ids):
                    await self.discord.wait_until(partial(is_complete, channel), within=self.longest_wait)
            await asyncio.sleep(self.quiet)  # nothing is to happen: only time can show that
            await self._check_living_bot()
            bot.terminate()
            assert await bot.wait() == 0, f"The bot did not end well, see {self.log}"
        return {channel: await self._read(channel) for channel in (*self.channel_ids, *self.starboard_ids)}

    async def _check_living_bot(self) -> None:
        """Called before the bot ends; see `chaos_run`."""

    async def _read(self, channel: int) -> ChannelState:
        return channel_state(await self.discord.do("messages", channel_id=channel))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash.kill_run", description=__doc__)
    parser.add_argument("--deliveries", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--nonce-window", type=float, default=0.0, metavar="S")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--provider", type=ProviderName, choices=list(ProviderName), default=ProviderName.USEAPI)
    parser.add_argument("--starboard", action="store_true")
    folder = Path(mkdtemp(prefix="kill-run-"))
    run = KillRun(folder=folder, **vars(parser.parse_args()))
    figures = asyncio.run(run.run())
    if figures.spotless:
        shutil.rmtree(folder)
    else:
        run.wrongs.append(f"The log and the database are in {folder}")
    print(figures.table(), *run.wrongs, sep="\n")  # noqa: T201 -- what a person runs this for
    return int(not figures.spotless)


if __name__ == "__main__":
    sys.exit(main())

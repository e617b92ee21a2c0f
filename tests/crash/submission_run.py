"""Kills the bot again and again while members press buttons and send prompts and pictures; counts what became of them.

    python -m tests.crash.submission_run --presses 320 --kills 80 --seed 1 [--provider midjourney-proxy]

The fake provider keeps account of every job that it made, and the fake Discord of every answer. Two kills of three
come from inside at a named point around the request or the answer to the presser (the first right after the provider's
answer), the others from outside at a random instant; the provider has trouble of its own besides, and three slots.
Answers to pressers are cut off or met by a 5xx, Discord may have taken them or not, and interactions are delivered
again, in the same life and in the next. After the last kill the bot lives until nothing happens any more. The queue's
pauses are divided by 100 (see `fragile/sitecustomize.py`), so that a submission that never arrived is declared lost
after 1.8 s and not after 3 minutes.
"""

import argparse
import asyncio
import contextlib
import itertools
import random
import shutil
import signal
import sys
import time
from base64 import b64encode
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from bot.models import ProviderName
from tests.crash.bot_process import bot_process, environment
from tests.crash.delivery_check import channel_state
from tests.crash.far_ends import far_ends
from tests.crash.submission_check import Stats, SubmissionHistory, judge
from tests.sample_pictures import png

HURRY = 100
QUIET = 3.0  # seconds without any news from Discord: more than what a lost press takes
PER_PARENT = 8
PROMPTS, BLENDS = 3, 7
"""Of eight members, these send a prompt and pictures to blend, and the others press buttons."""
GUILDS = 5  # each allows a hundred presses a day
POINTS = [f"{what}-{when}" for what in ("row", "answered", "take", "end") for when in ("before", "after")]
POINTS += [f"{what}-{when}" for what in ("press", "answer") for when in ("before", "during", "after")] * 2
FIRST_POINT = "press-after:1"
"""Where the first kill falls, whatever the machine's speed: the provider has answered, the answer was not read."""
TROUBLE: tuple[int | str, ...] = (
    *("made_reset", "made_500", "made_504", "reset", "html", 500, "busy", 504, "account_blocked"),
)
LATE: tuple[dict[str, float | str], ...] = ({"echoed_after": 1.0}, {"listed_after": 2.5}, {"listed_as": "{} "})
"""How the provider knows some of the jobs whose answer is lost; after 2.5 s the press was declared lost."""
CUT_OFF = ("reset", "stored-reset", "500", "stored-500", "garbage", "stored-garbage")
"""What an answer to a presser meets, half of them after Discord has taken it."""
ANSWERS = ("POST /interactions/*", "POST /interactions/*", "PATCH /webhooks/*")
"""The first answer, and its edits: what says to a member that their pictures were taken is an edit."""
PICTURE = ("picture.png", b64encode(png(8, 8)).decode())
FAULTS = "500,502,503,reset,stored-reset,hang"


@dataclass(kw_only=True)
class PressRun:
    """One run in `folder`; `life` is how many seconds the bot works before the next kill, unless it dies by itself."""

    folder: Path
    presses: int
    kills: int
    seed: int
    provider: ProviderName = ProviderName.USEAPI
    forked: bool = False
    life: float = 1.2
    fault_rate: float = 0.02
    ends: Counter[str] = field(default_factory=Counter)
    wrongs: list[str] = field(default_factory=list)
    delivered_again: int = 0

    async def run(self) -> Stats:
        """Raises `AssertionError` where the bot ended by itself, or a far end saw what must not be."""
        started = time.monotonic()
        self.chance = random.Random(self.seed)
        options = "--max-jobs=3", "--post-delay=0.05", "--speed=40"
        async with far_ends(
            self.provider, nonce_window=0, faults=FAULTS, rate=self.fault_rate, seed=self.seed, options=options
        ) as (self.discord, self.jobs):
            await self._set_up()
            await self._run_and_kill()
            await self._run_to_the_end()
            assert await self.discord.do("violations") == []
            history = await self._read()
        figures, self.wrongs = judge(self.folder / "bot.sqlite3", history)
        return figures(
            kills=sum(self.ends.values()),
            delivered_again=self.delivered_again,
            at_named_points=sum(times for end, times in self.ends.items() if end != "outside"),
            seconds=round(time.monotonic() - started),
        )

    @property
    def log(self) -> Path:
        return self.folder / "bot.log"

    # --- before the first kill --------------------------------------------------------------------------------------

    async def _set_up(self) -> None:
        """Servers whose channels show the pictures to press on, and a moderator for each press."""
        do = self.discord.do
        await do("heal")
        guilds = [await do("add_guild", name=f"S{number}") for number in range(GUILDS)]
        self.channel_ids = [await do("add_channel", guild_id=guild, name="pictures") for guild in guilds]
        moderator = {"permissions": ("MANAGE_MESSAGES",)}
        self.members = {
            number: await do("add_member", guild_id=guilds[number % GUILDS], name=f"M{number}", **moderator)
            for number in range(self.presses)
        }
        self.environment = environment(self.folder, guilds, self.discord, self.jobs, hurry=HURRY)
        self.parents: dict[int, list[str]] = {channel: [] for channel in self.channel_ids}
        self.pictures: dict[int, list[dict[str, Any]]] = {}
        async with bot_process(self.folder, self.environment, forked=self.forked) as bot:
            await do("wait_ready", within=30)
            for number in range(-(-self.presses // PER_PARENT // GUILDS) * GUILDS):
                await self._show(self.channel_ids[number % GUILDS], number)
            for channel in self.channel_ids:
                self.pictures[channel] = await self.discord.wait_until(partial(self._all_posted, channel), within=30)
            bot.terminate()
            assert await bot.wait() == 0

    async def _show(self, channel: int, number: int) -> None:
        jobid = await self.jobs.add_job(prompt=f"parent {number}", age=60)
        who = self.members[
            self.channel_ids.index(channel) + GUILDS * (number // GUILDS % max(1, self.presses // GUILDS))
        ]
        interaction = await self.discord.do("slash", channel_id=channel, who=who, name="job", options={"jobid": jobid})
        await self.discord.do("answered", interaction=interaction, within=10)
        self.parents[channel].append(jobid)

    async def _all_posted(self, channel: int) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = await self.discord.do("messages", channel_id=channel)
        return messages if len(messages) == len(self.parents[channel]) else []

    # --- dying ------------------------------------------------------------------------------------------------------

    async def _run_and_kill(self) -> None:
        self._interactions: dict[int, list[int]] = {}  # by the number of the press, the last one last
        self._lately: list[int] = []  # the interactions of the life before
        self._left = list(range(self.presses))
        points = itertools.chain.from_iterable(self.chance.sample(POINTS, len(POINTS)) for _ in itertools.count())
        await self._die(FIRST_POINT, max(1, self.presses // (self.kills + 1)))
        for number, point in zip(range(1, self.kills), points, strict=False):
            if self.chance.random() < 0.5:
                path = self.chance.choice(self.jobs.submissions)
                await self.jobs.plan(**self.chance.choice(LATE))
                await self.jobs.fail("made_reset", path=path)
                for _ in range(self.chance.randint(1, 2)):
                    await self.jobs.fail(self.chance.choice(TROUBLE), path=path)
            if self.chance.random() < 0.5:
                request = self.chance.choice(ANSWERS)
                await self.discord.do("fail", request=request, kind=self.chance.choice(CUT_OFF))
            due = max(1, len(self._left) // (self.kills + 1 - number))
            await self._die("" if number % 3 == 2 else f"{point}:{self.chance.randint(1, min(due, 3))}", due)
            await self.jobs.heal()

    async def _die(self, point: str, presses: int) -> None:
        """One life with so many presses, ended by itself at the point, or by us."""
        async with bot_process(self.folder, self.environment, point, forked=self.forked) as bot:
            dead = asyncio.create_task(bot.wait())
            ready = asyncio.create_task(self.discord.do("wait_ready", within=30))
            await asyncio.wait({dead, ready}, return_when=asyncio.FIRST_COMPLETED)
            due, self._left = self._left[:presses], self._left[presses:]
            pressing = [asyncio.create_task(self._press(number)) for number in due]
            pressing += [asyncio.create_task(self._deliver_again(interaction)) for interaction in self._lately]
            await asyncio.wait({dead}, timeout=self._longest_wait(point))
            by = point.partition(":")[0] if dead.done() else "outside"
            if by == "outside":
                with contextlib.suppress(ProcessLookupError):  # it died at its point just now
                    bot.kill()
            assert await dead == -signal.SIGKILL, f"The bot ended by itself, see {self.log}"
        ready.cancel()
        await asyncio.gather(ready, *pressing, return_exceptions=True)
        self.ends[by] += 1
        self._lately = [self._interactions[number][-1] for number in due if number in self._interactions]
        self._left += [number for number in due if number in self._interactions and not await self._seen(number)]

    def _longest_wait(self, point: str) -> float:
        """The seconds that the bot has to come to the point, or works until it is killed from outside."""
        if point == FIRST_POINT:
            return 60
        return 2 * self.life if point else self.chance.uniform(0, self.life)

    async def _seen(self, number: int) -> str:
        """What the last press of this number shows; nothing, where the bot said nothing: then one presses again."""
        return await self._answer(self._interactions[number][-1])

    async def _answer(self, interaction: int) -> str:
        try:
            answer = await self.discord.do("answered", interaction=interaction, within=0)
        except RuntimeError:
            return ""
        return str(answer["content"])

    async def _deliver_again(self, interaction: int) -> None:
        """Discord tells the bot of an interaction once more."""
        await asyncio.sleep(self.chance.uniform(0, 0.2 * self.life))
        with contextlib.suppress(RuntimeError):  # the bot was not connected
            await self.discord.do("replay", interaction=interaction)
            self.delivered_again += 1

    async def _press(self, number: int) -> None:
        """A member presses a button of a picture, sends a prompt, or blends pictures; the answer may never come."""
        await asyncio.sleep(self.chance.uniform(0, 0.6 * self.life))
        channel = self.channel_ids[number % GUILDS]
        try:
            if number % 8 == PROMPTS:
                interaction = await self._command(number, "imagine", prompt=f"prompt {number}")
            elif number % 8 == BLENDS:
                interaction = await self._command(number, "blend", image1=PICTURE, image2=PICTURE)
            else:
                interaction = await self._click(channel, number)
        except RuntimeError:  # the bot was not connected: a member tries again later
            self._left.append(number)
            return
        self._interactions.setdefault(number, []).append(interaction)
        if self.chance.random() < 0.2:
            await self._deliver_again(interaction)

    async def _command(self, number: int, name: str, **options: Any) -> int:
        channel, who = self.channel_ids[number % GUILDS], self.members[number]
        interaction: int = await self.discord.do("slash", channel_id=channel, who=who, name=name, options=options)
        return interaction

    async def _click(self, channel: int, number: int) -> int:
        """A press of one of U1-U4 and V1-V4."""
        picture = self.pictures[channel][number // GUILDS // PER_PARENT % len(self.pictures[channel])]
        buttons = [
            part["custom_id"]
            for row in picture["components"]
            for part in row["components"]
            if part.get("label", "")[:1] in {"U", "V"}
        ]
        button = buttons[self.chance.randrange(len(buttons))]
        interaction: int = await self.discord.do(
            "click", message=int(picture["id"]), who=self.members[number], custom_id=button, forged=True
        )
        return interaction

    # --- living -----------------------------------------------------------------------------------------------------

    async def _run_to_the_end(self) -> None:
        """The last life, until nothing happens any more."""
        async with bot_process(self.folder, self.environment, forked=self.forked) as bot:
            await self.discord.do("wait_ready", within=30)
            due, self._left = self._left, []
            await asyncio.gather(*map(self._press, due))
            version = await self.discord.do("changed", since=-1, within=5)
            for _ in range(10_000):
                try:
                    version = await self.discord.do("changed", since=version, within=QUIET)
                except RuntimeError:
                    break
            bot.terminate()
            assert await bot.wait() == 0, f"The bot did not end well, see {self.log}"

    async def _read(self) -> SubmissionHistory:
        """What the far ends have in the end."""
        parents = [parent for channel in self.channel_ids for parent in self.parents[channel]]
        answers = {
            self.members[number]: [await self._answer(interaction) for interaction in interactions]
            for number, interactions in self._interactions.items()
        }
        found = {
            channel: channel_state(await self.discord.do("messages", channel_id=channel))
            for channel in self.channel_ids
        }
        return SubmissionHistory(
            made=await self.jobs.made(),
            parents=frozenset(parents),
            picks=await self.jobs.picks(parents),
            answers=answers,
            posts=await self.jobs.sent(),
            found=found,
        )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash.submission_run", description=__doc__)
    parser.add_argument("--presses", type=int, default=320)
    parser.add_argument("--kills", type=int, default=80)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--provider", type=ProviderName, choices=list(ProviderName), default=ProviderName.USEAPI)
    folder = Path(mkdtemp(prefix="press-run-"))
    run = PressRun(folder=folder, **vars(parser.parse_args()))
    figures = asyncio.run(run.run())
    if figures.spotless:
        shutil.rmtree(folder)
    else:
        run.wrongs.append(f"The log and the database are in {folder}")
    print(figures.table(), dict(run.ends), *run.wrongs, sep="\n")  # noqa: T201 -- what a person runs this for
    return int(not figures.spotless)


if __name__ == "__main__":
    sys.exit(main())

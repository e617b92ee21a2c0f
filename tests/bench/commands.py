"""A thousand members who run `/job` in the same moment: how soon Discord hears of each, and each reads an answer."""

from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.bench.remote import jobid_of, quick_useapi
from tests.bench.report import Table, percentile, spread
from tests.crash.conftest import ProcessHarness
from tests.fakes.discord.interactions import Interaction

SERVERS, CHANNELS = 20, 10
"""Servers, and channels in each of them."""


class Burst(NamedTuple):
    """Seconds from each command to its acknowledgement and to its answer, and how many had none in time."""

    acknowledged: list[float]
    answered: list[float]
    late: int


async def burst(folder: Path, members: int) -> Burst:
    """Have so many members run `/job` at once, each about a running job of their own."""
    with quick_useapi() as (useapi, _):
        harness = ProcessHarness(folder)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(harness.discord)
            await harness.open(LOG_LEVEL="WARNING", ALLOWED_GUILDS="*", USEAPI_URL=useapi, POLL_SECONDS="60")
            people = _people(harness, members)
            await harness.bot.start()
            stack.push_async_callback(harness.bot.kill)
            await harness.discord.wait_ready()
            commands = [
                await harness.discord.slash(channel, member, "job", {"jobid": jobid_of(number)})
                for number, (channel, member) in enumerate(people, 1)
            ]
            answered = await _answered(harness, commands)
        acknowledged = {
            request.path.split("/")[2]: request
            for request in harness.discord.requests
            if request.path.startswith("/interactions/")
        }
    assert harness.discord.violations == []
    created = {str(command.id): command.created for command in commands}
    return Burst(
        [request.at - created[name] for name, request in acknowledged.items()],
        answered,
        sum(request.status >= 400 for request in acknowledged.values()),
    )


def _people(harness: ProcessHarness, members: int) -> list[tuple[int, int]]:
    """Members, each with the channel that they are in."""
    servers = [harness.discord.add_guild(f"Server {number}") for number in range(SERVERS)]
    channels = [(server, harness.discord.add_channel(server, f"c{at}")) for at in range(CHANNELS) for server in servers]
    theirs = (channels[number % len(channels)] for number in range(members))
    return [(channel, harness.discord.add_member(server, f"M{at}")) for at, (server, channel) in enumerate(theirs)]


async def _answered(harness: ProcessHarness, commands: list[Interaction]) -> list[float]:
    """Seconds from each command to its answer, once nothing more is to come."""
    times: dict[int, float] = {}

    def all_answered() -> bool:
        for command in commands:
            if command.id not in times and (answer := command.answer) is not None and not answer.deferred:
                times[command.id] = harness.discord.now() - command.created
        late = sum(each.status >= 400 for each in harness.discord.requests)
        return len(times) + late >= len(commands)

    await harness.discord.wait_until(all_answered, within=120)
    return list(times.values())


async def run(*, quick: bool) -> list[Table]:
    """The section."""
    members, turns = (100, 1) if quick else (1000, 5)
    bursts = []
    for _ in range(turns):
        with TemporaryDirectory(prefix="bench-commands-") as folder:
            bursts.append(await burst(Path(folder), members))
    return [
        Table(
            head=["what", "figure"],
            rows=[
                [
                    "acknowledged after: median",
                    spread([percentile(each.acknowledged, 0.5) for each in bursts], ".2f") + " s",
                ],
                ["the slowest", spread([max(each.acknowledged) for each in bursts], ".2f") + " s; Discord allows 3 s"],
                ["answered after: median", spread([percentile(each.answered, 0.5) for each in bursts], ".2f") + " s"],
                ["the slowest", spread([max(each.answered) for each in bursts], ".2f") + " s"],
                ["not acknowledged in time", spread([each.late for each in bursts])],
            ],
            before=f"### {members:,} members run `/job` at once",
            after=f"Each about a running job of their own, in {CHANNELS} channels of {SERVERS} servers. An answer says "
            "“Watching”, and comes after the provider's response and a transaction for each.",
        )
    ]

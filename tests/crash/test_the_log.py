"""What the real process writes at DEBUG when everything goes wrong that can, discord.py's own lines included."""

import json
from typing import Any
from urllib.parse import quote

from tests import log
from tests.crash.conftest import ProcessHarness
from tests.crash.test_the_real_process import button

ANSWERS: tuple[int | str, ...] = (
    401,
    402,
    404,
    410,
    422,
    429,
    500,
    504,
    596,
    "html",
    "truncated",
    "wrong_shape",
    "cut",
    "queue_full",
    "bomb",
)
PICTURES: tuple[int | str, ...] = (404, 500, "html", "cut")
SENDS = ("429", "garbage", "400", "403", "stored-reset")
PRESS_FAULTS: tuple[int | str, ...] = (400, 402, 404, 422, "made_reset")


class TransientError:
    """Makes one thing after another go wrong; each step ends when the bot has met it."""

    def __init__(self, harness: ProcessHarness) -> None:
        self.harness = harness
        self.discord, self.useapi = harness.discord, harness.useapi

    async def ask(self, jobid: str, channel: int | None = None) -> Any:
        """Somebody new asks: a member may use /job six times a minute."""
        who = self.discord.add_member(self.harness.guild, f"Person {len(self.discord.people)}")
        return await self.discord.slash(channel or self.harness.channel, who, "job", {"jobid": jobid})

    async def of_useapi(self) -> None:
        for kind in ANSWERS:
            self.useapi.fail(kind, path="/v2/jobs/")
            assert (await (await self.ask(self.useapi.add_job(age=600))).answered(10)).ephemeral

    async def of_the_picture_host(self) -> None:
        for kind in PICTURES:
            self.useapi.fail(kind, path="/attachments/*")
            await (await self.ask(self.useapi.add_job(prompt=f"a picture of {kind}", age=600))).answered()
            await self.posted(f"a picture of {kind}")

    async def of_interactions(self) -> None:
        for request, kind in (
            ("POST /interactions/*", 404),
            ("POST /interactions/*", "garbage"),
            ("PATCH /webhooks/*", 404),
            ("PATCH /webhooks/*", "garbage"),
            ("PATCH /webhooks/*", 400),
        ):
            self.discord.fail(request, kind)
            await self.ask(self.useapi.add_job(age=600))
            await self.discord.wait_until(lambda: not self.discord.faults.planned)

    async def of_sends(self) -> None:
        for kind in SENDS:
            channel = self.discord.add_channel(self.harness.guild, f"room-{kind}")
            self.discord.fail(f"POST /channels/{channel}/messages", kind)
            await (await self.ask(self.useapi.add_job(prompt=f"sent to {kind}", age=600), channel)).answered()
        await self.discord.wait_until(lambda: not self.discord.faults.planned, 10)

    async def of_submissions(self) -> None:
        await (await self.ask(self.useapi.add_job(prompt="a castle", age=600))).answered()
        grid = await self.posted("a castle")
        for number, kind in enumerate(PRESS_FAULTS, start=1):
            self.useapi.fail(kind, path="/v2/jobs/button")
            await (
                await self.discord.click(grid, self.harness.mira, button(grid, f"V{(number - 1) % 4 + 1}"))
            ).answered()
            await self.useapi.wait_for_request(number, path="/v2/jobs/button")
        await self.discord.click(grid, self.harness.mira, "dr:p:aaaaaaaaaaaaaaaaaaaaaaaa:0", forged=True)

    async def of_polls(self) -> None:
        await (await self.ask(self.useapi.add_job(prompt="a lighthouse", duration=60))).answered()
        self.useapi.fail(500, path="/v2/jobs/")
        await self.posted("a lighthouse")

    async def posted(self, words: str) -> Any:
        return await self.discord.wait_until(
            lambda: next((m for m in self.discord.messages(self.harness.channel) if self._shows(m, words)), None), 20
        )

    @staticmethod
    def _shows(message: Any, words: str) -> bool:
        return words in str(message.embeds) and "dr:m:" in str(message.components)  # a result: only it has the dots


async def test_whatever_goes_wrong_no_line_contains_a_secret_and_each_about_a_job_names_it(
    harness: ProcessHarness,
) -> None:
    await harness.open(LOG_LEVEL="DEBUG", LOG_FORMAT="json")
    error = TransientError(harness)
    await harness.bot.start()
    await harness.discord.wait_ready()
    await error.of_useapi()
    await error.of_the_picture_host()
    await error.of_sends()
    await error.of_interactions()
    await error.of_polls()
    await error.of_submissions()
    assert (await harness.bot.stop())[0] == 0

    jobids = [form for jobid in harness.useapi.jobids for form in (jobid, quote(jobid, safe=""))]
    assert len(jobids) > 50
    secrets = [harness.discord.token, "demo-token", *harness.discord.interactions, *jobids]
    complaints = list(log.complaints(harness.bot.screen, secrets))
    assert not complaints, "\n".join(complaints)
    lines = [json.loads(line) for line in harness.bot.screen.splitlines()]
    assert {"bot.delivery.dispatcher", "bot.delivery.sending", "bot.messages.attachments", "bot.submissions.sender"} < {
        line["logger"] for line in lines if "key" in line
    }
    assert not [line for line in lines if "lighthouse" in line["message"]], "prompts are nobody's business"

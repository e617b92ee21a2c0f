"""The real process and pictures of every kind, good and bad: over sockets, from a host of files to Discord and back."""

import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests import sample_pictures as samples
from tests.conftest import only_long
from tests.crash.conftest import ProcessHarness
from tests.crash.test_the_real_process import button
from tests.sample_pictures import opened

MIB = 1024 * 1024
WEEKS = 21 * 86400
HALF = samples.png(64, 64, noise=60)[:900]
PICTURE = samples.png(64, 64)
NOT_FETCHED = "-# The picture could not be fetched."


class Shift:
    """The machine's clock, set forward."""

    seconds = 0.0

    def __call__(self) -> float:
        return time.time() + self.seconds


class Show(ProcessHarness):
    """A harness where everybody asks for pictures; the files of earlier posts can be fetched, too."""

    def __init__(self, folder: Path) -> None:
        self.clock = Shift()
        super().__init__(folder, now=self.clock)
        self._askers = 0

    async def start(self) -> None:
        await self.open(IMAGE_HOSTS=f"{self.useapi.origin} {self.discord.origin}")
        await self.bot.start()
        await self.discord.wait_ready()

    def served(self, data: bytes, **lies: Any) -> str:
        return self.useapi.serve_file("x.png", data, content_type="image/png", **lies)

    async def ask(self, jobid: str, channel: int | None = None) -> str:
        """A member who never asked before types /job."""
        self._askers += 1
        who = self.discord.add_member(self.guild, f"M{self._askers}")
        answer = await (await self.discord.slash(channel or self.channel, who, "job", {"jobid": jobid})).answered()
        return str(answer.content)

    async def result_of(self, words: str, *, url: str | None = None, channel: int | None = None, **job: Any) -> Any:
        """The post of a job that is over, whose picture lies there."""
        if url is not None:
            job["attachments"] = [{"url": url}]
        await self.ask(self.useapi.add_job(prompt=words, age=600, **job), channel)
        return await self.post_of(words, channel)

    async def post_of(self, words: str, channel: int | None = None, within: float = 20) -> Any:
        def seen() -> Any:
            posts = self.discord.messages(channel or self.channel)
            return next((m for m in posts if words in str(m.embeds)), None)

        return await self.discord.wait_until(seen, within)

    def has_messages(self, number: int) -> bool:
        """Whether so many messages stand in the channel."""
        return len(self.discord.messages(self.channel)) >= number

    async def press(self, message: Any, label: str) -> Any:
        """A moderator presses; the private answer."""
        target = self.discord.every_message[message.message_id] if hasattr(message, "message_id") else message
        return await (await self.discord.click(target, self.mira, button(target, label))).answered()


@pytest.fixture
async def show(tmp_path: Path) -> AsyncIterator[Show]:
    show = Show(tmp_path)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(show.useapi)
        await stack.enter_async_context(show.discord)
        await show.start()
        try:
            yield show
            status, _ = await show.bot.stop()
        finally:
            await show.bot.kill()
            print(show.bot.screen)  # noqa: T201 -- pytest shows it where a test failed
    assert status == 0
    assert "Traceback" not in show.bot.screen
    assert show.discord.violations == []


async def test_whatever_lies_at_the_address_the_result_is_posted(show: Show) -> None:
    shorter, longer = ({"Content-Length": str(len(PICTURE) + by)} for by in (-50, 50))
    attached = {
        "one dot": samples.png(1, 1),
        "a bomb": samples.bomb(20_000, 20_000),
        "half": HALF,
        "a GIF": samples.gif(32, 32, frames=3),
        "an animation": samples.moving_webp(64, 64, size=20_000),
        "a film": samples.FILM,
    }
    not_fetched: dict[str, tuple[bytes, dict[str, Any]]] = {
        "nothing": (b"", {}),
        "a drawing": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", {}),
        "a page": (b"<!doctype html><title>Sorry</title>", {}),
        "less than said": (PICTURE, {"headers": longer}),
        "more than said": (PICTURE, {"headers": shorter}),  # arriving with the headers; else it is cut
        "an error": (PICTURE, {"status": 500}),
    }
    for words, data in attached.items():
        post = await show.result_of(words, url=show.served(data))
        assert [file.data for file in post.files] == [data], words
        assert post.files[0].description.endswith(words)
    for words, (data, lies) in not_fetched.items():
        post = await show.result_of(words, url=show.served(data, **lies))
        assert NOT_FETCHED in str(post.embeds), words
        assert not post.files
        assert button(post, "⋯")


@only_long
async def test_every_kind_comes_at_its_size_with_a_name_and_words_for_who_cannot_see_it(show: Show) -> None:
    kinds = {
        "a grid": samples.webp(2048, 2048),
        "a single": samples.png(1024, 1024),
        "a pan": samples.webp(2688, 1792),
        "an upscale": samples.png(2048, 2048, noise=28),
        "an animation": samples.moving_webp(size=2_500_000),
        "a film": samples.FILM + bytes(5 * MIB),
    }
    for words, data in kinds.items():
        post = await show.result_of(words, url=show.served(data))
        (file,) = post.files
        assert file.data == data, words
        assert re.fullmatch(rf"imagine-{words.partition(' ')[2]}-[a-z0-9]{{4,8}}\.(webp|png|mp4)", file.name)
        assert file.in_embed is (words != "a film")
    for verb, number in (("describe", 1), ("seed", 4)):
        stood = len(show.discord.messages(show.channel))
        await show.ask(show.useapi.add_job(verb, prompt="a tower", age=600))
        await show.discord.wait_until(partial(show.has_messages, stood + 1), 10)
        assert len(show.discord.messages(show.channel)[-1].files) == number
    assert all(file.description for m in show.discord.messages(show.channel) for file in m.files)


async def test_a_server_may_hide_pictures_except_in_age_restricted_channels(show: Show) -> None:
    boss = show.discord.add_member(show.guild, "Kit", permissions=("MANAGE_GUILD",))
    bar = show.discord.add_channel(show.guild, "bar")
    show.discord.channels[bar].age_restricted = True
    answer = await (await show.discord.slash(show.channel, boss, "darkroom settings")).answered()
    panel = show.discord.every_message[answer.message_id or 0]
    await show.discord.click(panel, boss, "dr:g:s:RESULTS")
    await show.discord.wait_until(lambda: "dr:g:c:spoiler" in str(panel.components))
    await show.discord.click(panel, boss, "dr:g:c:spoiler", ["unless age-restricted"])
    await show.discord.wait_until(lambda: "hidden behind a click, except" in panel.text)
    hidden, open_ = await show.result_of("a castle"), await show.result_of("a castle", channel=bar)
    assert [file.name[:8] for file in hidden.files] == ["SPOILER_"]
    assert "image" not in hidden.embeds[0]
    assert open_.embeds[0]["image"]["url"] == open_.files[0].url


async def test_too_large_is_learnt_from_discord_and_shown_smaller(show: Show) -> None:
    data = samples.png(700, 700, noise=60, compress_level=0)
    large = show.served(data, drip=0.3, piece=MIB)  # Discord changes its mind while this is fetched
    limit = show.discord.file_limit
    await show.ask(show.useapi.add_job(prompt="a large one", age=600, attachments=[{"url": large}]))
    show.discord.file_limit = MIB
    post = await show.post_of("a large one")
    (file,) = post.files
    assert len(file.data) <= MIB
    assert opened(file.data).size == (700, 700)
    assert "-# This is a smaller copy: the picture is too large to attach (1.4 MB)." in str(post.embeds)
    refused = [request for request in show.discord.requests if request.status == 413]
    assert len(refused) == 1
    moving = await show.result_of("it moves", url=show.served(samples.moving_webp(64, 64, size=2 * MIB)))
    assert getattr(opened(moving.files[0].data), "n_frames", 1) == 1
    assert "This is a still" in str(moving.embeds)
    show.discord.file_limit = limit
    again = await show.result_of("large again", url=show.served(data))
    assert again.files[0].data == data, "interactions tell of the new limit"
    assert len([request for request in show.discord.requests if request.status == 413]) == 1


async def test_a_grid_is_split_and_split_again_and_its_full_size_is_offered_while_it_lives(show: Show) -> None:
    def splits() -> list[Any]:
        return [m for m in show.discord.messages(show.channel) if len(m.files) == 4]

    grid = await show.result_of("a castle")
    dots = await show.press(grid, "⋯")
    assert "Full size" in str(dots.buttons)
    for _ in range(2):
        assert (await show.press(dots, "Split into four")).content == "I'll post the four pictures here."
        (four,) = await show.discord.wait_until(splits, 10)
        assert "The four pictures are already posted" in (await show.press(dots, "Split into four")).content
        show.discord.delete_message(four.id)
    own = [path for path in (request.path for request in show.useapi.requests) if path.endswith(".jpeg")]
    assert len(own) == 8, "in full size, from Midjourney's own host"
    assert not any(path in str(show.discord.requests) for path in own)


async def test_three_weeks_later_the_picture_is_taken_from_our_own_post_through_a_fresh_link(show: Show) -> None:
    lounge = show.discord.add_channel(show.guild, "lounge")
    jobid = show.useapi.add_job(prompt="a castle", age=600)
    await show.ask(jobid)
    first = await show.post_of("a castle")
    show.clock.seconds = WEEKS
    await show.ask(jobid, lounge)
    again = await show.post_of("a castle", lounge)
    assert [file.data for file in again.files] == [file.data for file in first.files]
    assert again.embeds[0]["description"] == first.embeds[0]["description"]


@only_long
@pytest.mark.timeout(240)
async def test_late_pictures_come_into_their_posts_and_a_channel_that_went_meanwhile_is_let_go(show: Show) -> None:
    gone = show.discord.add_channel(show.guild, "gone")
    drips = show.served(PICTURE, drip=1.0, piece=1)
    await show.ask(show.useapi.add_job(prompt="it drips", age=600, attachments=[{"url": drips}]), gone)
    await show.ask(show.useapi.add_job(prompt="a long job", duration=2400))
    show.useapi.fail(503, times=2, path="/attachments/*")
    late = await show.result_of("a castle")
    assert not late.files
    await show.discord.wait_until(lambda: late.files, 40)
    assert "could not be fetched" not in str(late.embeds)
    assert late.embeds[0]["image"]["url"].startswith(show.discord.origin)
    status_card = await show.post_of("a long job")
    first = (await show.discord.wait_until(lambda: status_card.files, 60))[0]
    dripped = await show.post_of("it drips", gone, within=70)
    await show.discord.wait_until(lambda: status_card.files[0] is not first, 60)
    assert len(status_card.files) == 1, "an old preview makes room for the new one"
    assert status_card.embeds[0]["thumbnail"]["url"] == status_card.files[0].url
    assert NOT_FETCHED in str(dripped.embeds)
    show.discord.delete_channel(gone)
    tries = len([request for request in show.useapi.requests if request.path in drips])
    await show.useapi.wait_for_request(tries + 1, path=drips.removeprefix(show.useapi.origin))
    await show.result_of("and life goes on")

"""An export, with real HTTP to the fake Discord: pictures from the bot's own posts, and a page to browse them."""

import asyncio
import json
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from bot.cli import export
from bot.cli.export.files import ExportFolder
from bot.errors import DiscordStartError, StartError
from bot.models import Status
from bot.settings import some_settings
from bot.store import open_store
from tests.disk import largest_file
from tests.exported import MIRA, NOON, PostedJobs
from tests.fakes.discord import FakeDiscord
from tests.sample_pictures import FILM, webp

sqlite_has_its_thread = True  # as in the bot


@pytest.fixture
async def posted(tmp_path: Path) -> AsyncIterator[PostedJobs]:
    async with FakeDiscord() as discord:
        yield PostedJobs(discord, tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "archive"


async def exported(
    posted: PostedJobs, folder: Path, guild: int | None = None, *, say: Callable[[str], None] = lambda _text: None
) -> str:
    settings = some_settings(posted.environ, *export.SETTINGS, dotenv=Path("none"))
    return await export.export(settings, guild or posted.guild, folder, say)


def jobs(folder: Path) -> list[dict[str, Any]]:
    return list(json.loads((folder / "jobs.json").read_text(encoding="utf-8"))["jobs"])


class Page(HTMLParser):
    """What a browser makes of the page: its tags with their attributes, and its words."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed((folder / "index.html").read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


async def test_pictures_prompts_and_lineage_are_in_the_folder(posted: PostedJobs, folder: Path) -> None:
    here, thread = posted.channel(), posted.channel("sketches", parent_id=posted.channel("lounge").channel_id)
    async with posted.store() as store:
        first = await posted.add(store, here, "a castle in the fog --ar 3:2")
        await posted.add(store, thread, "", verb="button", button="U2", parent_jobid="job:a castle in the fog --ar 3:2")
        await posted.add(store, here, "four boats", files=4)
        await posted.add(store, here, "a film", name="SPOILER_boat.mp4", files=2, picture=FILM)
        await posted.add(store, here, "only a text", files=0)
        await posted.add(store, here, "a declined one", status=Status.MODERATED)
    posted.discord.say(here.channel_id, posted.discord.add_member(posted.guild, "Bo"), "what others write")
    said = await exported(posted, folder)
    assert re.fullmatch(r"Exported 5 jobs with 8 files, 0 MB\. Open .*archive/index\.html in a browser\.", said)
    castle, pick, boats, film, text = jobs(folder)
    assert (castle["prompt"], castle["channel"]) == ("a castle in the fog --ar 3:2", "#pictures")
    assert castle["post"] == f"https://discord.com/channels/{posted.guild}/{here.channel_id}/{first.id}"
    assert (pick["parent"], pick["name"], pick["channel"]) == (castle["key"], "U2", "#sketches")
    assert [len(each["files"]) for each in (boats, film, text)] == [4, 2, 0]
    names = {file["name"] for job in jobs(folder) for file in job["files"]}
    assert {file.name for file in (folder / "pictures").iterdir()} == names
    assert (folder / "pictures" / castle["files"][0]["name"]).read_bytes() == webp(64, 48)
    everything = "".join(file.read_text() for file in folder.iterdir() if file.is_file())
    assert not [each for each in (MIRA.name, str(MIRA.id), "job:", posted.discord.token) if each in everything]
    assert posted.discord.violations == []
    assert {path.name for path in posted.data.iterdir()} <= {"bot.sqlite3", "backups"}, "no copy is left"

    page = Page(folder)
    links = [address for _, each in page.tags for name in ("src", "href") if (address := each.get(name))]
    assert [link for link in links if not link.startswith(("pictures/", "#k", "https://discord.com/channels/"))] == []
    assert "from #" + castle["key"] in page.words
    assert "led to #" + pick["key"] in page.words
    assert [tag for tag, _ in page.tags if tag in {"script", "link", "iframe", "base", "form"}] == []
    assert [tag for tag, _ in page.tags].count("details") == 2, "spoilers stay closed"


async def test_texts_of_others_are_only_text_in_the_page(posted: PostedJobs, folder: Path) -> None:
    prompt = "<script>alert(1)</script> \"><img src=x onerror='x'> & \u202eevil https://cdn.midjourney.com/alice.png"
    posted.discord.guilds[posted.guild] = "<b>Studio</b>"
    async with posted.store() as store:
        await posted.add(store, posted.channel("<i>x</i>"), prompt)
    await exported(posted, folder)
    page = Page(folder)
    document = {"html", "head", "meta", "title", "style", "body", "header", "main", "h1"}
    assert {tag for tag, _ in page.tags} <= document | {"p", "article", "a", "img", "div", "b", "time"}
    assert prompt.replace("\u202e", "").replace("https://cdn.midjourney.com/alice.png", "<picture 1>") in page.words
    assert not any(name.startswith("on") for _, each in page.tags for name in each)
    (policy,) = [each["content"] for tag, each in page.tags if each.get("http-equiv") == "Content-Security-Policy"]
    assert str(policy).startswith("default-src 'none'; img-src 'self'")


async def test_an_interrupted_export_goes_on_and_a_later_one_adds_what_is_new(posted: PostedJobs, folder: Path) -> None:
    here = posted.channel()
    async with posted.store() as store:
        for number in range(2):
            await posted.add(store, here, f"castle {number}")
        broken = await posted.add(store, here, "castle 2")
    broken.files[0].data = b"Discord has trouble"
    said = await exported(posted, folder)
    assert said.splitlines()[1:] == ["1 job without all pictures: the same command tries them again."]
    broken.files[0].data = webp(64, 48)
    with (folder / "progress.jsonl").open("ab") as file:
        file.write(b'{"key":"cut')
    (folder / "pictures" / "picture-left").touch()
    (folder / "pictures" / "of the admin.webp").touch()
    said = await exported(posted, folder)
    assert said.startswith("Exported 3 jobs with 3 files")
    assert len(said.splitlines()) == 1
    assert len(posted.discord.downloads) == 3 + 1
    assert not (folder / "pictures" / "picture-left").exists()
    (folder / "pictures" / "of the admin.webp").unlink()  # not known to the export, so left alone

    async with posted.store() as store:
        (gone,) = await store.deliveries.posts_in_server(1, posted.guild)
        await store.outbox.drop(gone)
        await posted.add(store, here, "a new one")
    await exported(posted, folder)
    assert [job["prompt"] for job in jobs(folder)] == ["castle 1", "castle 2", "a new one"]
    assert len(posted.discord.downloads) == 3 + 1 + 1
    assert len(list((folder / "pictures").iterdir())) == 3, "a deleted post is deleted here, too"
    assert "castle 0" not in (folder / "progress.jsonl").read_text(encoding="utf-8")


async def test_what_the_bot_no_longer_knows_stays_in_the_folder(posted: PostedJobs, folder: Path) -> None:
    here, left = posted.channel(), posted.channel("lounge")
    async with posted.store() as store:
        await posted.add(store, here, "a castle")
        await posted.add(store, left, "", verb="button", button="U2", parent_jobid="job:a castle")
        broken = await posted.add(store, here, "four boats", files=4)
        broken.files[3].data = b"Discord has trouble"
    await exported(posted, folder)
    before, names = jobs(folder), {file.name for file in (folder / "pictures").iterdir()}
    assert len(names) == 1 + 1 + 3
    await posted.prune()
    posted.discord.fail(f"GET /channels/{left.channel_id}", 404)
    async with posted.store() as store:
        await posted.add(store, here, "a new one")
    downloads = len(posted.discord.downloads)
    said = await exported(posted, folder)
    assert said.splitlines()[0].startswith("Exported 4 jobs with 6 files")
    assert said.splitlines()[1:] == ["Kept from earlier exports: 3 jobs that are not in the database."]
    assert jobs(folder)[:3] == before, "with the name of a channel that is gone, and which job came of which"
    assert [job["prompt"] for job in jobs(folder)[3:]] == ["a new one"]
    assert names < {file.name for file in (folder / "pictures").iterdir()}
    assert len(posted.discord.downloads) == downloads + 1
    assert f"led to #{before[1]['key']}" in Page(folder).words

    for file in before[0]["files"]:
        (folder / "pictures" / file["name"]).unlink()
    await exported(posted, folder)
    assert [job["key"] for job in jobs(folder)][:2] == [before[1]["key"], before[2]["key"]], "the admin deleted one"


async def test_a_later_job_with_the_same_key_replaces_no_earlier_one(posted: PostedJobs, folder: Path) -> None:
    here = posted.channel()
    async with posted.store() as store:
        await posted.add(store, here, "a castle", picture=webp(64, 48))
    await exported(posted, folder)
    (first,) = jobs(folder)
    await posted.prune()
    async with open_store(posted.data, lambda: NOON + timedelta(days=92)) as store:
        again = await posted.add(store, here, "a castle", picture=webp(32, 32))
        await store.database.transaction(lambda db: db.execute("UPDATE jobs SET key = ?", (first["key"],)))
    await exported(posted, folder)
    assert jobs(folder)[0] == first
    assert jobs(folder)[1]["post"].endswith(f"/{again.id}")
    sizes = [[(file["width"], file["height"]) for file in job["files"]] for job in jobs(folder)]
    assert sizes == [[(64, 48)], [(32, 32)]]
    assert (folder / "pictures" / first["files"][0]["name"]).read_bytes() == webp(64, 48)


async def test_a_deleted_post_is_replaced_by_an_older_one_and_a_hidden_channel_is_left_out(
    posted: PostedJobs, folder: Path
) -> None:
    here, there, hidden = posted.channel(), posted.channel("lounge"), posted.channel("hidden")
    async with posted.store() as store:
        await posted.add(store, here, "a castle")
        newer = await posted.add(store, there, "a castle")
        lost = await posted.add(store, here, "a boat")
        await posted.add(store, hidden, "a secret")
    posted.discord.delete_message(newer.id)
    posted.discord.delete_message(lost.id)
    posted.discord.fail(f"GET /channels/{hidden.channel_id}/messages", "403-50001", times=None)
    said = await exported(posted, folder)
    assert [(job["prompt"], job["channel"]) for job in jobs(folder)] == [("a castle", "#pictures")]
    assert said.endswith("Left out: 2 jobs whose posts were deleted, or can't be read by the bot.")


async def test_a_hundred_posts_are_read_with_one_request(posted: PostedJobs, folder: Path) -> None:
    here = posted.channel()
    async with posted.store() as store:
        for number in range(120):
            await posted.add(store, here, f"castle {number}")
    await exported(posted, folder)
    assert len(jobs(folder)) == 120
    pages = [each for each in posted.discord.requests if re.fullmatch(r".*/channels/\d+/messages", each.path)]
    assert len(pages) == 2
    assert len(posted.discord.requests) < 10


async def test_only_hosts_that_are_listed_are_asked_for_pictures(posted: PostedJobs, folder: Path) -> None:
    async with posted.store() as store:
        await posted.add(store, posted.channel(), "a castle")
    posted.environ["IMAGE_HOSTS"] = "cdn.example.com"
    said = await exported(posted, folder)
    assert "1 job without all pictures" in said
    assert posted.discord.downloads == []


async def test_beside_a_running_bot_its_newest_copy_is_exported(posted: PostedJobs, folder: Path) -> None:
    here = posted.channel()
    async with posted.store() as store:
        await posted.add(store, here, "a castle")
        with pytest.raises(StartError, match=r"made no nightly copy yet.*Stop the bot, or try again tomorrow\."):
            await exported_beside(posted, folder)
        await store.backups.create(posted.data, 7)
        (posted.data / "backups" / "nightly-20990101T000000Z.sqlite3").touch()  # by a clock that ran ahead
    async with open_store(posted.data, lambda: NOON + timedelta(hours=1)) as store:
        await posted.add(store, here, "a later one")
    await exported(posted, folder)
    async with posted.store():
        said = await exported_beside(posted, folder)
    assert "The bot runs, so this is what its copy of 20" in said
    assert "Kept from earlier exports: 1 job that is not in the database." in said
    assert [job["prompt"] for job in jobs(folder)] == ["a castle", "a later one"]
    assert len(list((folder / "pictures").iterdir())) == 2


async def exported_beside(posted: PostedJobs, folder: Path) -> str:
    """The export of another process; in our own, SQLite's lock is not seen, and would be lost."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "export", str(posted.guild), str(folder)),
        env={**os.environ, **posted.environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate()
    if process.returncode:
        raise StartError(errors.decode().strip())
    return out.decode().strip()


async def test_a_full_disk_is_a_sentence_and_later_the_export_goes_on(posted: PostedJobs, folder: Path) -> None:
    async with posted.store() as store:
        await posted.add(store, posted.channel(), "a castle")
    with largest_file(0), pytest.raises(StartError, match=r"archive cannot be written: .+\.$"):
        ExportFolder(folder, posted.guild)
    progress: list[str] = []
    assert (await exported(posted, folder, say=progress.append)).startswith("Exported 1 job with 1 file")
    assert progress == ["1 of 1 job"]
    again = ExportFolder(folder, posted.guild)
    (post,) = again.saved.values()
    size = (folder / "progress.jsonl").stat().st_size
    for room in (0, 10):
        with largest_file(size + room), pytest.raises(StartError, match=r"archive cannot be written: .+\.$"):
            again.note(post)
    assert (await exported(posted, folder)).startswith("Exported 1 job with 1 file")
    assert len(posted.discord.downloads) == 1


async def test_what_cannot_be_exported_is_a_sentence(posted: PostedJobs, folder: Path, tmp_path: Path) -> None:
    async with posted.store() as store:
        await posted.add(store, posted.channel(), "a castle")
    with pytest.raises(StartError, match="The bot is not in a server with the id 999"):
        await exported(posted, tmp_path / "other", 999)
    await exported(posted, folder)
    with pytest.raises(StartError, match="has an export of another server"):
        await exported(posted, folder, 999)
    with pytest.raises(StartError, match="is not empty"):
        await exported(posted, tmp_path)
    posted.discord.fail("GET /channels/*/messages", 400)
    with pytest.raises(StartError, match="What is in the folder is kept"):
        await exported(posted, tmp_path / "another")
    for request, says in {
        "GET /users/@me": "Something else answers at Discord's address",
        "GET /guilds/*": "could not be reached",
        "GET /channels/*/messages": "What is in the folder is kept",
    }.items():
        posted.discord.fail(request, "garbage")
        with pytest.raises(StartError, match=says):
            await exported(posted, tmp_path / "a third")
    posted.discord.token = "another"
    with pytest.raises(DiscordStartError, match="does not accept DISCORD_TOKEN"):
        await exported(posted, folder)
    shutil.rmtree(posted.data)
    posted.data.mkdir()
    with pytest.raises(StartError, match="There is no database"):
        await exported(posted, folder)

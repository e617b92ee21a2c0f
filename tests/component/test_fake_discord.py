import asyncio
import io
import sys
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import discord
import pytest
import yarl
from discord import app_commands

from tests.conftest import only_long
from tests.fakes.discord import FakeDiscord, RemoteFakeDiscord, openapi_validator
from tests.fakes.discord.limits import Limits
from tests.processes import started


class Bot(discord.AutoShardedClient):
    def __init__(self) -> None:
        super().__init__(intents=discord.Intents.none(), guild_ready_timeout=0.01)
        self.tree = app_commands.CommandTree(self)
        self.custom_ids: list[str] = []

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Not the five seconds between two shards."""

    async def setup_hook(self) -> None:
        @self.tree.command(name="job", description="Shows a job")
        @app_commands.autocomplete(jobid=self.suggest)
        async def job(interaction: discord.Interaction, jobid: str) -> None:
            await interaction.response.defer(ephemeral=True)
            await interaction.edit_original_response(content=f"Watching {jobid}", view=buttons("Stop"))

        @self.tree.context_menu(name="Watch Midjourney job")
        async def subscribe(interaction: discord.Interaction, message: discord.Message) -> None:
            await interaction.response.send_message(f"Watching {message.content}", ephemeral=True)

        await self.tree.sync()

    async def suggest(self, _: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=f"castle {typed}", value=typed)]

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        if interaction.type is discord.InteractionType.component:
            await self.pressed(interaction, str(interaction.custom_id))
        if interaction.type is discord.InteractionType.modal_submit:
            await interaction.response.send_message("Thanks", ephemeral=True)

    async def pressed(self, interaction: discord.Interaction, custom_id: str) -> None:
        self.custom_ids.append(custom_id)
        if custom_id == "ask":
            await interaction.response.send_modal(Form())
        elif custom_id == "stop":
            await interaction.response.edit_message(content="Stopped", view=None)
        else:
            await interaction.response.send_message(f"On it: {custom_id}", ephemeral=True)

    def channel(self, channel_id: int) -> discord.PartialMessageable:
        return self.get_partial_messageable(channel_id)


class Form(discord.ui.Modal, title="Remix"):
    prompt: discord.ui.TextInput["Form"] = discord.ui.TextInput(label="Prompt", custom_id="prompt")


def buttons(*labels: str) -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    for label in labels:
        view.add_item(discord.ui.Button(label=label, custom_id=label.lower()))
    view.stop()
    return view


@asynccontextmanager
async def running(fake: FakeDiscord) -> AsyncIterator[Bot]:
    discord.http.Route.BASE = fake.api_url
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(fake.gateway.url)
    async with Bot() as bot, asyncio.TaskGroup() as tasks:
        tasks.create_task(bot.start(fake.token))
        await fake.wait_ready()
        yield bot
        await bot.close()


@pytest.fixture
async def fake() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as fake:
        yield fake


@pytest.fixture
async def room(fake: FakeDiscord) -> int:
    return fake.add_channel(fake.add_guild())


@pytest.fixture
async def mira(fake: FakeDiscord, room: int) -> int:
    return fake.add_member(fake.guild_of(room), "Mira", ("MANAGE_MESSAGES",))


@pytest.fixture
async def bot(fake: FakeDiscord, room: int) -> AsyncIterator[Bot]:
    async with running(fake) as bot:
        yield bot


class Clock:
    def __init__(self) -> None:
        self.time = 1_790_000_000.0

    def __call__(self) -> float:
        return self.time


async def refused(call: Awaitable[object]) -> tuple[int, int]:
    with pytest.raises(discord.HTTPException) as refusal:
        await call
    return refusal.value.status, refusal.value.code


async def test_a_bot_logs_in_identifies_its_shard_and_gets_ready(fake: FakeDiscord, bot: Bot) -> None:
    assert bot.user is not None
    assert bot.user.name == "darkroom"
    assert [(each.shard, each.intents) for each in fake.identifies] == [((0, 1), 0)]
    assert fake.violations == []


async def test_two_shards_identify_and_each_hears_of_its_own_guilds() -> None:
    clock = Clock()
    async with FakeDiscord(shards=2, now=clock) as fake, running(fake) as bot:
        for _ in range(2):
            clock.time += 0.0011  # the millisecond in a guild's id chooses its shard
            room = fake.add_channel(fake.add_guild())
            member = fake.add_member(fake.guild_of(room), "Bo")
            await (await fake.slash(room, member, "job", {"jobid": "abc"})).answered()
        events = [[event["t"] for event in session.sent] for session in fake.gateway.sessions.values()]
        assert events == [["READY", "INTERACTION_CREATE"]] * 2
        assert [each.shard for each in fake.identifies] == [(0, 2), (1, 2)]
        assert bot.shard_count == 2
        assert fake.violations == []


async def test_a_wrong_token_is_refused_at_login_and_at_the_gateway(fake: FakeDiscord, bot: Bot) -> None:
    fake.token = fake.gateway.token = "another"
    assert await refused(bot.application_info()) == (401, 0)
    async with aiohttp.ClientSession() as session, session.ws_connect(fake.gateway.url) as socket:
        await socket.receive()
        await socket.send_json({"op": 2, "d": {"token": "wrong", "intents": 0}})
        assert (await socket.receive()).data == 4004


async def test_a_slash_command_is_deferred_in_private_and_then_answered(
    fake: FakeDiscord, bot: Bot, room: int, mira: int
) -> None:
    interaction = await fake.slash(room, mira, "job", {"jobid": "abc"})
    assert (await interaction.acknowledged()).ephemeral
    answer = await interaction.answered()
    assert (answer.kind, answer.deferred, answer.ephemeral, answer.content) == (5, False, True, "Watching abc")
    assert [button["label"] for button in answer.buttons] == ["Stop"]
    assert fake.messages(room) == []
    assert fake.violations == []


async def test_typing_an_option_shows_the_choices(fake: FakeDiscord, bot: Bot, room: int, mira: int) -> None:
    interaction = await fake.autocomplete(room, mira, "job", {"jobid": "ab"})
    assert (await interaction.answered()).choices == [{"name": "castle ab", "value": "ab"}]
    assert fake.violations == []


async def test_a_channel_message_carries_embed_file_buttons_and_nonce(
    fake: FakeDiscord, bot: Bot, room: int, mira: int
) -> None:
    picture = discord.File(io.BytesIO(b"png"), "grid.png", description="a castle")
    embed = discord.Embed(description="castle").set_image(url=picture.uri)
    sent = await bot.channel(room).send(
        f"<@{mira}>", embed=embed, file=picture, view=buttons("U1", "V1"), nonce="n1",
        allowed_mentions=discord.AllowedMentions(users=[discord.Object(mira)]),
    )  # fmt: skip
    [message] = fake.messages(room)
    assert sent.id == message.id
    assert [person.name for person in message.mentions] == ["Mira"]
    assert message.button("V1") == "v1"
    assert (message.files[0].description, sent.attachments) == ("a castle", []), "shown in the embed, so not attached"
    async with aiohttp.ClientSession() as session, session.get(sent.embeds[0].image.url or "") as response:
        assert (response.content_type, await response.read()) == ("image/png", b"png")
    assert fake.requests[-1].files == [("grid.png", 3)]
    assert fake.requests[-1].json["embeds"][0]["image"] == {"url": "attachment://grid.png"}
    assert fake.violations == []


async def test_a_link_to_a_file_dies_after_a_day_and_its_message_has_a_fresh_one() -> None:
    clock = Clock()
    async with FakeDiscord(now=clock) as fake, running(fake) as bot, aiohttp.ClientSession() as session:
        channel = bot.channel(fake.add_channel(fake.add_guild()))
        file = discord.File(io.BytesIO(b"png"), "grid.png")
        sent = await channel.send(embed=discord.Embed().set_image(url=file.uri), file=file)
        clock.time += 86_401
        fresh = await channel.fetch_message(sent.id)
        bare = str(yarl.URL(fresh.embeds[0].image.url or "").with_query(None))
        for url, status in ((sent.embeds[0].image.url, 404), (fresh.embeds[0].image.url, 200), (bare, 404)):
            async with session.get(url or "") as response:
                assert response.status == status
        assert fake.violations == []


async def test_the_same_nonce_twice_is_one_message_and_in_a_window_of_zero_two(
    fake: FakeDiscord, bot: Bot, room: int
) -> None:
    first, again = [await bot.channel(room).send("done", nonce="n1") for _ in range(2)]
    assert (first.id, len(fake.messages(room))) == (again.id, 1)
    fake.nonce_window = 0
    assert (await bot.channel(room).send("done", nonce="n1")).id != first.id
    assert len(fake.messages(room)) == 2
    assert fake.violations == []


async def test_a_nonce_whose_message_was_deleted_is_an_unknown_message(fake: FakeDiscord, bot: Bot, room: int) -> None:
    await (await bot.channel(room).send("done", nonce="n1")).delete()
    assert await refused(bot.channel(room).send("done", nonce="n1")) == (404, 10008)
    assert fake.violations == []


async def test_a_press_reaches_the_bot_and_edits_the_message(fake: FakeDiscord, bot: Bot, room: int, mira: int) -> None:
    await bot.channel(room).send("card", view=buttons("U1", "Stop"))
    [message] = fake.messages(room)
    assert (await (await fake.click(message, mira, "u1")).answered()).content == "On it: u1"
    answer = await (await fake.click(message, mira, message.button("Stop"))).answered()
    assert (answer.content, answer.buttons, message.content) == ("Stopped", [], "Stopped")
    with pytest.raises(LookupError):
        await fake.click(message, mira, "u1")
    await (await fake.click(message, mira, "forged", forged=True)).answered()
    assert bot.custom_ids == ["u1", "stop", "forged"]
    assert fake.violations == []


async def test_a_form_opens_and_is_sent(fake: FakeDiscord, bot: Bot, room: int, mira: int) -> None:
    await bot.channel(room).send("card", view=buttons("Ask"))
    interaction = await fake.click(fake.messages(room)[0], mira, "ask")
    modal = (await interaction.answered()).modal
    assert modal is not None
    assert modal["title"] == "Remix"
    assert (await (await fake.submit_modal(interaction, {"prompt": "fog"})).answered()).content == "Thanks"
    assert fake.violations == []


async def test_the_messages_of_an_interactions_token_are_read_edited_and_deleted(
    fake: FakeDiscord, bot: Bot, room: int, mira: int
) -> None:
    interaction = await fake.slash(room, mira, "job", {"jobid": "abc"})
    await interaction.answered()
    behind = discord.Webhook.partial(bot.application_id or 0, interaction.token, client=bot)
    more = await behind.send("and more", wait=True)
    await behind.edit_message(more.id, content="and even more")
    await behind.edit_message("@original", content="after a restart")  # type: ignore[call-overload]  # typed as ids only
    answer = await interaction.answered()
    assert (answer.content, answer.ephemeral) == ("after a restart", True)
    assert (await behind.fetch_message(more.id)).content == "and even more"
    await behind.delete_message(answer.message_id or 0)
    assert await refused(behind.fetch_message(answer.message_id or 0)) == (404, 10008)
    assert [message.content for message in fake.messages(room)] == ["and even more"]
    assert fake.violations == []


async def test_a_message_menu_works_in_a_thread_too(fake: FakeDiscord, bot: Bot, room: int, mira: int) -> None:
    thread = fake.add_channel(fake.guild_of(room), "details", parent_id=room)
    message = fake.say(thread, mira, "look at job abc")
    answer = await (await fake.menu(thread, mira, "Watch Midjourney job", message)).answered()
    assert answer.content == "Watching look at job abc"
    assert isinstance(await bot.fetch_channel(thread), discord.Thread)
    assert isinstance(await bot.fetch_channel(room), discord.TextChannel)
    assert fake.violations == []


async def test_the_owner_gets_a_private_message(fake: FakeDiscord, bot: Bot) -> None:
    owner = (await bot.application_info()).owner
    sent = await (await owner.create_dm()).send("useapi refuses the token")
    assert (await (await owner.create_dm()).fetch_message(sent.id)).content == "useapi refuses the token"
    assert fake.violations == []


async def test_commands_are_kept_for_everyone_and_for_a_guild(fake: FakeDiscord, bot: Bot, room: int) -> None:
    guild = discord.Object(fake.guild_of(room))
    bot.tree.copy_global_to(guild=guild)
    await bot.tree.sync(guild=guild)
    ids = {command.name: command.id for command in await bot.tree.fetch_commands(guild=guild)}
    assert [*ids] == [command.name for command in await bot.tree.fetch_commands()]
    assert {command.name: command.id for command in await bot.tree.sync(guild=guild)} == ids
    assert fake.violations == []


async def test_history_is_read_in_pages_newest_first_from_where_one_asks(
    fake: FakeDiscord, bot: Bot, room: int, mira: int
) -> None:
    ids = [fake.say(room, mira, str(number)).id for number in range(7)]
    pages = {
        "limit=3": ids[:3:-1],
        f"after={ids[1]}&limit=2": [ids[3], ids[2]],
        f"before={ids[4]}&limit=2": [ids[3], ids[2]],
        f"around={ids[3]}&limit=3": [ids[4], ids[3], ids[2]],
    }
    seen = {query: [int(m["id"]) for m in await history(bot, room, query)] for query in pages}
    assert seen == pages
    async for first in bot.channel(room).history(after=discord.Object(ids[0]), limit=1):
        assert first.id == ids[1]
    fake.deny(room, "READ_MESSAGE_HISTORY")
    assert await history(bot, room, "limit=3") == [], "an empty page, no error"
    assert fake.violations == []


async def history(bot: Bot, room: int, query: str) -> list[dict[str, str]]:
    page: list[dict[str, str]] = await bot.http.request(discord.http.Route("GET", f"/channels/{room}/messages?{query}"))
    return page


async def test_what_the_bot_may_not_do_is_refused_with_discords_codes(
    fake: FakeDiscord, bot: Bot, room: int, mira: int
) -> None:
    channel = bot.channel(room)
    fake.deny(room, "EMBED_LINKS")
    assert not (await channel.send("text", embed=discord.Embed(title="castle"))).embeds
    fake.deny(room, "ATTACH_FILES")
    assert await refused(channel.send(file=discord.File(io.BytesIO(b"x"), "a.png"))) == (403, 50013)
    fake.allow(room, "ATTACH_FILES")
    fake.file_limit = 2
    assert await refused(channel.send(file=discord.File(io.BytesIO(b"123"), "a.png"))) == (413, 40005)
    fake.deny(room, "SEND_MESSAGES")
    assert await refused(channel.send("text")) == (403, 50013)
    fake.kick(fake.guild_of(room))
    assert await refused(channel.send("text")) == (403, 50001)
    fake.delete_channel(room)
    assert await refused(channel.send("text")) == (404, 10003)
    assert fake.invalid_requests == 3
    assert fake.violations == []


async def test_a_reply_to_a_deleted_message_fails_only_if_it_asks_to(fake: FakeDiscord, bot: Bot, room: int) -> None:
    post = await bot.channel(room).send("card")
    await post.edit(content="card, edited")
    await bot.channel(room).send("result", reference=post.to_reference())
    await post.delete()
    await bot.channel(room).send("result", reference=post.to_reference(fail_if_not_exists=False))
    assert await refused(bot.channel(room).send("result", reference=post.to_reference())) == (400, 50035)
    assert [message.reply_to for message in fake.messages(room)] == [post.id, None]
    assert fake.violations == []


async def test_an_interaction_is_answered_once_and_in_time_and_its_token_dies() -> None:
    clock = Clock()
    async with FakeDiscord(now=clock) as fake, running(fake) as bot:
        room = fake.add_channel(fake.add_guild())
        mira = fake.add_member(fake.guild_of(room), "Mira")
        done = await fake.slash(room, mira, "job", {"jobid": "abc"})
        await done.answered()
        assert await refused(callback(bot, done.id, done.token)) == (400, 40060)
        clock.time += 901
        edit = discord.http.Route("PATCH", f"/webhooks/{bot.application_id}/{done.token}/messages/@original")
        assert await refused(bot.http.request(edit, json={"content": "late"})) == (401, 50027)
        await fake.gateway.drop(forget=True)
        late = await fake.slash(room, mira, "job", {"jobid": "abc"})
        clock.time += 4
        assert await refused(callback(bot, late.id, late.token)) == (404, 10062)
        assert fake.violations == []


def callback(bot: Bot, interaction: int, token: str) -> Awaitable[object]:
    return bot.http.request(
        discord.http.Route("POST", f"/interactions/{interaction}/{token}/callback"), json={"type": 5}
    )


async def test_too_many_edits_of_an_old_message_are_refused() -> None:
    clock = Clock()
    async with FakeDiscord(now=clock, old_edits=(1, 0.01)) as fake, running(fake) as bot:
        message = await bot.channel(fake.add_channel(fake.add_guild())).send("card")
        clock.time += 3601
        await message.edit(content="one")
        assert await refused(message.edit(content="two")) == (429, 30046)
        assert fake.violations == []


async def test_rate_limit_headers_make_discord_py_wait(fake: FakeDiscord, bot: Bot, room: int) -> None:
    fake.limits = Limits((2, 0.1))
    for number in range(5):
        await bot.channel(room).send(str(number))
    at = [message.created for message in fake.messages(room)]
    assert at[2] - at[0] > 0.08  # the window counts from the request, the message is made a little later
    assert at[4] - at[2] > 0.08
    assert fake.invalid_requests == 0
    assert fake.violations == []


async def test_a_full_bucket_answers_429(fake: FakeDiscord, bot: Bot, room: int) -> None:
    fake.limits = Limits()
    async with aiohttp.ClientSession(headers={"Authorization": f"Bot {fake.token}"}) as session:
        post = f"{fake.api_url}/channels/{room}/messages"
        answers = [await session.post(post, json={"content": "x"}) for _ in range(6)]
        assert [answer.status for answer in answers] == [200] * 5 + [429]
        headers = answers[-1].headers
        assert (headers["Via"], headers["X-RateLimit-Scope"], headers["X-RateLimit-Remaining"]) == (
            "1.1 google",
            "user",
            "0",
        )
        assert 0 < (await answers[-1].json())["retry_after"] <= 5
    assert fake.violations == []


async def test_too_many_requests_of_the_whole_bot_get_a_global_429_that_discord_py_sits_out(
    fake: FakeDiscord, bot: Bot, room: int
) -> None:
    fake.limits = Limits(whole=(3, 0.05))
    rooms = [room, *(fake.add_channel(fake.guild_of(room)) for _ in range(7))]
    await asyncio.gather(*(bot.channel(room).send("x") for room in rooms))
    assert fake.invalid_requests > 0
    assert [len(fake.messages(room)) for room in rooms] == [1] * 8
    assert fake.violations == []


@pytest.mark.parametrize("kind", ["503", "reset"])
async def test_the_gateway_refuses_a_connection_and_then_takes_the_next(fake: FakeDiscord, kind: str) -> None:
    fake.fail("GET /gateway", kind, times=2 if kind == "reset" else 1)  # aiohttp repeats a GET that was cut, once
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError):
            await session.ws_connect(fake.gateway.url)
        async with session.ws_connect(fake.gateway.url) as socket:
            assert (await socket.receive_json())["op"] == 10


async def test_a_dropped_connection_resumes_and_hears_what_it_missed(
    fake: FakeDiscord, bot: Bot, room: int, mira: int
) -> None:
    await fake.gateway.drop()
    interaction = await fake.slash(room, mira, "job", {"jobid": "abc"})
    assert (await interaction.answered()).content == "Watching abc"
    assert len(fake.identifies) == 1
    assert fake.violations == []


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("kind", ["503", "reset", "hang", "garbage", "cloudflare"])
async def test_a_fault_strikes_before_or_after_the_message_is_stored(
    fake: FakeDiscord, bot: Bot, room: int, kind: str, stored: bool
) -> None:
    fake.fail("POST /channels/*/messages", f"stored-{kind}" if stored else kind)
    send = asyncio.create_task(bot.channel(room).send("done", nonce="n1"))
    await fake.wait_until(lambda: any(request.fault for request in fake.requests))
    send.cancel()  # discord.py would try some of them again
    with pytest.raises((discord.HTTPException, aiohttp.ClientError, TypeError, asyncio.CancelledError)):
        await send
    assert len(fake.messages(room)) == stored
    await bot.channel(room).send("done", nonce="n1")
    assert len(fake.messages(room)) == 1
    assert fake.violations == []


async def test_a_fault_may_have_a_code_and_an_end(fake: FakeDiscord, bot: Bot, room: int) -> None:
    fake.fail("POST /channels/*/messages", "400-20009", times=None, seconds=60)
    assert await refused(bot.channel(room).send("done")) == (400, 20009)
    fake.faults.now = lambda: fake.now() + 61
    await bot.channel(room).send("done")
    assert fake.faults_met == {"POST 400-20009": 1}
    with pytest.raises(ValueError, match="Unknown fault"):
        fake.fail("*", "400-")


async def test_a_body_that_discord_would_refuse_is_refused_and_written_down(
    fake: FakeDiscord, bot: Bot, room: int
) -> None:
    assert await refused(bot.channel(room).send(view=buttons("x" * 81))) == (400, 50035)
    assert "81 of 80" in fake.violations[0]
    with pytest.raises(discord.DiscordServerError):
        await bot.fetch_user(1)
    assert "Not modelled: GET" in fake.violations[-1]


async def test_the_openapi_file_catches_what_no_table_of_ours_knows(fake: FakeDiscord, bot: Bot, room: int) -> None:
    if not openapi_validator.FILE.exists():
        pytest.skip(openapi_validator.MISSING)
    assert await refused(
        bot.channel(room).send(embed=discord.Embed(title="t").set_image(url=f"https://x/{'y' * 2048}"))
    ) == (400, 50035)
    assert "embeds.0.image" in fake.violations[0]


@only_long
async def test_it_runs_as_a_process_of_its_own() -> None:
    command = (sys.executable, "-m", "tests.fakes.discord", "--nonce-window", "0")
    async with started(*command, cwd=Path(__file__).parents[2], stdout=asyncio.subprocess.PIPE) as process:
        await _used_from_afar(process)


async def _used_from_afar(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    origin = (await process.stdout.readline()).decode().strip()
    async with RemoteFakeDiscord(origin) as distant, aiohttp.ClientSession() as session:
        room = await distant.do("add_channel", guild_id=await distant.do("add_guild"))

        async def posted() -> list[dict[str, str]]:
            return list(await distant.do("messages", channel_id=room))

        waiting = asyncio.create_task(distant.wait_until(posted))
        headers = {"Authorization": "Bot MTk4.pretend.token"}
        await session.post(f"{distant.api_url}/channels/{room}/messages", json={"content": "hello"}, headers=headers)
        assert [message["content"] for message in await waiting] == ["hello"]
        assert [request["status"] for request in await distant.do("requests")] == [200]
        assert await distant.do("violations") == []
        with pytest.raises(RuntimeError, match="no command 'job'"):
            await distant.do("slash", channel_id=room, who=1, name="job")
    process.terminate()
    assert await process.wait() == 0

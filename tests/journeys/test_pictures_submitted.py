"""`/blend`, `/describe` and the menus of a message: from attached pictures to a result, with each provider."""

import base64
from collections.abc import Callable
from typing import Any

import discord
import pytest
from PIL import ImageOps

from bot.models import ProviderName
from tests import sample_pictures as samples
from tests.journeys.conftest import BotHarness, both_providers, button, labels, private, words

PNG = samples.png(64, 48)
PHOTO = samples.photograph(64, 48)


async def blend(harness: BotHarness, who: Any, *files: tuple[str, bytes], **options: str) -> discord.Message:
    """`who` types /blend; the private answer."""
    images = {f"image{number}": file for number, file in enumerate(files, 1)}
    return private(await who.slash(harness.channel, "blend", **images, **options))


async def describe(harness: BotHarness, who: Any, name: str, data: bytes) -> discord.Message:
    """`who` types /describe; the private answer."""
    return private(await who.slash(harness.channel, "describe", image=(name, data)))


def submitted(harness: BotHarness, verb: str) -> list[Any]:
    """The bodies of the requests for jobs of this verb."""
    return [request.json for request in harness.provider.requests if request.path.endswith(f"/{verb}")]


@both_providers
async def test_pictures_are_blended_after_a_restart_in_the_queue_and_when_they_are_deleted(
    harness: BotHarness,
) -> None:
    for _ in range(harness.provider.slots):
        harness.provider.add_job(duration=300)
    answer = await blend(harness, harness.mira, ("one.png", PNG), ("two.jpg", PHOTO), dimensions="portrait")
    assert "Your blend is queued (1st)." in answer.content
    fetched = [request.path for request in harness.provider.requests if request.path.endswith((".png", ".jpg"))]
    assert len(fetched) == 2
    harness.env.backend.cdn._blobs.clear()
    await harness.restart()
    await harness.wait(900)
    assert "PORTRAIT" in repr(submitted(harness, "blend")[-1]).upper()
    assert len({request[harness.provider.reference] for request in submitted(harness, "blend")}) == 1
    assert await harness.rows("SELECT state, child_id IS NULL FROM submissions") == [("accepted", 0)]
    assert len([request for request in harness.provider.requests if request.path in fetched]) == 2, "never again"
    result = harness.last
    assert "**Blend**" in words(result)
    assert labels(result)[0] == ["U1", "U2", "U3", "U4", "🔄"]
    assert await harness.rows("SELECT * FROM submission_pictures") == []


@both_providers
async def test_a_description_offers_its_prompts_in_the_form_of_imagine(harness: BotHarness) -> None:
    answer = await describe(harness, harness.mira, "fox.png", PNG)
    assert answer.content == "Your description is on its way. I'll post it here."
    await harness.wait(60)
    result = harness.last
    assert "4️⃣ Screen print of" in words(result)
    assert labels(result)[0][:4] == ["1️⃣", "2️⃣", "3️⃣", "4️⃣"]
    await harness.restart()
    form = await harness.mira.click(result, custom_id=button(result, "2️⃣").custom_id)
    assert "A quiet illustration of" in repr(form.modal)
    refused = await harness.press(harness.bo, result, "2️⃣")
    assert "Only moderators can start jobs" in refused.content


async def test_the_menu_of_a_message_describes_its_picture_or_refers_to_it(harness: BotHarness) -> None:
    said = await harness.bo.send(harness.channel, "look", attachments=[("notes.txt", b"words"), ("fox.png", PNG)])
    answer = private(await harness.mira.context_menu(harness.channel, "Describe this picture", said))
    assert "Your description is on its way" in answer.content
    await harness.wait(60)
    own_post = harness.last
    assert labels(own_post)[0][:4] == ["1️⃣", "2️⃣", "3️⃣", "4️⃣"]
    private(await harness.mira.context_menu(harness.channel, "Describe this picture", own_post))
    await harness.wait(60)
    assert len(submitted(harness, "describe")) == 2
    form = await harness.mira.context_menu(harness.channel, "Use as reference", said)
    assert f"--sref {said.attachments[1].url}" in repr(form.modal)
    none = await harness.bo.send(harness.channel, "nothing here")
    for menu in ("Describe this picture", "Use as reference"):
        answer = private(await harness.mira.context_menu(harness.channel, menu, none))
        assert answer.content == "There's no picture in this message."


@pytest.mark.parametrize("provider", [ProviderName.MIDJOURNEY_PROXY], ids=[""])
async def test_a_phones_photo_is_sent_the_way_up_that_discord_shows_it_and_names_nobody(harness: BotHarness) -> None:
    assert "on its way" in (await describe(harness, harness.mira, "fox.jpg", PHOTO)).content
    (body,) = submitted(harness, "describe")
    sent = base64.b64decode(body["base64"].partition(",")[2])
    upright, meant = (ImageOps.exif_transpose(samples.opened(data)) for data in (sent, PHOTO))
    assert (upright.size, upright.tobytes()) == (meant.size, meant.tobytes())
    assert meant.size == (48, 64)
    assert b"Mira" not in sent


async def test_only_those_who_may_start_jobs_blend_and_describe(harness: BotHarness) -> None:
    assert "Only moderators can start jobs" in (await describe(harness, harness.bo, "fox.png", PNG)).content
    answer = await blend(harness, harness.bo, ("one.png", PNG), ("two.png", PNG))
    assert "Only moderators can start jobs" in answer.content
    assert not submitted(harness, "blend") + submitted(harness, "describe")


async def test_a_member_who_dismissed_the_answer_before_it_came_has_not_seen_it_and_nothing_is_spent(
    harness: BotHarness,
) -> None:
    harness.env.inject_error("PATCH", "/webhooks/*/*/messages/@original", status=404, code=10008)
    await describe(harness, harness.mira, "fox.png", PNG)
    harness.env.inject_error("PATCH", "/webhooks/*/*/messages/@original", status=500, code=0, times=9)
    harness.env.inject_error("GET", "/webhooks/*/*/messages/@original", status=404, code=10008, times=9)
    await describe(harness, harness.mira, "boat.png", PNG)
    await harness.wait(20 * 60)
    assert await harness.rows("SELECT DISTINCT state FROM submissions") == [("cancelled",)]
    assert not submitted(harness, "describe")


async def test_what_is_no_picture_that_can_be_sent_is_said_and_nothing_is_spent(harness: BotHarness) -> None:
    profile = bytes(557_168)  # of a usual length for print
    cmyk = samples.saved(samples.painted(70, 40).convert("CMYK"), "JPEG", icc_profile=profile)
    plays_once = samples.saved(samples.painted(9, 7), "GIF", save_all=True, append_images=[samples.painted(9, 7, 50)])
    for name, data, says in (
        ("notes.txt", b"just words, no picture", "**notes.txt** isn't a picture that I can read."),
        ("empty.png", b"", "**empty.png** is empty: it has 0 bytes."),
        ("big.png", PNG + bytes(10 << 20), "**big.png** has 11 MB. A picture may have up to 10 MB."),
        ("moving.gif", samples.gif(30, 20, frames=3), "**moving.gif** is animated. Attach a still picture."),
        ("once.gif", plays_once, "**once.gif** is animated. Attach a still picture."),
        ("print.jpg", cmyk, "**print.jpg** is in CMYK, the colours of print."),
        ("short.png", PNG[:10], "**short.png** isn't a picture that I can read."),
        ("huge.png", PNG[:16] + (60_000).to_bytes(4, "big") * 2 + PNG[24:], "**huge.png** has 60,000 × 60,000 pixels."),
    ):
        member = harness.newcomer()
        harness.allow(member, "manage_messages")
        assert (await describe(harness, member, name, data)).content.startswith(says)
    harness.provider.serve_uploads(lambda _url: None)
    gone = await blend(harness, harness.mira, ("one.png", PNG), ("two.png", PNG))
    assert gone.content == "**one.png** was deleted, or its link has expired. Attach it again."
    await harness.wait(5)
    assert not submitted(harness, "describe") + submitted(harness, "blend")
    assert await harness.rows("SELECT * FROM submissions") == []


async def test_the_pictures_of_a_prompt_are_checked_and_their_links_put_where_midjourney_reads_them(
    harness: BotHarness,
) -> None:
    async def imagine(image: bytes, reference: bytes) -> discord.Message:
        options = {"image": ("a.png", image), "reference": ("b.png", reference)}
        return private(await harness.mira.slash(harness.channel, "imagine", prompt="a fox --ar 3:2", **options))

    answer = await imagine(PNG, b"words, no picture")
    assert answer.content.startswith("**b.png** isn't a picture that I can read.")
    assert "a fox --ar 3:2 --sref" in str(answer.embeds[0].description), "what was written is not lost"
    assert not submitted(harness, "imagine")
    assert "on its way" in (await imagine(PNG, PNG)).content
    (sent,) = submitted(harness, "imagine")
    image, *_, sref = sent["prompt"].split()
    assert image.endswith("/a.png")
    assert sref.endswith("/b.png")
    assert sent["prompt"] == f"{image} a fox --ar 3:2 --sref {sref}"


async def test_a_refused_picture_is_read_again_when_its_prompt_comes_from_a_form(harness: BotHarness) -> None:
    unread = "**notes.txt** isn't a picture that I can read. Attach a PNG, JPEG, WebP or GIF."
    find: Callable[[str], bytes | None] = harness.env.backend.cdn.get
    answers: list[int] = []

    def read(url: str) -> bytes | None:
        answers.append(len([call for call in harness.env.http_requests if call.path.endswith("/callback")]))
        return find(url)

    harness.provider.serve_uploads(read)
    notes = ("notes.txt", b"words, no picture")
    refused = private(await harness.mira.slash(harness.channel, "imagine", prompt="a fox", image=notes))
    assert (refused.content, labels(refused)) == (unread, [["Edit"]])
    form, prompt = await form_below(harness, refused)
    again = private(await harness.mira.submit_modal(form, {"prompt": prompt}))
    assert (again.content, labels(again)) == (unread, [["Edit"]])
    assert again.id != refused.id, "a message of its own, as another answer may replace the one above the form"
    assert again.embeds[0].description == f"```\n{prompt}\n```"
    assert answers == [1, 3], "Discord has its answer before the picture is read: it waits for three seconds"
    form, _ = await form_below(harness, again)
    sent = private(await harness.mira.submit_modal(form, {"prompt": "a fox"}))
    assert (sent.id, sent.content) == (again.id, "Your prompt is on its way. I'll post it here.")

    opened = await harness.mira.slash(harness.channel, "imagine", image=notes)
    link = opened.modal["components"][0]["component"]["value"]
    late = private(await harness.mira.submit_modal(opened, {"prompt": f"{link}::2 an owl --sref {link} --arr 3:2"}))
    assert (late.content, labels(late)) == (unread, [["Edit"]])
    assert len(answers) == 3, "once"
    opened = await harness.mira.slash(harness.channel, "imagine", image=("owl.png", PNG))
    link = opened.modal["components"][0]["component"]["value"]
    preview = private(await harness.mira.submit_modal(opened, {"prompt": f"{link} an owl --arr 3:2"}))
    assert labels(preview) == [["Run it", "Edit", "Cancel"]], "what is read may have hints, too"
    form, prompt = await form_below(harness, preview)
    done = private(await harness.mira.submit_modal(form, {"prompt": f"{link} an owl"}))
    assert done.content == "Your prompt is on its way. I'll post it here."
    assert [body["prompt"] for body in submitted(harness, "imagine")] == ["a fox", f"{link} an owl"]
    assert not list((harness.bot.settings.data_dir / "tmp").iterdir())


async def test_a_prompt_that_was_not_seen_to_be_taken_is_not_sent_when_another_one_is(harness: BotHarness) -> None:
    preview = private(
        await harness.mira.slash(harness.channel, "imagine", prompt="a castle --arr 3:2", image=("a.png", PNG))
    )
    form, prompt = await form_below(harness, preview)
    lost = ("PATCH", "/webhooks/*/*/messages/@original")
    harness.env.inject_error(*lost, status=503, times=1)
    unseen = await harness.mira.submit_modal(form, {"prompt": prompt.replace("castle --arr", "tower --ar")})
    harness.env.inject_error(*lost, status=503, times=1)
    taken = await harness.press(harness.mira, preview, "Run it")
    assert taken.content.startswith("On it: "), "what the member reads in place of the preview"
    await harness.wait(60)
    assert [body["prompt"] for body in submitted(harness, "imagine")] == [prompt]
    assert await harness.rows("SELECT state FROM submissions ORDER BY id") == [("cancelled",), ("accepted",)]
    assert "so I didn't send it, and nothing was charged" in private(unseen).content


async def form_below(harness: BotHarness, answer: discord.Message) -> tuple[Any, str]:
    """The form that *Edit* opens, and the prompt in it."""
    form = await harness.mira.click(answer, custom_id=button(answer, "Edit").custom_id)
    assert form.modal is not None
    return form, form.modal["components"][0]["component"]["value"]

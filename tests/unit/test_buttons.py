"""The buttons of a result keep Discord's limits; who may press them; what a form holds; the full-size link."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot import ui
from bot.models import Attachment, CostTier, Job, Limit, LimitExceeded, Limits, ServerSettings, Status
from bot.models.midjourney_buttons import button_for
from bot.ui.posts.result_menu import full_size, is_still_grid
from bot.ui.press import press_rules, prompt_modal
from bot.ui.press.press_rules import Presser
from tests.strategies import jobs, labels
from tests.table import table

NONCE = "a1b2c3d4e5f6g7h8i9j0k1l2"
JUMP = "https://discord.com/channels/1/2/3"
GRID = ("U1", "U2", "U3", "U4", "🔄", "V1", "V2", "V3", "V4")


def of(job: Job) -> list[list[dict[str, object]]]:
    """The rows of a result's buttons, as they are sent."""
    view = ui.result_view(NONCE, job)
    return [row["components"] for row in view.to_components()]


@given(jobs)
def test_every_result_keeps_discords_limits(job: Job) -> None:
    view = ui.result_view(NONCE, job, used=dict.fromkeys(("U1", "U3", "V1", "?"), JUMP))
    rows = [row["components"] for row in view.to_components()]
    assert len(rows) <= 5
    assert all(1 <= len(row) <= 5 for row in rows)
    sent = [button for row in rows for button in row]
    assert all(len(str(button.get("label", ""))) <= 80 for button in sent)
    assert all(button.get("label") or button.get("emoji") for button in sent)
    ids = [str(button["custom_id"]) for button in sent if "url" not in button]
    assert len(set(ids)) == len(ids)
    assert all(len(custom_id) <= 100 for custom_id in ids)


@given(jobs)
def test_every_result_carries_the_nonce_of_its_delivery(job: Job) -> None:
    ids = [str(button["custom_id"]) for row in of(job) for button in row]
    assert f"dr:m:{NONCE}" in ids, "the dispatcher recognises its own results by it"


@given(labels)
def test_a_button_leads_to_the_label_that_it_shows(names: tuple[str, ...]) -> None:
    job = Job(jobid="job:1", status=Status.COMPLETED, buttons=names)
    for row in of(job):
        for button in row:
            if str(button["custom_id"]).startswith("dr:p:"):
                label = names[int(str(button["custom_id"]).rsplit(":", 1)[1])]
                assert button_for(label).offered
                assert label.strip()


def test_only_a_completed_job_has_buttons_to_press() -> None:
    job = Job(jobid="job:1", status=Status.FAILED, buttons=("U1",))
    assert [[button["label"] for button in row] for row in of(job)] == [["⋯"]]


def test_a_declined_job_offers_the_reason() -> None:
    job = Job(jobid="job:1", status=Status.MODERATED)
    assert [[button["label"] for button in row] for row in of(job)] == [["Why?", "⋯"]]


def test_a_used_u_is_replaced_by_a_jump_link_and_nothing_else_is() -> None:
    job = Job(jobid="job:1", status=Status.COMPLETED, buttons=GRID)
    view = ui.result_view(NONCE, job, used={"U2": JUMP, "V1": JUMP, "🔄": JUMP, "U9": JUMP})
    first, second = ([dict(button) for button in row["components"]] for row in view.to_components())
    assert [button.get("label") for button in first] == ["U1", "U2 ↗", "U3", "U4", None]
    assert [button.get("label") for button in second] == ["V1", "V2", "V3", "V4", "⋯"]
    assert first[1]["url"] == JUMP
    assert [button["custom_id"] for button in first if "url" not in button] == [
        f"dr:p:{NONCE}:{index}" for index in (0, 2, 3, 4)
    ]


@table("label", ["Vary (Region)", "1️⃣", "❤️", "⭐", "👍🏽", "…", "\u200b"])
def test_a_button_that_needs_a_mask_or_has_no_words_is_not_offered(label: str) -> None:
    job = Job(jobid="job:1", status=Status.COMPLETED, buttons=(label, "Custom Zoom", "⬅️", "🔄"))
    names = [button.get("label") or dict(button["emoji"])["name"] for row in of(job) for button in row]  # type: ignore[call-overload]
    assert sorted(map(str, names)) == sorted(["Custom Zoom", "⬅️", "🔄", "⋯"])


# --- who may press ----------------------------------------------------------------------------------------------------

MODERATOR, REQUESTER, ROLE_MEMBER, OTHER = (
    Presser(moderator=True),
    Presser(requester=True),
    Presser(role_ids=frozenset({7})),
    Presser(role_ids=frozenset({8})),
)


@table(
    ("button", "role", "may"),
    [
        ("U1", None, {"moderator", "requester"}),
        ("U4", 7, {"moderator", "requester", "role member"}),
        ("V1", None, {"moderator"}),
        *((label, 7, {"moderator", "role member"}) for label in ("V4", "🔄", "Vary (Strong)", "Zoom Out 2x", "⬅️", "⬆")),
        *((label, 7, {"moderator", "role member"}) for label in ("Custom Zoom", "Make Square", "Remaster")),
        *((label, 7, {"moderator"}) for label in ("Upscale (Subtle)", "Redo Upscale (2x)", "Animate (Low motion)")),
        *((label, 7, {"moderator"}) for label in ("Extend (High motion)", "Buy ten", "U5", "U1 ", "V11")),
    ],
)
def test_each_kind_of_button_may_be_pressed_by_its_members(button: str, role: int | None, may: set[str]) -> None:
    people = {"moderator": MODERATOR, "requester": REQUESTER, "role member": ROLE_MEMBER, "other": OTHER}
    settings = ServerSettings(press_role=role)
    assert {
        name for name, who in people.items() if press_rules.may_press(button_for(button).tier, settings, who)
    } == may


@table(
    ("tier", "role", "gone", "sentence"),
    [
        (CostTier.PICK, None, False, "Only whoever added this job and moderators can use this button."),
        (CostTier.PICK, 7, False, "Only whoever added this job, <@&7> and moderators can use this button."),
        (
            CostTier.PICK,
            7,
            True,
            "Only whoever added this job and moderators can use this button. The role that may use the buttons was "
            "deleted. Someone with Manage Server can choose another one in `/darkroom settings`.",
        ),
        (CostTier.VARY, None, False, "Only moderators can use this button: it uses GPU time."),
        (CostTier.VARY, 7, False, "Only <@&7> and moderators can use this button: it uses GPU time."),
        (CostTier.UPSCALE, 7, True, "Only moderators can use this button: it uses GPU time."),
        (
            CostTier.VARY,
            7,
            True,
            "Only moderators can use this button: it uses GPU time. The role that may use the buttons was deleted. "
            "Someone with Manage Server can choose another one in `/darkroom settings`.",
        ),
    ],
)
def test_a_refusal_says_who_may(tier: CostTier, role: int | None, gone: bool, sentence: str) -> None:
    assert press_rules.who_may(tier, ServerSettings(press_role=role), role_is_gone=gone) == sentence


def test_moderators_have_only_the_servers_limit() -> None:
    settings = ServerSettings(daily=3, server_daily=50, cooldown=9)
    member = Limits(daily=3, server_daily=50, cooldown=9, running=2)
    assert press_rules.limits(settings, ROLE_MEMBER) == member
    assert press_rules.limits(settings, MODERATOR) == Limits(server_daily=50)


@table(
    ("why", "numbers", "sentence"),
    [
        (Limit.COOLDOWN, {}, "Too fast, nothing was sent. Try again <t:1795550400:R>."),
        (
            Limit.DAILY,
            {"daily": 10},
            "You've reached your limit of 10 uses in 24 hours. The next one is free <t:1795550400:R>.",
        ),
        (Limit.DAILY, {"daily": 1}, "You've reached your limit of 1 use in 24 hours. The next"),
        (Limit.DAILY, {"daily": 0}, "Only moderators can do this at the moment: this server's daily limit"),
        (Limit.SERVER_DAILY, {"server_daily": 100}, "This server has reached its limit of 100 uses in 24 hours."),
        (Limit.SERVER_DAILY, {"server_daily": 0}, "This server doesn't allow anything that uses GPU time."),
        (
            Limit.DECLINED,
            {},
            "Midjourney has declined 5 of your jobs in the last 24 hours, and it blocks accounts for that. The",
        ),
        (Limit.QUEUE, {}, "You can't queue any more."),
        (Limit.NO_QUEUE, {}, "This can't be sent at the moment, and nothing is queued here."),
    ],
)
def test_a_reached_limit_says_so(why: Limit, numbers: dict[str, Any], sentence: str) -> None:
    exceeded = LimitExceeded(why=why, free_at=datetime(2026, 11, 24, 20, tzinfo=UTC))
    assert press_rules.limit_text(exceeded, ServerSettings(**numbers)).startswith(sentence)


# --- forms ------------------------------------------------------------------------------------------------------------


@table(
    ("prompt", "begun"),
    [
        ("a castle --ar 3:2", "a castle --ar 3:2 --zoom 1.8"),
        ("a castle --zoom 1.5 --ar 3:2", "a castle --ar 3:2 --zoom 1.8"),
        ("a castle —zoom 2", "a castle --zoom 1.8"),
        ("a castle --zoom 2 --zoom 1.1 --v 7", "a castle --v 7 --zoom 1.8"),
        ("a castle --zoom", "a castle --zoom 1.8"),
        ("--zoomer and zoom 2", "--zoomer and zoom 2 --zoom 1.8"),
        ("", "--zoom 1.8"),
    ],
)
def test_custom_zoom_is_prefilled_with_the_prompt_and_one_zoom(prompt: str, begun: str) -> None:
    assert prompt_modal.prefilled(Job(jobid="job:1", prompt=prompt), "Custom Zoom") == begun


@table(
    "prompt",
    [
        *("", "a castle", "a castle --zoom", "x --zoom 0.9", "x --zoom 2.1", "x --zoom 1,8", "x --zoom 1e0"),
        *("x --zoom nan", "x --zoom 1.5 --zoom 1.6", "x --zoom ١", "x --zoom --ar 1:1", "x --zoom 1.8x"),
        *("x --zoom -1.5", "--zoom=1.5"),
    ],
)
def test_a_zoom_that_midjourney_would_refuse_is_an_error(prompt: str) -> None:
    assert prompt_modal.prompt_error(prompt, "Custom Zoom")


@table("zoom", ["1", "1.0", "1.8", "2", "2.0", "1.999999"])
def test_zooms_from_one_to_two_are_accepted(zoom: str) -> None:
    assert not prompt_modal.prompt_error(f"a castle --zoom {zoom} --ar 3:2", "Custom Zoom")
    assert not prompt_modal.prompt_error("whatever --zoom 9", "V1"), "only Custom Zoom's prompt is checked"


PARAMETERS = st.sampled_from(["", " --ar 3:2 --v 7", " --no x" * 900])


@given(st.text(max_size=30).map(lambda words: words * 300), PARAMETERS)
def test_a_form_keeps_discords_limits_and_the_parameters(words: str, parameters: str) -> None:
    job = Job(jobid="job:1", prompt=f"a {words}{parameters}"[:5000])
    for button in ("Custom Zoom", "V1", "⬅️", "🔄", "Vary (Strong)"):
        sent = prompt_modal.form(NONCE, 24, job, button)
        (label,) = sent.to_dict()["components"]
        field = label["component"]
        assert len(field.get("value", "")) <= field["max_length"] == 4000
        assert len(sent.title) <= 45
        assert len(sent.custom_id) <= 100
        assert len(label.get("description") or "") <= 100


@given(st.text(st.characters(exclude_characters="-—{}"), max_size=30).map(lambda words: words * 300), PARAMETERS)
def test_what_the_form_of_custom_zoom_begins_with_is_accepted(words: str, parameters: str) -> None:
    job = Job(jobid="job:1", prompt=f"a {words}{parameters}"[:5000])
    assert prompt_modal.prompt_error(prompt_modal.prefilled(job, "Custom Zoom"), "Custom Zoom") is None


def test_a_prompt_that_is_too_long_for_a_form_says_so_and_keeps_its_parameters() -> None:
    job = Job(jobid="job:1", prompt="a castle, " * 450 + "--ar 3:2 --v 7")
    (label,) = prompt_modal.form(NONCE, 0, job, "V1").to_dict()["components"]
    assert label["description"].startswith("Discord's form is too small for the whole prompt")
    assert label["component"]["value"].endswith("--ar 3:2 --v 7")
    assert len(label["component"]["value"]) == 4000


def test_remix_opens_the_prompt_where_midjourney_accepts_one() -> None:
    on, off, grid = ServerSettings(remix=True), ServerSettings(), Job(jobid="job:1")
    taken = {
        label
        for label in (
            *GRID,
            "Vary (Subtle)",
            "Vary (Strong)",
            "⬅️",
            "Zoom Out 2x",
            "Make Square",
            "Custom Zoom",
            "Upscale (2x)",
        )
        if press_rules.wants_prompt(grid, label, on)
    }
    assert taken == {"V1", "V2", "V3", "V4", "🔄", "Vary (Subtle)", "Vary (Strong)", "⬅️", "Custom Zoom"}
    assert not press_rules.wants_prompt(grid, "V1", off)
    assert press_rules.wants_prompt(grid, "Custom Zoom", off)
    assert not press_rules.wants_prompt(Job(jobid="job:1", verb="describe"), "🔄", on)


# --- the menu of a result ---------------------------------------------------------------------------------------------

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def with_picture(url: str, status: str = Status.COMPLETED) -> Job:
    return Job(jobid="job:1", status=status, attachments=(Attachment(url=url),))


def test_full_size_is_offered_until_the_link_expires() -> None:
    cdn = "https://pictures.example/attachments/1/2/castle.png"
    alive, dead = (f"{cdn}?ex={int(NOON.timestamp()) + more:x}&is=1&hm=2" for more in (60, 0))
    hosts = ("pictures.example", "cdn.midjourney.com", "http://127.0.0.1:9000")
    link = full_size(with_picture(alive), NOON, hosts)
    assert link is not None
    at_discord = with_picture(alive.replace("pictures.example", "cdn.discordapp.com"))
    assert full_size(at_discord, NOON, ("cdn.discordapp.com",)) is None, "only for who may see the job id"
    assert full_size(at_discord, NOON, ("cdn.discordapp.com",), private=True) is not None
    assert (link.url, (link.until - NOON).seconds) == (alive, 60)
    for job in (
        with_picture(dead),
        with_picture(alive, Status.FAILED),
        with_picture(cdn),
        *(
            with_picture(alive.replace("https://pictures.example", origin))
            for origin in (
                *("https://cdn.midjourney.com", "https://evil.example", "http://pictures.example"),
                *("https://pictures.example.evil.example", "https://pictures.example@evil.example"),
            )
        ),
        with_picture(alive.replace("/castle", "\\castle")),
        with_picture(f"{alive}&{'x' * 512}"),
        Job(jobid="job:1", status=Status.COMPLETED),
    ):
        assert full_size(job, NOON, hosts) is None


def test_only_a_grid_of_pictures_can_be_split() -> None:
    grid = Job(jobid="job:1", status=Status.COMPLETED, buttons=GRID)
    assert is_still_grid(grid)
    for other in (
        Job(jobid="job:1", status=Status.STARTED, buttons=GRID),
        Job(jobid="job:1", status=Status.COMPLETED, buttons=("U1", "U2", "U3", "U4", "🔄")),
        Job(jobid="job:1", status=Status.COMPLETED, buttons=("Vary (Subtle)",)),
    ):
        assert not is_still_grid(other)

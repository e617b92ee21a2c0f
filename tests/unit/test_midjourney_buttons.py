"""The table of Midjourney's buttons: cost, row, prompt and duration class of every known label."""

from bot import formatting
from bot.models import CostTier, Job, ServerSettings
from bot.models.durations import kind_of
from bot.models.midjourney_buttons import (
    PICKS,
    ButtonRow,
    PromptUse,
    button_for,
    is_grid,
    is_picture_grid,
    same_button,
)
from bot.ui.press.press_rules import wants_prompt
from tests.table import table

PICK, VARY, UPSCALE = CostTier.PICK, CostTier.VARY, CostTier.UPSCALE
NEVER, REMIX, ALWAYS = PromptUse.NEVER, PromptUse.WITH_REMIX, PromptUse.ALWAYS

KNOWN = [
    *((label, PICK, ButtonRow.PICK, NEVER, "U") for label in PICKS),
    ("🔄", VARY, ButtonRow.PICK, REMIX, "🔄"),
    *((f"{digit}\ufe0f\u20e3", UPSCALE, ButtonRow.PICK, NEVER, f"{digit}\ufe0f\u20e3") for digit in "1234"),
    *((f"V{number}", VARY, ButtonRow.VARIATION, REMIX, "V") for number in range(1, 5)),
    *(
        (f"{redo}Upscale ({how})", UPSCALE, ButtonRow.REWORK, NEVER, f"{redo}Upscale ({how})")
        for redo in ("", "Redo ")
        for how in ("2x", "4x", "Subtle", "Creative")
    ),
    *(
        (f"{how} Upscale Redo", UPSCALE, ButtonRow.REWORK, NEVER, f"{how} Upscale Redo")
        for how in ("Light", "Beta", "Detailed", "Strong")
    ),
    ("Upscale to Max", UPSCALE, ButtonRow.REWORK, NEVER, "Upscale to Max"),
    ("Upscale Redo", UPSCALE, ButtonRow.REWORK, NEVER, "Upscale Redo"),
    ("Redo Upscale", UPSCALE, ButtonRow.REWORK, NEVER, "Redo Upscale"),
    ("Vary (Subtle)", VARY, ButtonRow.REWORK, REMIX, "Vary"),
    ("Vary (Strong)", VARY, ButtonRow.REWORK, REMIX, "Vary"),
    ("Vary (Region)", VARY, ButtonRow.REWORK, NEVER, "Vary"),
    ("Make Variations", VARY, ButtonRow.REWORK, NEVER, "Make Variations"),
    ("Remaster", VARY, ButtonRow.REWORK, NEVER, "Remaster"),
    ("Zoom Out 2x", VARY, ButtonRow.ZOOM, NEVER, "Zoom Out"),
    ("Zoom Out 1.5x", VARY, ButtonRow.ZOOM, NEVER, "Zoom Out"),
    ("Custom Zoom", VARY, ButtonRow.ZOOM, ALWAYS, "Zoom Out"),
    ("Make Square", VARY, ButtonRow.ZOOM, NEVER, "Zoom Out"),
    *((arrow, VARY, ButtonRow.PAN, REMIX, "Pan") for arrow in ("⬅️", "➡️", "⬆️", "⬇️")),
    *((f"Animate ({how} motion)", UPSCALE, ButtonRow.VIDEO, NEVER, "Animate") for how in ("High", "Low")),
    *((f"Extend ({how} motion)", UPSCALE, ButtonRow.VIDEO, NEVER, "Extend") for how in ("High", "Low")),
]
UNKNOWN = [
    *((label, UPSCALE, ButtonRow.OTHER, NEVER, label) for label in ("Run as HD", "Redo", "Buy ten", "U5")),
    *((label, UPSCALE, ButtonRow.OTHER, NEVER, label) for label in ("U1 ", "V11", "Custom Zoom 2x", "Share", "城")),
    *((label, UPSCALE, ButtonRow.OTHER, NEVER, label) for label in ("❤️", "👍🏽", "…")),
]
NOT_OFFERED = {"Vary (Region)", *(f"{digit}\ufe0f\u20e3" for digit in "1234"), "❤️", "👍🏽", "…"}


def pressed(label: str) -> Job:
    return Job(jobid="job:1", verb="button", button=label)


@table(("label", "tier", "row", "prompt", "timed_as"), KNOWN + UNKNOWN)
def test_each_button_is_known_by_its_label(
    label: str, tier: CostTier, row: ButtonRow, prompt: PromptUse, timed_as: str
) -> None:
    button = button_for(label)
    assert (button.tier, button.row, button.prompt) == (tier, row, prompt)
    assert kind_of(pressed(label)) == timed_as
    assert button.offered == (label not in NOT_OFFERED)


@table("label", [label for label, *_ in KNOWN + UNKNOWN])
def test_a_variation_selector_makes_no_difference(label: str) -> None:
    bare = label.replace("\ufe0f", "")
    assert button_for(bare) == button_for(label) == button_for(f"{bare}\ufe0f")


@table(("label", "prompt"), [(label, prompt) for label, _, _, prompt, _ in KNOWN + UNKNOWN])
def test_the_form_for_a_prompt_opens_where_midjourney_takes_one(label: str, prompt: PromptUse) -> None:
    grid, described = Job(jobid="job:1", verb="imagine"), Job(jobid="job:1", verb="describe")
    remix, plain = ServerSettings(remix=True), ServerSettings()
    assert wants_prompt(grid, label, plain) == (prompt is ALWAYS)
    assert wants_prompt(grid, label, remix) == (prompt is not NEVER)
    assert wants_prompt(described, label, remix) == (prompt is ALWAYS)


@table(
    ("label", "emoji", "name"),
    [
        ("🔄", "🔄", "Re-roll 🔄"),
        ("⬅", "⬅️", "Pan left ⬅️"),
        ("➡️", "➡️", "Pan right ➡️"),
        ("⬆", "⬆️", "Pan up ⬆️"),
        ("⬇️", "⬇️", "Pan down ⬇️"),
    ],
)
def test_a_sign_is_shown_as_an_emoji_and_named_in_words(label: str, emoji: str, name: str) -> None:
    ((face,),) = formatting.button_rows([label])
    assert (face.emoji, face.label) == (emoji, "")
    assert formatting.label(pressed(label)) == name


def test_the_rows_below_a_post_follow_the_table() -> None:
    labels = [label for label, *_ in KNOWN[::-2]]
    layout = formatting.button_rows(labels)
    rows = [button_for(labels[face.index]).row for row in layout for face in row]
    assert len(rows) == len(labels) <= 24
    assert rows == sorted(rows)


def test_a_grid_of_videos_is_no_grid_of_pictures() -> None:
    assert is_grid((*PICKS, "🔄", "V1"))
    assert is_picture_grid((*PICKS, "🔄", "V1"))
    assert is_grid((*PICKS, "🔄"))
    assert not is_picture_grid((*PICKS, "🔄"))
    assert not is_grid(("Vary (Subtle)", "Zoom Out 2x"))


@table("other", ["Vary (Strong)", "Vary (Strong) ", "vary(strong)", "Vary  (Strong)"])
def test_labels_that_differ_by_case_and_spaces_are_the_same_button(other: str) -> None:
    assert same_button("Vary (Strong)", other)
    assert not same_button("Vary (Subtle)", other)


def test_an_arrow_is_the_same_button_with_and_without_its_selector() -> None:
    assert same_button("⬅️", "⬅")
    assert not same_button("⬅️", "➡️")

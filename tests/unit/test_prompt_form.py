"""The form for a prompt: what it is prefilled with, Discord's limits, and what a submitted one is read as."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import UserError
from bot.models.prompt import MAX_PRESETS, MAX_SUFFIX_LENGTH, Preset, PromptOptions
from bot.ui.imagine.draft import PromptDraft
from bot.ui.imagine.prompt_form import draft_in, prompt_form
from bot.ui.prompt_blocks import prompt_blocks
from tests.strategies import texts

PRESETS = tuple(
    Preset(id=number, name=f"Preset {number}", suffix="x" * MAX_SUFFIX_LENGTH) for number in range(MAX_PRESETS)
)
PICTURE = "https://cdn.example/a.png?ex=1"


def prefilled(draft: PromptDraft, presets: tuple[Preset, ...] = (), *, speeds: bool = False) -> dict[str, str]:
    """What stands in each field, by custom_id."""
    found = {}
    for label in prompt_form(draft, presets, speeds=speeds).to_dict()["components"]:
        field = label["component"]
        selected = [option["value"] for option in field.get("options", []) if option["default"]]
        found[field["custom_id"]] = field.get("value") or "".join(selected)
    return found


def test_a_form_has_fields_for_what_the_server_offers_and_for_what_was_selected() -> None:
    assert prefilled(PromptDraft(prompt="a castle")) == {"prompt": "a castle", "aspect": ""}
    assert prefilled(PromptDraft(), PRESETS, speeds=True) == {"prompt": "", "aspect": "", "style": "", "speed": ""}
    draft = PromptDraft(options=PromptOptions(aspect="3:2", speed="fast"), preset=" preset 3")
    whole = {"prompt": "", "aspect": "3:2", "style": "Preset 3", "speed": "fast"}
    assert prefilled(draft, PRESETS) == whole
    assert draft_in({**whole, "prompt": "a castle"}) == PromptDraft(
        prompt="a castle", options=draft.options, preset="Preset 3"
    )


def test_links_of_options_are_put_into_the_prompt() -> None:
    draft = PromptDraft(prompt="a castle", options=PromptOptions(images=(PICTURE,), references=(PICTURE,)))
    assert prefilled(draft)["prompt"] == f"{PICTURE} a castle --sref {PICTURE}"


def test_a_preset_that_the_server_does_not_have_is_said_before_anything_is_written() -> None:
    with pytest.raises(UserError, match="This server has no preset called `Ink` any more"):
        prompt_form(PromptDraft(preset="Ink"), PRESETS, speeds=True)


def test_what_a_form_does_not_offer_is_not_read() -> None:
    forged = {"prompt": "x" * 9000, "aspect": "1" * 99, "style": "", "speed": "turbo --repeat 9", "other": "y"}
    read = draft_in(forged)
    assert (len(read.prompt), len(read.options.aspect or ""), read.options.speed, read.preset) == (4000, 20, None, None)
    assert draft_in({}) == PromptDraft()


@given(texts.map(lambda text: (text * 300)[:6000]), st.booleans(), texts)
def test_any_draft_keeps_discords_limits(prompt: str, speeds: bool, aspect: str) -> None:
    draft = PromptDraft(prompt=prompt, options=PromptOptions(aspect=aspect, images=(PICTURE,)))
    form = prompt_form(draft, PRESETS, speeds=speeds, title="x" * 99)
    labels = form.to_dict()["components"]
    assert len(labels) <= 5
    assert len(form.title) <= 45
    for label in labels:
        field = label["component"]
        assert len(field.get("value", "")) <= field.get("max_length", 0)
        assert len(label["label"]) <= 45
        assert len(label.get("description") or "") <= 100
        options = field.get("options", [])
        assert len(options) <= 25
        assert all(1 <= len(option.get("description", "x")) <= 100 for option in options)


def test_the_code_blocks_of_a_prompt_keep_discords_limit_of_all_embeds() -> None:
    for length in (5000, 8000):  # providers take 5,000; Midjourney's own text around a prompt may be longer
        blocks = prompt_blocks("x" * length)
        assert sum(map(len, blocks)) <= 6000
        assert "".join(str(block.description) for block in blocks).count("x") >= 5000

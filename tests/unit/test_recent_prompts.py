"""Which of a member's own last prompts are offered, and under what name."""

from hypothesis import given
from hypothesis import strategies as st

from bot.ui.imagine.recent_prompts import prompt_choices
from tests.strategies import texts

LONG = "a castle in the fog, " * 30
PAYERS = "https://cdn.midjourney.com/00000000-0000-4000-8000-000000000000/0_0.png"


def test_the_newest_come_first_each_once_and_those_with_all_typed_words() -> None:
    sent = [(4, "a river"), (3, "A castle"), (2, "a river"), (1, "a castle, fog")]
    assert prompt_choices(sent, "") == [("a river",) * 2, ("A castle",) * 2, ("a castle, fog",) * 2]
    assert [name for name, _ in prompt_choices(sent, " FOG castle ")] == ["a castle, fog"]
    assert prompt_choices(sent, "submarine") == []


def test_a_long_prompt_shows_its_parameters_and_goes_by_its_row_id() -> None:
    choices = prompt_choices([(7, f"{LONG}--ar 3:2"), (6, f"{LONG}--ar 1:1")], "")
    assert [value for _, value in choices] == ["recent-prompt:7", "recent-prompt:6"]
    assert all(name.startswith("a castle in the fog, a castle") for name, _ in choices)
    assert [name[-8:] for name, _ in choices] == ["--ar 3:2", "--ar 1:1"]
    assert prompt_choices([(7, f"{LONG}--ar 3:2")], choices[0][0]) == choices[:1], "what Discord then has in the field"


def test_an_address_that_names_the_payer_does_not_come_back() -> None:
    assert prompt_choices([(2, f"{PAYERS} a castle"), (1, f"{LONG} --sref {PAYERS}")], "castle") == []


@given(st.lists(st.tuples(st.integers(1, 10**17), texts.filter(bool)), max_size=40), texts)
def test_any_prompts_keep_discords_limits(sent: list[tuple[int, str]], typed: str) -> None:
    for choices in (prompt_choices(sent, typed), prompt_choices(sent, "")):
        assert len(choices) <= 25
        assert len({name for name, _ in choices}) == len(choices)
        assert all(1 <= len(text) <= 100 for choice in choices for text in choice)

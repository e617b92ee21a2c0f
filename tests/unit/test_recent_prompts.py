"""Which of a member's own last prompts are offered, and under what name."""

from hypothesis import given
from hypothesis import strategies as st

from bot.ui.imagine.recent_prompts import prompt_choices
from tests.strategies import texts

LONG = "a castle in the fog, " * 30
UPLOADED = "https://cdn.discordapp.com/ephemeral-attachments/1/2/my-cat.png?ex=7fffffff&is=66de7a80&hm=0123&"


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


def test_a_prompt_with_pictures_that_its_member_attached_is_offered_by_their_names() -> None:
    sent = [
        (3, f"{UPLOADED} a castle --sref {UPLOADED}"),
        (2, f"{UPLOADED} {LONG}--ar 3:2"),
        (1, "https://a.example/b"),
    ]
    choices = prompt_choices(sent, "")
    assert choices[0] == ("…/my-cat.png a castle --sref …/my-cat.png", "recent-prompt:3")
    assert choices[1][0].startswith("…/my-cat.png a castle in the fog, a castle")
    assert choices[2] == ("https://a.example/b",) * 2
    for choice in choices:
        assert choice in prompt_choices(sent, choice[0]), "what Discord then has in the field"


def test_two_uploads_of_the_same_name_are_two_prompts() -> None:
    other = UPLOADED.replace("/1/2/", "/1/3/")
    sent = [(2, f"{UPLOADED} a castle"), (1, f"{other} a castle"), (0, f"{UPLOADED} a castle")]
    choices = prompt_choices(sent, "")
    assert choices == [("…/my-cat.png a castle", "recent-prompt:2"), ("…/3/my-cat.png a castle", "recent-prompt:1")]
    assert choices[1][1] in dict(prompt_choices(sent, choices[1][0])).values(), "what Discord then has in the field"


@given(st.lists(st.tuples(st.integers(1, 10**17), texts.filter(bool)), max_size=40), texts)
def test_any_prompts_keep_discords_limits(sent: list[tuple[int, str]], typed: str) -> None:
    for choices in (prompt_choices(sent, typed), prompt_choices(sent, "")):
        assert len(choices) <= 25
        assert len({name for name, _ in choices}) == len(choices)
        assert all(1 <= len(text) <= 100 for choice in choices for text in choice)

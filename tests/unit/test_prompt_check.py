"""What a prompt may not hold: repetitions, permutations, and modes of the account."""

import pytest

from bot.models.midjourney_buttons import CUSTOM_ZOOM
from bot.submissions.prompt_check import costly_part
from bot.ui.press.prompt_modal import prompt_error

REPEAT, PERMUTATIONS = "`--repeat` makes several jobs", "`{…, …}` makes a job of each of its options"


@pytest.mark.parametrize(
    ("prompt", "sentence"),
    [
        ("a castle --repeat 4", REPEAT),
        ("a castle --r 4", REPEAT),
        ("a castle --r4 --ar 3:2", REPEAT),
        ("a castle --R 10", REPEAT),
        ("a castle —repeat 4", REPEAT),
        ("a castle –r 4", REPEAT),
        ("a castle--repeat 4", REPEAT),
        ("a castle --ar 3:2\n--REPEAT\n4", REPEAT),
        ("a {red, green} castle", PERMUTATIONS),
        ("a castle --ar {3:2, 1:1}", PERMUTATIONS),
        ("a {red,green,{blue}} castle", PERMUTATIONS),
        ("a {red {fox, dog}} castle", PERMUTATIONS),
        ("a {red\\, green, blue} castle", PERMUTATIONS),
        ("a {red\\\\, green} castle", PERMUTATIONS),
        ("}{ a {red,} castle", PERMUTATIONS),
        ("a castle --turbo", "`--turbo` can't be used here"),
        ("a castle --fast", "`--fast` can't be used here"),
        ("a castle —relax", "`--relax` can't be used here"),
        ("a castle --Stealth --ar 3:2", "`--stealth` can't be used here"),
        ("--public a castle", "`--public` can't be used here"),
    ],
)
def test_what_costs_more_than_one_job_is_named_with_what_to_do(prompt: str, sentence: str) -> None:
    said = costly_part(prompt) or ""
    assert said.startswith(sentence)
    assert "Please" in said
    assert prompt_error(prompt, "V1") == said
    assert prompt_error(f"{prompt} --zoom 1.5", CUSTOM_ZOOM) == said


@pytest.mark.parametrize(
    "prompt",
    [
        "a castle in the fog, ink wash --ar 3:2 --v 7",
        "a castle --raw --style raw --s 250 --c 20",
        "a fast car — relaxed, in public, on repeat",
        "a car — fast and red — in a town – public squares everywhere, Bo–r",
        "a {red} castle, and a {green} one",
        "a {red\\, green} castle",
        "a castle } with { odd braces, and more",
        "a castle { , never closed",
        "turbo --relaxing --publicity --rest --fastest",
        "",
    ],
)
def test_what_makes_one_job_in_the_mode_of_the_account_is_left_alone(prompt: str) -> None:
    assert costly_part(prompt) is None

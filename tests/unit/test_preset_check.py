"""Which presets can be saved, and what a manager is told about the others."""

from bot import formatting
from bot.models import CostTier
from bot.models.prompt import MAX_PRESET_NAME_LENGTH, MAX_SUFFIX_LENGTH, PresetProblem, PromptRules
from bot.submissions.preset_check import check_preset
from tests.table import table

RULES = PromptRules()


@table("name", ["Ink", "🌸 Blüten 2", "墨", "قلم", "x" * MAX_PRESET_NAME_LENGTH, "--ar", "`*_~ a"])
def test_a_name_has_a_letter_or_number_and_fits(name: str) -> None:
    assert check_preset(f" {name}\n", "ink", rules=RULES, words=()).name == name
    assert check_preset(name, "ink", rules=RULES, words=()).problem is None


@table(
    ("name", "suffix", "problem", "sentence"),
    [
        ("", "ink", PresetProblem.NAME_WITHOUT_LETTERS, "A preset needs a name with at least one letter or number."),
        (" \u200b", "ink", PresetProblem.NAME_WITHOUT_LETTERS, "A preset needs a name"),
        ("🌸 !", "ink", PresetProblem.NAME_WITHOUT_LETTERS, "A preset needs a name"),
        ("x" * 33, "ink", PresetProblem.NAME_TOO_LONG, f"`{'x' * 33}` is too long: a name has up to 32 characters."),
        ("Ink", " ``` ", PresetProblem.SUFFIX_EMPTY, "A preset needs words or parameters that it adds"),
        ("Ink", "x" * (MAX_SUFFIX_LENGTH + 1), PresetProblem.SUFFIX_TOO_LONG, "A preset adds up to 500 characters"),
    ],
)
def test_a_preset_that_cannot_be_saved_says_why(name: str, suffix: str, problem: PresetProblem, sentence: str) -> None:
    checked = check_preset(name, suffix, rules=RULES, words=())
    assert checked.problem is problem
    said = formatting.preset_problem(problem, checked.name)
    assert said.startswith(sentence)
    assert said.endswith("Nothing was saved.")


@table(
    ("suffix", "sentence"),
    [
        ("ink --repeat 4", "`--repeat` makes several jobs"),
        ("{ink, oil}", "`{…, …}` makes a job of each of its options"),
        ("ink —turbo", "`--turbo` can't be used here"),
        ("--v 7 --niji 6", "`--v` and `--niji` can't be combined"),
    ],
)
def test_a_preset_that_would_stop_every_prompt_is_not_saved(suffix: str, sentence: str) -> None:
    stop = check_preset("Ink", suffix, rules=RULES, words=()).stop
    assert stop is not None
    assert formatting.preset_stopped(stop).startswith(sentence)
    assert formatting.preset_stopped(stop).endswith("Nothing was saved.")


@table("suffix", ["ink wash", "--ar 3:2 --s 50", "--sw 400", "{ink", "--arr 3:2", "https://cdn.example/a.png"])
def test_a_preset_that_may_work_is_saved(suffix: str) -> None:
    checked = check_preset("Ink", suffix, rules=RULES, words=("blood",))
    assert (checked.problem, checked.stop, checked.word, checked.suffix) == (None, None, None, suffix)


def test_a_preset_is_saved_in_its_usual_form_with_its_hints_and_its_cost() -> None:
    checked = check_preset("Ink", "```\nink  wash —hd --arr 3:2\n```", rules=RULES, words=())
    assert checked.suffix == "ink wash --hd --arr 3:2"
    assert checked.tried.tier is CostTier.UPSCALE
    assert [formatting.prompt_hint(hint) for hint in checked.tried.hints] == ["`--arr`: did you mean `--ar`?"]


def test_a_preset_with_a_forbidden_word_is_not_saved_and_the_speed_depends_on_the_server() -> None:
    assert check_preset("Ink", "BLOOD red", rules=RULES, words=("blood",)).word == "blood"
    assert formatting.preset_forbidden("blood") == "`blood` is in this server's word list. Nothing was saved."
    assert check_preset("Fast", "--fast", rules=PromptRules(allowed=frozenset({"fast"})), words=()).stop is None

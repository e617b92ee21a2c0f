"""What is said about a prompt that is sent all the same, and the table of parameters behind it."""

from bot import formatting
from bot.models.midjourney_parameters import NAMES, family, parameter_for, similar_name, version
from bot.models.prompt import PromptOptions
from bot.submissions.prompt_check import check
from tests.table import table

PICTURE = "https://cdn.example/a.png"


def hints(prompt: str) -> list[str]:
    return [formatting.prompt_hint(hint) for hint in check(prompt).hints]


@table(
    ("prompt", "sentence"),
    [
        ("a castle --arr 3:2", "`--arr`: did you mean `--ar`?"),
        ("a castle --STYLISE 50", "`--STYLISE`: did you mean `--stylize`?"),
        ("a castle --zzz", "I don't know `--zzz`. Midjourney may decline it."),
        ("a castle --s 2000", "`--s` takes a whole number from 0 to 1,000, not `2000`."),
        ("a castle --s 1.5", "`--s` takes a whole number from 0 to 1,000, not `1.5`."),
        ("a castle --chaos", "`--chaos` needs a whole number from 0 to 100."),
        (f"{PICTURE} fog --iw 3.5", "`--iw` takes a number from 0 to 3, not `3.5`."),
        ("a castle --ar 1.5:1", "`--ar` takes a ratio of whole numbers, such as `16:9`, not `1.5:1`."),
        ("a castle --aspect 16x9", "`--aspect` takes a ratio of whole numbers, such as `16:9`, not `16x9`."),
        ("a castle --ar 0:1", "`--ar` takes a ratio of whole numbers, such as `16:9`, not `0:1`."),
        ("a castle --ar ٣:٢", "`--ar` takes a ratio of whole numbers, such as `16:9`, not `٣:٢`."),
        (f"{PICTURE} --video 2", "`--video` takes `1`, not `2`."),
        (f"{PICTURE} --video --motion mid", "`--motion` takes `low` or `high`, not `mid`."),
        ("a castle --v 7 --oref me", "`--oref` takes the link of a picture, not `me`."),
        ("a castle --sref", "`--sref` needs a value."),
        ("a castle --raw in the fog", "Words go before the parameters: move `in the fog` in front of `--raw`."),
        ("a castle --ar 3:2 in fog", "Words go before the parameters: move `in fog` in front of `--ar`."),
        (f"a castle --oref {PICTURE}", "`--oref` only works in V7, but this prompt uses V8.2."),
        ("a castle --hd --niji", "`--hd` only works in V8, but this prompt uses niji 7."),
        (f"a castle --cref {PICTURE} --v 7.0", "`--cref` only works in V6 and niji 6, but this prompt uses V7."),
        ("a castle --q 2 --v 8.1", "`--q` doesn't work in V8.1."),
        ("a castle --tile --niji 7", "`--tile` doesn't work in niji 7."),
        ("red:: castle", "Weights (`::`) don't work in V8.2."),
        ("a castle --video", "`--video` needs a picture at the beginning of the prompt."),
        ("a castle --loop", "`--loop` only works together with `--video`."),
        ("a castle --ar 3:2 --aspect 1:1", "`--ar` is in the prompt more than once. Keep one."),
        ("a castle --fast --relax", "`--fast` and `--relax` can't be combined. Keep one."),
        (f"a castle {PICTURE}", "Midjourney only uses picture links at the beginning of the prompt."),
        ("<@1> in a castle", "Midjourney can't read mentions or server emoji. Use words instead."),
        ("a castle <a:fog:12>", "Midjourney can't read mentions or server emoji. Use words instead."),
        ("a } castle {", "A brace is missing: each `{` needs its `}`."),
    ],
)
def test_each_doubt_is_one_sentence(prompt: str, sentence: str) -> None:
    assert hints(prompt) == [sentence]


@table(
    "prompt",
    [
        "a castle --ar 21:9 --s 0 --chaos 100 --w 3000 --exp 100 --raw --no fog, mist --seed 4294967295 --tile --p abc",
        f"{PICTURE} https://cdn.example/b.png castle --iw .5 --sref 12 random {PICTURE}::2 --sw 100 --sv 7",
        f"a castle --oref {PICTURE} --ow 400 --v 7 --q 4 --draft",
        "red:: castle --v 7",
        f"{PICTURE} --video --motion low --loop --bs 1 --end loop",
        "a castle --ar {3:2, 1:1} --v {7, 8.1} --q 2",
        "a castle --niji",
        "a castle --v 8.1 --hd",
        "a castle --zoom 1.8",
    ],
)
def test_nothing_is_said_about_a_prompt_that_midjourney_takes(prompt: str) -> None:
    assert hints(prompt) == []


def test_ten_parameters_twice_get_a_few_hints_not_a_page() -> None:
    said = hints("a castle" + " --ar 3:2 --s 5 --c 5 --w 5 --exp 5 --raw --seed 1 --tile --no fog --stop 50" * 2)
    assert len(said) == 8
    assert set(said) <= {f"`--{name}` is in the prompt more than once. Keep one." for name in NAMES}


def test_an_option_that_the_prompt_overrules_is_said_to_be_unused() -> None:
    (said,) = check("a castle --ar 3:2 --relax", options=PromptOptions(aspect="1:1", speed="relax")).hints
    assert formatting.prompt_hint(said) == "The prompt has `--ar`, so the option `aspect` isn't used."


def test_text_of_a_prompt_is_shown_as_code_that_it_cannot_close() -> None:
    said, _ = hints(f"a castle --ar x`@everyone[a](https://evil.example)`{'x' * 90}")
    assert said.startswith("`--ar` takes a ratio of whole numbers, such as `16:9`, not `x'@everyone[a]")
    assert said.count("`") == 6
    assert len(said) < 120


def test_the_table_knows_names_aliases_and_versions() -> None:
    assert parameter_for("Aspect") is parameter_for("ar")
    assert parameter_for("zzz") is None
    assert (similar_name("choas"), similar_name("x" * 6000)) == ("chaos", None)
    assert [version("v", "8.2"), version("v", "7.0"), version("niji", None)] == ["V8.2", "V7", "niji 7"]
    assert [version("v", "99"), version("v", None), version("niji", "{6, 7}")] == [None, None, None]
    assert [family("V8.2"), family("V7"), family("niji 6")] == ["V8", "V7", "niji 6"]


def test_every_reference_within_the_table_exists() -> None:
    for name in NAMES:
        parameter = parameter_for(name)
        assert parameter is not None
        needed = {parameter.weight_of, parameter.requires} - {None, "picture"}
        assert all(parameter_for(other or "") for other in needed), name
        assert not (parameter.only_in and parameter.never_in), name
        assert name == name.lower()
        assert name.isascii()
        assert name.isalpha()

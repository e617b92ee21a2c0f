"""The final prompt: what was typed in its usual form, with the options of a command."""

from time import process_time

from hypothesis import given
from hypothesis import strategies as st

from bot import formatting
from bot.models.midjourney_parameters import NAMES, parameter_for
from bot.models.prompt import PromptOptions, PromptRules
from bot.submissions.prompt_check import check
from bot.submissions.prompt_parts import parse
from tests.strategies import NASTY
from tests.table import table

A, B = "https://cdn.example/a.png", "https://cdn.example/b--ar.png?ex=1&hm=2&"


@table(
    ("typed", "final"),
    [
        ("  a castle,\n in\tthe fog  ", "a castle, in the fog"),
        ("a castle —ar 3:2 –v 7 ――raw －－s 5", "a castle --ar 3:2 --v 7 --raw --s 5"),
        ("a castle --AR 3:2 --V7 --S250", "a castle --ar 3:2 --v 7 --s 250"),
        ("a castle — fast, –and red, Bo–r", "a castle — fast, –and red, Bo–r"),
        ("```\na castle --ar 3:2\n```", "a castle --ar 3:2"),
        ("`a castle` --no `fog`", "a castle --no fog"),
        ("rock `n` roll", "rock `n` roll"),
        (f"<{A}>, {B} a castle", f"{A} {B} a castle"),
        (f"a castle --sref <{B}> {A}--ar 3:2", f"a castle --sref {B} {A} --ar 3:2"),
        ("a castle --foo-bar,baz 1", "a castle --foo-bar,baz 1"),
        ("קודש \u202e--ar 3:2", "קודש --ar 3:2"),
        ("🏰 👩‍👩‍👧‍👦 --ar 3:2", "🏰 👩‍👩‍👧‍👦 --ar 3:2"),
        ("@everyone <@1> {a", "@everyone <@1> {a"),
    ],
)
def test_a_typed_prompt_keeps_its_words_and_gets_its_hyphens(typed: str, final: str) -> None:
    assert check(typed).prompt == final


def test_a_parameter_right_after_another_one_is_a_parameter() -> None:
    assert [(one.name, one.value) for one in parse("a castle --ar--foo 1--raw—no fog").parameters] == [
        ("ar", ""),
        ("foo", "1"),
        ("raw", ""),
        ("no", "fog"),
    ]


def test_options_become_part_of_the_prompt_and_what_was_typed_wins() -> None:
    options = PromptOptions(
        aspect="16:9", speed="fast", style="ink wash --ar 1:1 --s 50 --niji 6", images=(A,), references=(A, B)
    )
    assert check("a castle", options=options).prompt == (
        f"{A} a castle, ink wash --ar 16:9 --fast --sref {A} {B} --s 50 --niji 6"
    )
    assert check("a castle --aspect 2:3 --relax --v 7 --stylize 9", options=options).prompt == (
        f"{A} a castle, ink wash --aspect 2:3 --relax --v 7 --stylize 9 --sref {A} {B}"
    )


@table(
    ("typed", "style", "final"),
    [
        ("a castle", ", ink wash", "a castle, ink wash"),
        ("a castle", "--s 50", "a castle --s 50"),
        ("--ar 3:2", "ink wash", "ink wash --ar 3:2"),
        ("a castle, ink wash", "ink wash", "a castle, ink wash"),
        ("a castle {--ar 3:2, --ar 1:1}", "ink wash", "ink wash, a castle { --ar 3:2, --ar 1:1}"),
        (B, f"{A} fog", f"{B} {A} fog"),
    ],
)
def test_a_preset_adds_its_words_and_parameters(typed: str, style: str, final: str) -> None:
    assert check(typed, options=PromptOptions(style=style)).prompt == final


def test_an_option_cannot_bring_in_what_the_prompt_may_not_have() -> None:
    checked = check("a castle", options=PromptOptions(aspect="1:1 --repeat 9", style="{red, green}"))
    assert checked.jobs == 18
    assert checked.stop is not None
    speed = check("a castle", options=PromptOptions(speed="turbo")).stop
    assert speed is not None
    assert speed.name == "turbo"


_pieces = st.one_of(
    st.sampled_from(
        (
            *NASTY,
            *(f"--{name}" for name in NAMES),
            "--",
            "—",
            "–ar",
            "－－",
            "---",
            "--foo-",
            "—repeat 4",
            "{",
            ",",
            "}",
        )
    ),
    st.sampled_from((A, B, f"<{A}>", "https://", f"{A}--ar", "`", "```", "3:2", "7", " ", ", ", "::", "\\", "fog")),
    st.text(max_size=8),
)
prompts = st.lists(st.tuples(_pieces, st.sampled_from(("", " ")))).map(lambda pairs: "".join(map("".join, pairs)))
_options = st.builds(
    PromptOptions,
    aspect=st.none() | st.just("16:9") | prompts,
    speed=st.none() | st.just("fast") | prompts,
    style=st.none() | prompts,
    images=st.lists(st.sampled_from((A, B))).map(tuple),
    references=st.lists(st.sampled_from((A, B))).map(tuple),
)


@given(prompts, _options, st.sampled_from((1, 8)))
def test_any_prompt_is_checked_and_its_result_stays_as_it_is(prompt: str, options: PromptOptions, most: int) -> None:
    rules = PromptRules(max_jobs=most)
    checked = check(prompt, options=options, rules=rules)
    again = check(checked.prompt, rules=rules)
    assert again.prompt == checked.prompt
    assert (again.tier, again.jobs, again.stop) == (checked.tier, checked.jobs, checked.stop)
    sentences = [formatting.prompt_hint(hint) for hint in checked.hints]
    if checked.stop is not None:
        sentences.append(formatting.prompt_stop(checked.stop))
    assert all(10 < len(sentence) < 300 for sentence in sentences)
    assert checked.stop is not None or 1 <= checked.jobs <= most


@given(prompts, st.sampled_from(("ar 3:2", "aspect 3:2", "relax", "sref 12", "niji 6", "s 7")), _options)
def test_a_typed_parameter_always_wins(prompt: str, typed: str, options: PromptOptions) -> None:
    name, _, value = typed.partition(" ")
    known = parameter_for(name)
    assert known is not None
    whole = f"{prompt} --{typed}"
    before = [one for one in parse(whole).parameters if one.group == (known.group or known.name)]
    clean_options = PromptOptions(
        aspect="16:9", speed="fast", style=options.style, images=options.images, references=options.references
    )
    after = parse(check(whole, options=clean_options).prompt).parameters
    assert [one for one in after if one.group == (known.group or known.name)] == before
    assert (name, value) in {(one.name, one.value) for one in before}


def test_a_link_full_of_parameters_is_read_in_time() -> None:
    prompt = "https://x" + "--v" * 1900 + "!"
    start = process_time()
    assert parse(prompt).images == (prompt,)
    assert process_time() - start < 0.5

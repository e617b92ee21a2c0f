"""Why a prompt is not sent: it makes more jobs than allowed, uses a mode of the account, or cannot work."""

from bot import formatting
from bot.models import CostTier
from bot.models.midjourney_buttons import CUSTOM_ZOOM
from bot.models.prompt import PromptRules
from bot.submissions.permutations import permutations
from bot.submissions.prompt_check import check
from bot.ui.press.prompt_modal import prompt_error
from tests.table import table

PICTURE = "https://cdn.example/a.png"


def stopped(prompt: str, rules: PromptRules | None = None) -> str:
    stop = check(prompt, rules=rules or PromptRules()).stop
    return "" if stop is None else formatting.prompt_stop(stop)


REPEAT, PERMUTATIONS = "`--repeat` makes several jobs", "`{…, …}` makes a job of each of its options"


@table(
    ("prompt", "sentence"),
    [
        ("a castle --repeat 4", REPEAT),
        ("a castle --r 4", REPEAT),
        ("a castle --r4 --ar 3:2", REPEAT),
        ("a castle --R 10", REPEAT),
        ("a castle —repeat 4", REPEAT),
        ("a castle –r 4", REPEAT),
        ("a castle--repeat 4", REPEAT),
        ("a castle --ar---repeat 4", REPEAT),
        ("a castle--repeat--ar 3:2", REPEAT),
        ("a castle -\u200b-repeat 4", REPEAT),
        ("a castle --no `—repeat 4`", REPEAT),
        ("a castle {—repeat 4}", REPEAT),
        (f"{PICTURE}--repeat 4", REPEAT),
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
        ("a castle --{repeat 40}", REPEAT),
        ("a castle --re{peat} 40", REPEAT),
        ("a castle -{-repeat 40}", REPEAT),
        ("a castle --\\repeat 4", REPEAT),
        ("a castle {—}{r 4}", REPEAT),
        ("a castle --{repeat 40} --{turbo}", REPEAT),
        ("a {red, green} castle --{turbo}", PERMUTATIONS),
        ("a castle --{turbo}", "`--turbo` can't be used here"),
        ("a castle --tur{}bo", "`--turbo` can't be used here"),
        ("a castle --{v 6\\, } --{stealth}", "`--stealth` can't be used here"),
    ],
)
def test_what_costs_more_than_one_job_is_named_with_what_to_do(prompt: str, sentence: str) -> None:
    said = stopped(prompt)
    assert said.startswith(sentence)
    assert "Please" in said
    assert prompt_error(prompt, "V1") == said
    assert prompt_error(f"{prompt} --zoom 1.5", CUSTOM_ZOOM) == said


@table(
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
        "state--of--no--return --fast-car",
        "a {fast} car in {turbo} mode - {r} and {-} hd, {q} 4",
        "a shrug ¯\\_(ツ)_/¯ and a smile :-} on C:\\turbo\\hd",
        "a castle --ar {3:2} --{raw} --s{tylize} 50",
        "a castle --no {fog} \\--{x}",
    ],
)
def test_what_makes_one_job_in_the_mode_of_the_account_is_left_alone(prompt: str) -> None:
    checked = check(prompt)
    assert (checked.stop, checked.jobs, checked.tier) == (None, 1, CostTier.VARY)


@table(
    ("prompt", "sentence"),
    [
        ("", "The prompt is empty"),
        (" \n\t\u200b", "The prompt is empty"),
        ("```\n```", "The prompt is empty"),
        ("--ar 3:2 --v 7", "The prompt has no words"),
        ("--ar 3:2 a castle", "The prompt has no words"),
        (PICTURE, "One picture isn't enough for a prompt"),
        (f"<{PICTURE}> --ar 3:2", "One picture isn't enough for a prompt"),
        ("x" * 6000, "The prompt has 6,000 characters, the limit is 5,000. Please shorten it."),
        ("a castle --v 7 --niji 6", "`--v` and `--niji` can't be combined"),
        ("a castle --ow 400", "`--ow` needs `--oref`"),
        ("a castle --sw 400", "`--sw` needs `--sref`"),
        ("a castle --cw 40", "`--cw` needs `--cref`"),
        ("a castle --iw 2", "`--iw` needs a picture at the beginning of the prompt. Please add one"),
    ],
)
def test_what_cannot_work_is_stopped_with_what_to_do(prompt: str, sentence: str) -> None:
    assert stopped(prompt).startswith(sentence)


@table(
    "prompt",
    [
        f"{PICTURE} https://cdn.example/b.png",
        f"{PICTURE} --video",
        f"{PICTURE} a castle --iw 2",
        f"a castle like {PICTURE} --iw 2",
        "a castle --sref 123 --sw 400",
        "https://cdn.example/a--repeat.png a castle",
        "🏰🌫️",
        "قلعة في الضباب --ar 3:2",
        "<@1> @everyone `a castle`",
        " ".join(["a castle", *["--ar 3:2 --s 5 --c 5 --w 5 --exp 5 --raw --seed 1 --tile --no fog --style raw"] * 2]),
    ],
)
def test_what_may_work_is_sent(prompt: str) -> None:
    assert stopped(prompt) == ""


def test_a_button_has_a_picture_so_its_prompt_may_do_without_words() -> None:
    assert prompt_error("--zoom 2", CUSTOM_ZOOM) is None
    assert (prompt_error("--zoom 2 --ow 3", CUSTOM_ZOOM) or "").startswith("`--ow` needs `--oref`")


def test_a_servers_word_list_counts_for_buttons_too() -> None:
    assert (prompt_error("a BLOOD moon", "V1", ("blood",)) or "").startswith("`blood` isn't allowed in this server's")
    assert prompt_error("a blood moon --zoom 1.5", CUSTOM_ZOOM, ("blood",)) is not None
    assert prompt_error("a bloody moon --zoom 1.5", CUSTOM_ZOOM, ("blood",)) is None


@table(
    ("prompt", "jobs"),
    [
        ("a castle", 1),
        ("a {red} castle, and a {green} one", 1),
        ("a {red, green} castle", 2),
        ("a {red,} castle", 2),
        ("a {red, green, blue} {fox, dog}", 6),
        ("a {red, {light, dark} green} fox", 3),
        ("a {red {fox, dog}} castle", 2),
        ("a {red\\, green} fox", 1),
        ("a {red\\\\, green} fox", 2),
        ("{ a, {red, green}, {fox, dog", 2),
        ("}{ a {red,} castle", 2),
        ("{a, b}" * 1000, 1_000_000),
        ("{" * 6000, 1),
    ],
)
def test_permutations_are_counted(prompt: str, jobs: int) -> None:
    assert permutations(prompt) == jobs


def test_a_server_may_allow_several_jobs_which_are_counted() -> None:
    rules = PromptRules(max_jobs=8)
    for prompt in ("a {red, green} castle --repeat 3", "a {red, green} castle --{repeat 3}"):
        checked = check(prompt, rules=rules)
        assert (checked.stop, checked.jobs, checked.tier) == (None, 6, CostTier.UPSCALE)
    assert stopped("a {red, green} castle --r 5", rules).startswith("This prompt makes 10 jobs, the limit here is 8.")
    assert check("a castle --repeat many", rules=rules).jobs == 40, "the most that it can make"
    assert "2,000 jobs" in formatting.several_jobs(2000)


def test_a_server_may_allow_modes_of_the_account() -> None:
    rules = PromptRules(allowed=frozenset({"relax", "stealth"}))
    assert stopped("a castle --relax --stealth", rules) == ""
    assert stopped("a castle --turbo", rules).startswith("`--turbo` can't be used here")


@table(
    ("parameters", "tier"),
    [
        ("--ar 3:2 --s 1000 --draft --q 1 --q .5 --foo", CostTier.VARY),
        *((costly, CostTier.UPSCALE) for costly in ("--hd", "--video 1", f"--oref {PICTURE}", "--turbo", "--q 2")),
        ("--q {1, 4}", CostTier.UPSCALE),
        ("--q nan", CostTier.UPSCALE),
        ("--{q 1} --{s 1000} \\--{draft}", CostTier.VARY),
        *((hidden, CostTier.UPSCALE) for hidden in ("--{hd}", "--h{d}", "--{vi\\deo}", "--{q 4}", "--q 1 --\\q 4")),
    ],
)
def test_what_takes_more_gpu_time_is_of_the_higher_tier(parameters: str, tier: CostTier) -> None:
    assert check(f"a castle {parameters}").tier is tier


def test_what_makes_a_prompt_costly_is_named_with_the_value_that_decides_it() -> None:
    assert check("a castle --ar 3:2 --q 1 --s 9").costly == frozenset()
    assert check(f"a castle --quality 4 --hd --video 1 --oref {PICTURE}").costly == {"q 4", "hd", "video", "oref"}

"""A server's word list: which prompts it finds, and which lists can be saved."""

from time import process_time

from hypothesis import given
from hypothesis import strategies as st

from bot import formatting
from bot.models.prompt import MAX_WORD_LENGTH, MAX_WORDS, WordListProblem
from bot.submissions.prompt_guard import forbidden_word, read_words
from tests.strategies import texts
from tests.table import table

WORDS = read_words("Blood, head shot\nDéjà vu; ば\n裸, кровь, 🔪, straße, ดาบ, blood").words


def test_a_list_is_read_in_lines_or_between_commas_and_each_entry_is_kept_once() -> None:
    assert WORDS == ("Blood", "head shot", "Déjà vu", "ば", "裸", "кровь", "🔪", "straße", "ดาบ")


@table(
    ("prompt", "entry"),
    [
        ("a BLOOD moon", "Blood"),
        ("blo\u0301o\u0308d", "Blood"),
        ("ｂｌｏｏｄ", "Blood"),
        ("𝐁𝓵𝕠𝖔𝚍 and 🅱", "Blood"),
        ("ⓑⓛⓞⓞⓓ", "Blood"),
        ("blo\u200bo\u00add", "Blood"),
        ("b\ufe0fl\U000e0100o\u180bo\u20ddd", "Blood"),
        ("a castle --no blood", "Blood"),
        ("blood-red_roses", "Blood"),
        ("a (head\n  shot)", "head shot"),
        ("blo{od} and {bl}o\\od", "Blood"),
        ("a{blood}", "Blood"),
        ("head, shot", "head shot"),
        ("DEJA VU", "Déjà vu"),
        ("КРОВЬ", "кровь"),
        ("Strasse", "straße"),
        ("ばか", "ば"),
        ("は\u3099", "ば"),
        ("美しい裸体画", "裸"),
        ("ถือดาบยาว", "ดาบ"),
        ("a🔪b", "🔪"),
        ("head blood shot", "Blood"),
        ("bloody bloodless headshot deja", None),
        ("はか", None),
        ("head and shot", None),
        ("https://cdn.example/a.png?ex=1&blood=2 a castle", None),
        ("https://cdn.example/a.png?ex=1 blood", "Blood"),
        ("a castle --sref https://cdn.example/a.png blood", "Blood"),
        ("", None),
    ],
)
def test_whole_words_are_found_in_any_case_accent_and_font(prompt: str, entry: str | None) -> None:
    assert forbidden_word(prompt, WORDS) == entry


def test_a_voiced_kana_is_another_letter() -> None:
    assert [forbidden_word(prompt, ["かは"]) for prompt in ("かは", "かば", "がは")] == ["かは", None, None]


def test_an_empty_list_forbids_nothing() -> None:
    assert forbidden_word("blood", ()) is None
    assert read_words(" ,\n;").words == ()


@table(
    ("text", "problem", "sentence"),
    [
        (",".join(f"word{number}" for number in range(MAX_WORDS + 1)), WordListProblem.TOO_MANY, "up to 500 entries"),
        ("fine, " + "x" * (MAX_WORD_LENGTH + 1), WordListProblem.TOO_LONG, "an entry has up to 60 characters"),
        ("fine, ***", WordListProblem.NO_LETTERS, "`***` has no letters"),
    ],
)
def test_a_list_that_cannot_work_is_not_saved(text: str, problem: WordListProblem, sentence: str) -> None:
    read = read_words(text)
    assert (read.problem, read.words) == (problem, ())
    assert sentence in formatting.word_list_problem(problem, read.entry)


def test_the_refusal_names_the_entry_as_code() -> None:
    assert formatting.forbidden("head shot").startswith("`head shot` isn't allowed in this server's prompts.")


def test_the_time_does_not_grow_with_the_list() -> None:
    alike = tuple(f"{'a ' * (number % 25)}b{number}" for number in range(MAX_WORDS))
    forbidden_word("", alike)
    start = process_time()
    assert forbidden_word("a " * 3000, alike) is None
    assert process_time() - start < 1


@given(texts, st.lists(texts, max_size=5))
def test_any_text_is_read_and_compared(prompt: str, words: list[str]) -> None:
    read = read_words(",".join(words))
    entry = forbidden_word(prompt, read.words)
    assert entry is None or entry in read.words
    for word in read.words:
        assert forbidden_word(word.upper() if word.isascii() else word, [word]) == word

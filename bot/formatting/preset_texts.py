"""Sentences about a server's presets and its word list."""

from collections.abc import Sequence

from bot.formatting.prompt_texts import in_code, prompt_stop
from bot.models.prompt import (
    MAX_PRESET_NAME_LENGTH,
    MAX_PRESETS,
    MAX_SUFFIX_LENGTH,
    MAX_WORD_LENGTH,
    MAX_WORDS,
    PresetProblem,
    PromptStop,
    WordListProblem,
)

PRESET_GONE = "That preset was deleted in the meantime."
PRESET_COSTLY = "A prompt with it uses more GPU time than usual, so only moderators can run it."
WORDS_CHANGED = (
    "Someone else changed the word list in the meantime, so nothing was saved. Open *Word list* again to see theirs; "
    "*Edit* replaces it with yours."
)

_PRESETS = {
    PresetProblem.TOO_MANY: f"A server has up to {MAX_PRESETS} presets. Delete one first.",
    PresetProblem.NAME_TAKEN: "There is a preset called {name} already. Choose another name.",
    PresetProblem.DELETED: "{name} was deleted in the meantime. You can add it again.",
    PresetProblem.NAME_TOO_LONG: f"{{name}} is too long: a name has up to {MAX_PRESET_NAME_LENGTH} characters.",
    PresetProblem.NAME_WITHOUT_LETTERS: "A preset needs a name with at least one letter or number.",
    PresetProblem.SUFFIX_EMPTY: "A preset needs words or parameters that it adds to a prompt.",
    PresetProblem.SUFFIX_TOO_LONG: f"A preset adds up to {MAX_SUFFIX_LENGTH} characters to a prompt.",
    PresetProblem.NAMES_PAYER: (
        "The preset has an address that names the Midjourney account's owner, and members would see it. Upload the "
        "picture somewhere else, or use a code with `--sref`."
    ),
}


def no_such_preset(name: str) -> str:
    """The sentence for a member who selected a preset that the server does not have, or no longer has."""
    return f"This server has no preset called {in_code(name)} any more. Choose another one, or none."


def preset_problem(problem: PresetProblem, name: str) -> str:
    """Why a preset is not saved."""
    return f"{_PRESETS[problem].format(name=in_code(name))} Nothing was saved."


def preset_stopped(stop: PromptStop) -> str:
    """Why a preset is not saved with which no prompt could be sent."""
    return f"{prompt_stop(stop)} Nothing was saved."


def preset_forbidden(entry: str) -> str:
    """Why a preset is not saved that holds an entry of the server's word list."""
    return f"{in_code(entry)} is in this server's word list. Nothing was saved."


def preset_saved(name: str) -> str:
    """The confirmation for a manager."""
    return f"Saved {in_code(name)}."


def preset_deleted(name: str, suffix: str) -> str:
    """The same for a deleted one, with what it added, so that it can be added again."""
    return f"Deleted {in_code(name)}. It added: {in_code(suffix, limit=MAX_SUFFIX_LENGTH)}"


def presets_offered(names: Sequence[str]) -> str:
    """The presets of a server, in the settings."""
    if not names:
        return "No presets yet. A preset adds words and parameters to a prompt, and `/imagine` offers it as `style`."
    return f"Presets that `/imagine` offers as `style`: {', '.join(map(in_code, names))}."


def words_forbidden(number: int) -> str:
    """How long the word list is, in the settings: the words themselves are in its form only."""
    if not number:
        return "No words are forbidden in prompts."
    entries = "1 entry is" if number == 1 else f"{number} entries are"
    return f"{entries} forbidden in prompts, also in those of buttons."


def words_saved(number: int, presets: Sequence[str]) -> str:
    """The confirmation for a manager; `presets` are the names of those that hold an entry."""
    if not presets:
        return f"Saved. {words_forbidden(number)}"
    return f"Saved. {words_forbidden(number)} These presets can't be used with it: {', '.join(map(in_code, presets))}."


def word_list_problem(problem: WordListProblem, entry: str | None) -> str:
    """Why a word list is not saved."""
    match problem:
        case WordListProblem.TOO_MANY:
            return f"A word list holds up to {MAX_WORDS} entries. Nothing was saved."
        case WordListProblem.TOO_LONG:
            return f"{in_code(entry)} is too long: an entry has up to {MAX_WORD_LENGTH} characters. Nothing was saved."
        case WordListProblem.NO_LETTERS:
            return f"{in_code(entry)} has no letters, so no prompt would match it. Nothing was saved."

"""A checked prompt, what it was checked with, and what was found in it; a server's presets and its word list.

The sentences about all of it are in `bot.formatting.prompt_texts`.
"""

import hashlib
from enum import Enum, auto

import msgspec

from bot.models.submission import CostTier

MAX_PROMPT_LENGTH = 5000
"""Characters that useapi takes (https://useapi.net/docs/api-v2/post-jobs-imagine)."""
MAX_WORDS = 500
"""Entries of a server's word list."""
MAX_WORD_LENGTH = 60
"""Characters of an entry, which may be several words."""
MAX_WORD_LIST_LENGTH = 4000
"""Characters of the whole list: those that Discord takes in a form's field."""
MAX_PRESETS = 25
"""Presets of a server: as many as Discord shows choices."""
MAX_PRESET_NAME_LENGTH = 32
MAX_SUFFIX_LENGTH = 500
"""Characters of what a preset adds to a prompt."""


class PromptOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options of a command, which become part of the prompt; `None` or empty: not given.

    `aspect` is a ratio, `speed` the name of a mode without `--`, `style` a preset: words and parameters that are added
    to the prompt. `images` are links that become image prompts, `references` links that become `--sref`.
    """

    aspect: str | None = None
    speed: str | None = None
    style: str | None = None
    images: tuple[str, ...] = ()
    references: tuple[str, ...] = ()


class PromptRules(msgspec.Struct, frozen=True, kw_only=True):
    """What a server and its provider allow.

    `allowed` holds the names of restricted parameters (without `--`) that members may use, `max_jobs` how many jobs one
    prompt may make, `max_length` the characters of the final prompt. `needs_words`: a prompt without words is stopped.
    """

    allowed: frozenset[str] = frozenset()
    max_jobs: int = 1
    max_length: int = MAX_PROMPT_LENGTH
    needs_words: bool = True


class HintKind(Enum):
    """What may be wrong with a prompt that is sent all the same."""

    UNKNOWN = auto()
    """Nothing is known about parameter `name`; `other` is a similar one, if there is one."""
    VALUE = auto()
    """Parameter `name` does not take `value`; `None`: it has none and requires one."""
    VERSION = auto()
    """Parameter `name` does not work in version `other`."""
    REQUIRES = auto()
    """Parameter `name` requires `other`: the name of a parameter, or `PICTURE`."""
    TWICE = auto()
    """Parameter `name` is in the prompt more than once."""
    GROUP = auto()
    """Parameters `name` and `other` exclude each other."""
    WORDS_AFTER = auto()
    """The words `value` follow parameter `name`."""
    OPTION_UNUSED = auto()
    """Parameter `name` was typed, so option `other` is not used."""
    LINK_AFTER_WORDS = auto()
    """A link that is not at the beginning is not read as a picture."""
    MENTION = auto()
    """A mention or an emoji of a server, which only Discord can read."""
    BRACES = auto()
    """A brace has no counterpart."""
    WEIGHTS = auto()
    """Weights (`::`) do not work in version `other`."""


class PromptHint(msgspec.Struct, frozen=True, kw_only=True):
    """Something to know before a prompt is sent. Names are without `--`; `value` is text of the prompt."""

    kind: HintKind
    name: str | None = None
    value: str | None = None
    other: str | None = None


class StopKind(Enum):
    """Why a prompt is not sent."""

    EMPTY = auto()
    ONLY_PARAMETERS = auto()
    ONLY_LINK = auto()
    """One picture without words; two or more work."""
    TOO_LONG = auto()
    """It has `number` characters; `limit` are allowed."""
    REPEAT = auto()
    """`--repeat` makes several jobs, and one is allowed."""
    PERMUTATIONS = auto()
    """`{…, …}` makes several jobs, and one is allowed."""
    TOO_MANY_JOBS = auto()
    """It makes `number` jobs; `limit` are allowed."""
    NOT_ALLOWED = auto()
    """Parameter `name` is restricted, and the server does not allow it."""
    TWO_VERSIONS = auto()
    """It has both `--v` and `--niji`."""
    WEIGHT = auto()
    """Parameter `name` is a weight of `other`, which is missing: the name of a parameter, or `PICTURE`."""


class PromptStop(msgspec.Struct, frozen=True, kw_only=True):
    """The reason why a prompt is not sent: it makes more jobs than allowed, or cannot work. Names are without `--`."""

    kind: StopKind
    name: str | None = None
    other: str | None = None
    number: int = 0
    limit: int = 0


class CheckedPrompt(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a check: the final `prompt`, with the options, and what it costs.

    `jobs` is the number of jobs it makes, `tier` the cost of each, higher too if there are several. `costly` holds the
    parameters, without `--`, that make a job cost more, with their value if it decides that. It is sent only if `stop`
    is `None`.
    """

    prompt: str
    tier: CostTier
    costly: frozenset[str] = frozenset()
    jobs: int = 1
    hints: tuple[PromptHint, ...] = ()
    stop: PromptStop | None = None


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """A preset of a server: `suffix` holds the words and parameters that it adds to a prompt. `id`: its row id."""

    id: int
    name: str
    suffix: str

    def is_called(self, name: str) -> bool:
        """Whether this is its name, in any case."""
        return self.name.casefold() == name.strip().casefold()


class PresetProblem(Enum):
    """Why a preset cannot be saved."""

    TOO_MANY = auto()
    NAME_TAKEN = auto()
    DELETED = auto()
    """It was deleted meanwhile."""
    NAME_TOO_LONG = auto()
    NAME_WITHOUT_LETTERS = auto()
    SUFFIX_EMPTY = auto()
    SUFFIX_TOO_LONG = auto()
    NAMES_PAYER = auto()
    """It has an address that names the account's owner."""


class WordListProblem(Enum):
    """Why a word list cannot be saved."""

    TOO_MANY = auto()
    TOO_LONG = auto()
    NO_LETTERS = auto()
    """An entry of signs alone, which would never be found."""


class WordList(msgspec.Struct, frozen=True, kw_only=True):
    """A word list as it was read: its entries, or the first problem with the entry that has it."""

    words: tuple[str, ...] = ()
    problem: WordListProblem | None = None
    entry: str | None = None


def words_digest(words: tuple[str, ...]) -> str:
    """A digest of a word list, 16 hexadecimal digits, by which a form knows the list that it was opened with."""
    return hashlib.sha256(msgspec.json.encode(words)).hexdigest()[:16]

"""What a person sees of a job: values in, embeds, text and button layout out; every Discord limit is kept here.

`text` makes strangers' words safe, `words` says what a job is, `progress` how it stands; from these `lines` makes
texts, `embeds` and `kin` make embeds, `told` answers pressers, and `layout` places the buttons. Nothing here
reads a clock or does I/O.
"""

from bot.cards.embeds import Link, account_answer, card, result
from bot.cards.kin import FAMILY_LIMIT, Kin, family
from bot.cards.layout import Face, rows
from bot.cards.lines import alt_text, choice, file_name, finished_card, link, linkable, mentions, outcome, why
from bot.cards.progress import bar, duration
from bot.cards.told import declined, ended, looked_for, under_way, used, waits
from bot.cards.words import label, prompt, title
from bot.text import clean, plain

__all__ = [
    "FAMILY_LIMIT",
    "Face",
    "Kin",
    "Link",
    "account_answer",
    "alt_text",
    "bar",
    "card",
    "choice",
    "clean",
    "declined",
    "duration",
    "ended",
    "family",
    "file_name",
    "finished_card",
    "label",
    "link",
    "linkable",
    "looked_for",
    "mentions",
    "outcome",
    "plain",
    "prompt",
    "result",
    "rows",
    "title",
    "under_way",
    "used",
    "waits",
    "why",
]

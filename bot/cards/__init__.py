"""What a person sees of a job: values in, embeds, text and button layout out; every Discord limit is kept here.

`text` makes strangers' words safe, `words` says what a job is, `progress` how it stands; from these `lines` makes
texts, `embeds` makes embeds, and `layout` places the buttons. Nothing here reads a clock or does I/O.
"""

from bot.cards.embeds import Link, account_answer, card, result
from bot.cards.layout import Face, rows
from bot.cards.lines import alt_text, choice, file_name, finished_card, mentions, why
from bot.cards.progress import bar, duration
from bot.cards.text import plain
from bot.cards.words import label, prompt, title

__all__ = [
    "Face",
    "Link",
    "account_answer",
    "alt_text",
    "bar",
    "card",
    "choice",
    "duration",
    "file_name",
    "finished_card",
    "label",
    "mentions",
    "plain",
    "prompt",
    "result",
    "rows",
    "title",
    "why",
]

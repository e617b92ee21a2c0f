"""What a person sees of a job: values in, embeds, text and button layout out; every Discord limit is kept here.

`text` makes strangers' words safe, `words` says what a job is, `progress` how it stands; from these `lines` makes
texts, `embeds` and `kin` make embeds, `told` answers pressers, and `layout` places the buttons. Nothing here
reads a clock or does I/O.
"""

from bot.formatting.button_layout import ButtonFace, button_rows
from bot.formatting.captions import alt_text, choice, file_name, finished_card, link, linkable, mentions, outcome, why
from bot.formatting.embeds import Link, account_answer, card, result
from bot.formatting.family import FAMILY_LIMIT, FamilyLine, family
from bot.formatting.labels import label, prompt, title
from bot.formatting.status_text import bar, duration
from bot.formatting.submission_texts import declined, ended, looked_for, under_way, used, waits
from bot.text import clean, plain

__all__ = [
    "FAMILY_LIMIT",
    "ButtonFace",
    "FamilyLine",
    "Link",
    "account_answer",
    "alt_text",
    "bar",
    "button_rows",
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
    "title",
    "under_way",
    "used",
    "waits",
    "why",
]

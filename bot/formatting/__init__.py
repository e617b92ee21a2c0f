"""Turns values into what Discord shows: embeds, texts, file names and button rows, each within Discord's limits.

`labels` names a job, `status_text` describes its state; from these `captions` builds texts, `embeds` and `family` build
embeds. `submission_texts` holds the sentences about a submission, `prompt_texts` those about a prompt, `preset_texts`
those about presets and word lists, `member_texts` those about members, `button_layout` the rows of buttons, and
`descriptions` reads the prompts of a described picture. Everything is a pure function: no clock, no I/O.
"""

from bot.formatting.button_layout import ROW_LIMIT, ButtonFace, button_rows
from bot.formatting.captions import (
    Link,
    alt_text,
    choice,
    decline_reason,
    file_name,
    finished_line,
    found,
    has_decline_reason,
    link,
    linkable,
    mentions,
    outcome,
    summary,
)
from bot.formatting.descriptions import described_prompts, keycap
from bot.formatting.embeds import account_answer, result, status_card
from bot.formatting.family import FAMILY_LIMIT, FamilyLine, family
from bot.formatting.labels import is_video, label, prompt, title
from bot.formatting.member_texts import (
    audit_line,
    left_today,
    member_numbers,
    member_standing,
    running_jobs,
    shut_out,
)
from bot.formatting.preset_texts import (
    PRESET_COSTLY,
    PRESET_GONE,
    WORDS_CHANGED,
    no_such_preset,
    preset_deleted,
    preset_forbidden,
    preset_problem,
    preset_saved,
    preset_stopped,
    presets_offered,
    word_list_problem,
    words_forbidden,
    words_saved,
)
from bot.formatting.prompt_texts import forbidden, prompt_hint, prompt_stop, several_jobs
from bot.formatting.status_text import bar, duration, state
from bot.formatting.submission_texts import (
    accepted,
    command,
    declined,
    ended,
    is_taken,
    notice,
    queued,
    repeated,
    running_limit,
    taken,
    unconfirmed,
)
from bot.text import clean, plain

__all__ = [
    "FAMILY_LIMIT",
    "PRESET_COSTLY",
    "PRESET_GONE",
    "ROW_LIMIT",
    "WORDS_CHANGED",
    "ButtonFace",
    "FamilyLine",
    "Link",
    "accepted",
    "account_answer",
    "alt_text",
    "audit_line",
    "bar",
    "button_rows",
    "choice",
    "clean",
    "command",
    "decline_reason",
    "declined",
    "described_prompts",
    "duration",
    "ended",
    "family",
    "file_name",
    "finished_line",
    "forbidden",
    "found",
    "has_decline_reason",
    "is_taken",
    "is_video",
    "keycap",
    "label",
    "left_today",
    "link",
    "linkable",
    "member_numbers",
    "member_standing",
    "mentions",
    "no_such_preset",
    "notice",
    "outcome",
    "plain",
    "preset_deleted",
    "preset_forbidden",
    "preset_problem",
    "preset_saved",
    "preset_stopped",
    "presets_offered",
    "prompt",
    "prompt_hint",
    "prompt_stop",
    "queued",
    "repeated",
    "result",
    "running_jobs",
    "running_limit",
    "several_jobs",
    "shut_out",
    "state",
    "status_card",
    "summary",
    "taken",
    "title",
    "unconfirmed",
    "word_list_problem",
    "words_forbidden",
    "words_saved",
]

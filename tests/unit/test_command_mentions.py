"""Commands in a text become mentions where their ids are known, and nothing else changes."""

from bot.ui.command_mentions import replace_commands
from tests.table import table

MENTIONS = {"jobs": "</jobs:7>", "darkroom settings": "</darkroom settings:8>"}


@table(
    ("text", "replaced"),
    [
        ("Cancel it in `/jobs`.", "Cancel it in </jobs:7>."),
        ("`/jobs` or `/darkroom settings`", "</jobs:7> or </darkroom settings:8>"),
        ("`/darkroom` and `/job` are not known", "`/darkroom` and `/job` are not known"),
        ("`/jobs #4K7Q` has an argument", "`/jobs #4K7Q` has an argument"),
        ("/jobs is not in code style", "/jobs is not in code style"),
        ("\\`/jobs\\` was escaped, a member wrote it", "\\`/jobs\\` was escaped, a member wrote it"),
    ],
)
def test_only_a_known_command_in_code_style_becomes_a_mention(text: str, replaced: str) -> None:
    assert replace_commands(text, MENTIONS) == replaced
    assert replace_commands(text, {}) == text


def test_a_text_that_would_no_longer_fit_into_a_message_stays_as_it_is() -> None:
    text = "x" * 1993 + "`/jobs`"
    assert replace_commands(text, MENTIONS) == text

"""The sentences about stars."""

from bot import formatting
from tests.table import table

JUMP = "https://discord.com/channels/1/2/3"


@table(
    ("answer", "sentence"),
    [
        (formatting.starred(1, 3, 7), "Starred. This picture has 1 star. With 3 stars I post it in <#7>."),
        (formatting.starred(3, 3, 7, on_its_way=True), "Starred. This picture has 3 stars. I'll post it in <#7>."),
        (
            formatting.starred(4, 3, 7, url=JUMP),
            f"Starred. This picture has 4 stars. It's [on the starboard]({JUMP}).",
        ),
        (formatting.starred(4, 3, 7), "Starred. This picture has 4 stars."),
        (
            formatting.starred(4, 3, 7, removed=True),
            "Starred. This picture has 4 stars. It was removed from the starboard, so it isn't posted there again.",
        ),
        (formatting.star_removed(0), "Star removed. This picture has no stars."),
        (formatting.star_count(12), "⭐ **12**"),
    ],
)
def test_an_answer_says_how_many_stars_there_are_and_what_follows(answer: str, sentence: str) -> None:
    assert answer == sentence


def test_each_reason_to_refuse_a_picture_has_its_own_sentence() -> None:
    sentences = {formatting.starboard_obstacle(each, 7) for each in formatting.StarboardObstacle}
    assert len(sentences) == len(formatting.StarboardObstacle)

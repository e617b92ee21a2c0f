"""What a person reads when Discord refuses something: one sentence for each 4xx, unless the request was our bug."""

import re

from bot.discord_codes import INTERACTION_EXPIRED, DiscordCode
from bot.ui.refusals import sentence_for
from tests.table import table

MALFORMED = {
    DiscordCode.INVALID_FORM_BODY,
    DiscordCode.EMPTY_MESSAGE,
    DiscordCode.INVALID_JSON,
    DiscordCode.INVALID_API_VERSION,
}


@table(
    ("status", "code", "beginning"),
    [
        (404, 10003, "That channel was deleted, or is hidden from me."),
        (404, 10008, "That message was already deleted."),
        (404, 10011, "That role was deleted."),
        (404, 10014, "That no longer exists on Discord (code 10014)."),
        (404, 0, "That no longer exists on Discord (HTTP 404)."),
        (403, 50013, "Discord doesn't let me do that: I lack a permission."),
        (403, 50001, "I can't access that channel."),
        (403, 0, "Discord doesn't let me do that: I lack a permission."),
        (403, 160002, "I can't reply here, because I lack Read Message History."),
        (403, 50005, "Another account posted that message"),
        (400, 50083, "This thread is archived."),
        (400, 160005, "This thread is locked."),
        (400, 40058, "I can't post directly in a forum."),
        (400, 50024, "Discord doesn't allow that in this kind of channel."),
        (400, 200000, "This server's AutoMod blocked my message."),
        (400, 240000, "Discord blocked my message because of a link in it."),
        (413, 40005, "Discord doesn't accept a file that large here."),
        (400, 40005, "Discord doesn't accept a file that large here."),
        (413, 0, "Discord doesn't accept a file that large here."),
        (429, 30046, "Discord limits edits of messages older than an hour."),
        (429, 0, "That was too fast for Discord."),
        (429, 20028, "That was too fast for Discord."),
        (400, 30007, "A limit of Discord's is reached (code 30007)."),
        (400, 30033, "A limit of Discord's is reached (code 30033)."),
        (400, 160006, "This server has too many active threads."),
        (401, 0, "Discord no longer accepts this bot's token."),
        (401, 50014, "Discord no longer accepts this bot's token."),
        (403, 40333, "Discord is blocking this bot for the moment."),
        (403, 400001, "Discord has limited file uploads in this server."),
        (400, 777, "Discord refused that (code 777)."),
        (403, 50007, "Discord refused that (code 50007)."),
        (418, 0, "Discord refused that (HTTP 418)."),
    ],
)
def test_a_refusal_says_what_is_missing_deleted_or_reached(status: int, code: int, beginning: str) -> None:
    assert (sentence_for(status, code) or "").startswith(beginning)


@table(("status", "code"), [(403, 50013), (403, 50001), (403, 0)])
def test_missing_permissions_are_named_where_they_are_known(status: int, code: int) -> None:
    assert sentence_for(status, code, ["View Channel", "Attach Files"]) == (
        "Discord doesn't let me do that here, because I lack View Channel and Attach Files. "
        "Someone who manages this channel can change that under Edit Channel, Permissions."
    )


def test_missing_permissions_are_not_blamed_for_other_refusals() -> None:
    for status, code in ((404, 10008), (400, 50083), (429, 0), (413, 40005), (403, 50007), (403, 160002)):
        assert "Attach Files" not in str(sentence_for(status, code, ["Attach Files"]))


@table("status", range(400, 500))
def test_every_4xx_has_a_sentence_with_or_without_a_known_code(status: int) -> None:
    for code in (0, 1, 99999, *set(DiscordCode) - MALFORMED):
        sentence = sentence_for(status, code)
        assert sentence is not None
        assert re.fullmatch(r"[A-Z].*\. .*[A-Z`].*\.", sentence), "what happened, and what to do next"
        assert len(sentence) <= 200


@table("code", sorted(set(DiscordCode) - MALFORMED - INTERACTION_EXPIRED - {0}))
def test_every_named_code_has_its_own_sentence(code: DiscordCode) -> None:
    assert str(int(code)) not in str(sentence_for(400, code))


@table(("status", "code"), [*((400, code) for code in sorted(MALFORMED)), (500, 0), (503, 50013)])
def test_a_malformed_request_is_our_bug_and_a_5xx_no_refusal(status: int, code: int) -> None:
    assert sentence_for(status, code) is None

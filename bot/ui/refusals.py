"""The sentence for each refusal (HTTP 4xx) of Discord: what is missing, gone or reached, and what to do next. Pure.

The codes, with a link to their documentation, are in `bot.discord_codes`.
"""

from collections.abc import Mapping, Sequence

from bot.discord_codes import DiscordCode
from bot.ui.permissions import listed

EDIT_PERMISSIONS = "Someone who manages this channel can change that under Edit Channel, Permissions."
_TOO_FAST = "That was too fast for Discord. Please try again in a minute."
_TOO_LARGE = "Discord doesn't accept a file that large here. Please try a smaller one."
_TURNED_OFF = "Discord has turned that off for the moment. Please try again later."
_ADDRESS_BLOCKED = "Discord is blocking this bot for the moment. Please try again in an hour."
_NOT_LOGGED_IN = "Discord no longer accepts this bot's token. Please ask this server's admin to check DISCORD_TOKEN."
_AUTOMOD = (
    "This server's AutoMod blocked my message. Someone with Manage Server can add an exception under Server Settings, "
    "AutoMod."
)
_MEMBER_GONE = "That member is no longer in this server. Please choose someone else."
_WRONG_CHANNEL = "Discord doesn't allow that in this kind of channel. Please try again in a text channel or a thread."

_MALFORMED = frozenset(
    {
        DiscordCode.INVALID_FORM_BODY,
        DiscordCode.EMPTY_MESSAGE,
        DiscordCode.INVALID_JSON,
        DiscordCode.INVALID_API_VERSION,
    }
)
"""Codes of malformed requests, which are bugs of this bot."""

_BY_CODE: Mapping[int, str] = {
    # What is gone.
    DiscordCode.UNKNOWN_CHANNEL: (
        "That channel was deleted, or is hidden from me. Please try again in a channel that I can see."
    ),
    DiscordCode.UNKNOWN_GUILD: "I'm no longer in that server. Someone with Manage Server can invite me again.",
    DiscordCode.UNKNOWN_MESSAGE: "That message was already deleted. `/job` shows the job again.",
    DiscordCode.UNKNOWN_ROLE: (
        "That role was deleted. Someone with Manage Server can choose another one in `/darkroom settings`."
    ),
    DiscordCode.UNKNOWN_MEMBER: _MEMBER_GONE,
    DiscordCode.UNKNOWN_USER: _MEMBER_GONE,
    # What is not allowed.
    DiscordCode.MISSING_ACCESS: (
        "I can't access that channel. Someone who manages it can give me View Channel under Edit Channel, Permissions."
    ),
    DiscordCode.MISSING_PERMISSIONS: (
        "Discord doesn't let me do that: I lack a permission. Someone who manages this channel can check mine under "
        "Edit Channel, Permissions."
    ),
    DiscordCode.REPLY_NEEDS_HISTORY: f"I can't reply here, because I lack Read Message History. {EDIT_PERMISSIONS}",
    DiscordCode.NOT_THE_AUTHOR: (
        "Another account posted that message, so I can't change it. A moderator can delete it by hand."
    ),
    DiscordCode.THREAD_ARCHIVED: "This thread is archived. Send a message in it to reopen it, then try again.",
    DiscordCode.THREAD_LOCKED: "This thread is locked. Someone with Manage Threads can unlock it.",
    DiscordCode.FORUM_CHANNEL: "I can't post directly in a forum. Please try again inside one of its posts.",
    DiscordCode.NOT_A_TEXT_CHANNEL: _WRONG_CHANNEL,
    DiscordCode.WRONG_CHANNEL_TYPE: _WRONG_CHANNEL,
    DiscordCode.AUTOMOD_MESSAGE: _AUTOMOD,
    DiscordCode.AUTOMOD_TITLE: _AUTOMOD,
    DiscordCode.HARMFUL_LINK: "Discord blocked my message because of a link in it. Please try again without the link.",
    DiscordCode.UNAUTHORIZED: _NOT_LOGGED_IN,
    DiscordCode.INVALID_TOKEN: _NOT_LOGGED_IN,
    # Which limit is met.
    DiscordCode.REQUEST_TOO_LARGE: _TOO_LARGE,
    DiscordCode.FILE_TOO_LARGE: _TOO_LARGE,
    DiscordCode.EXPLICIT_CONTENT: (
        "Discord's filter for explicit content blocked that picture. Please try an age-restricted channel."
    ),
    DiscordCode.INVALID_FILE: "Discord did not accept that file. Please try another one.",
    DiscordCode.OLD_MESSAGE_EDIT_LIMIT: (
        "Discord limits edits of messages older than an hour. Please try again in a few minutes."
    ),
    DiscordCode.SLOWMODE: _TOO_FAST,
    DiscordCode.ANNOUNCEMENT_EDIT_LIMIT: _TOO_FAST,
    DiscordCode.CHANNEL_WRITE_LIMIT: _TOO_FAST,
    DiscordCode.GUILD_WRITE_LIMIT: _TOO_FAST,
    DiscordCode.RESOURCE_RATE_LIMITED: _TOO_FAST,
    DiscordCode.ACTIVE_THREADS_LIMIT: "This server has too many active threads. Please archive one, then try again.",
    DiscordCode.ACTIVE_ANNOUNCEMENT_THREADS_LIMIT: (
        "This server has too many active announcement threads. Please archive one, then try again."
    ),
    # What Discord itself has switched off.
    DiscordCode.SENDING_DISABLED: _TURNED_OFF,
    DiscordCode.FEATURE_DISABLED: _TURNED_OFF,
    DiscordCode.API_OVERLOADED: "Discord is overloaded just now. Please try again in a few minutes.",
    DiscordCode.CLOUDFLARE_BLOCK: _ADDRESS_BLOCKED,
    DiscordCode.UPLOADS_LIMITED: (
        "Discord has limited file uploads in this server. Someone who owns or manages it can ask Discord why."
    ),
}
_BY_STATUS: Mapping[int, str] = {
    401: _NOT_LOGGED_IN,
    413: _TOO_LARGE,
    429: _TOO_FAST,
}
_LIMITS = range(30000, 31000)  # "Maximum number of … reached"
_UNKNOWN = range(10000, 11000)  # "Unknown …": what the request names does not exist


def sentence_for(status: int, code: int, missing: Sequence[str] = ()) -> str | None:
    """The sentence for a 4xx of Discord, by HTTP status and JSON error code (0: none was given).

    `None`: the request itself was malformed, which is a bug of this bot; or it is no 4xx.
    """
    if not 400 <= status < 500 or code in _MALFORMED:
        return None
    if missing and (
        code in {DiscordCode.MISSING_PERMISSIONS, DiscordCode.MISSING_ACCESS}
        or (status, code) == (403, DiscordCode.GENERAL_ERROR)
    ):
        return f"Discord doesn't let me do that here, because I lack {listed(missing)}. {EDIT_PERMISSIONS}"
    if sentence := _BY_CODE.get(code) or _BY_STATUS.get(status):
        return sentence
    number = f"code {code}" if code else f"HTTP {status}"
    if code in _LIMITS:
        return f"A limit of Discord's is reached ({number}). Please try again later, or ask this server's admin."
    if code in _UNKNOWN or status == 404:
        return f"That no longer exists on Discord ({number}). Please run the command again."
    if (status, code) == (403, DiscordCode.GENERAL_ERROR):
        return _BY_CODE[DiscordCode.MISSING_PERMISSIONS]
    return f"Discord refused that ({number}). If it happens again, please tell this server's admin."

"""Discord's error codes, by name: those that this bot acts on or has a sentence for.

Error codes stand in the JSON body of a refused REST request:
https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
Close codes end a gateway connection:
https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes
"""

from collections.abc import Mapping
from enum import Enum, IntEnum
from typing import Final


class DiscordCode(IntEnum):
    """A JSON error code; compare it with `discord.HTTPException.code`, which is 0 where the body is not JSON."""

    GENERAL_ERROR = 0
    UNKNOWN_CHANNEL = 10003
    UNKNOWN_GUILD = 10004
    UNKNOWN_MEMBER = 10007
    UNKNOWN_MESSAGE = 10008
    """Also the answer to a send whose nonce is known: the message was posted, then deleted."""
    UNKNOWN_ROLE = 10011
    UNKNOWN_USER = 10013
    UNKNOWN_WEBHOOK = 10015
    """Also the answer to a follow-up whose interaction token has expired."""
    UNKNOWN_INTERACTION = 10062
    EXPLICIT_CONTENT = 20009
    SLOWMODE = 20016
    ANNOUNCEMENT_EDIT_LIMIT = 20022
    CHANNEL_WRITE_LIMIT = 20028
    GUILD_WRITE_LIMIT = 20029
    OLD_MESSAGE_EDIT_LIMIT = 30046
    """Too many edits of messages older than an hour: a 429 that concerns one message only."""
    UNAUTHORIZED = 40001
    SENDING_DISABLED = 40004
    REQUEST_TOO_LARGE = 40005
    FEATURE_DISABLED = 40006
    FORUM_CHANNEL = 40058
    ALREADY_ACKNOWLEDGED = 40060
    RESOURCE_RATE_LIMITED = 40062
    CLOUDFLARE_BLOCK = 40333
    MISSING_ACCESS = 50001
    NOT_THE_AUTHOR = 50005
    EMPTY_MESSAGE = 50006
    NOT_A_TEXT_CHANNEL = 50008
    MISSING_PERMISSIONS = 50013
    INVALID_TOKEN = 50014
    WRONG_CHANNEL_TYPE = 50024
    INVALID_WEBHOOK_TOKEN = 50027
    """Also the answer to an interaction token that has expired."""
    INVALID_FORM_BODY = 50035
    INVALID_API_VERSION = 50041
    FILE_TOO_LARGE = 50045
    INVALID_FILE = 50046
    THREAD_ARCHIVED = 50083
    INVALID_JSON = 50109
    API_OVERLOADED = 130000
    REPLY_NEEDS_HISTORY = 160002
    THREAD_LOCKED = 160005
    ACTIVE_THREADS_LIMIT = 160006
    ACTIVE_ANNOUNCEMENT_THREADS_LIMIT = 160007
    AUTOMOD_MESSAGE = 200000
    AUTOMOD_TITLE = 200001
    HARMFUL_LINK = 240000
    UPLOADS_LIMITED = 400001


class CloseCode(IntEnum):
    """A gateway close code after which a reconnect cannot succeed."""

    AUTHENTICATION_FAILED = 4004
    DISALLOWED_INTENTS = 4014


INTERACTION_NOT_ACKNOWLEDGED: Final = frozenset({DiscordCode.UNKNOWN_INTERACTION, DiscordCode.ALREADY_ACKNOWLEDGED})
"""The first answer came after 3 s, or the interaction was delivered twice and the other delivery was answered."""

INTERACTION_EXPIRED: Final = frozenset(
    {
        DiscordCode.UNKNOWN_INTERACTION,
        DiscordCode.UNKNOWN_WEBHOOK,
        DiscordCode.INVALID_WEBHOOK_TOKEN,
        DiscordCode.ALREADY_ACKNOWLEDGED,
    }
)
"""The interaction takes no answer any more: it is unknown, older than 15 minutes, or was answered already."""

PRIVATE_ANSWER_GONE: Final = frozenset(
    {
        DiscordCode.UNKNOWN_MESSAGE,
        DiscordCode.UNKNOWN_WEBHOOK,
        DiscordCode.UNKNOWN_INTERACTION,
        DiscordCode.INVALID_WEBHOOK_TOKEN,
    }
)
"""A private answer cannot be edited any more: it was dismissed, or its interaction token has expired."""

TIMED_OUT: Final = ", timed out"
"""The end of `Delivery.error` where a moderator has timed the bot out: Discord has no code for that."""

POST_GONE: Final = frozenset({DiscordCode.UNKNOWN_MESSAGE, DiscordCode.UNKNOWN_CHANNEL})
"""A posted message was deleted, or its channel was."""


class RefusalKind(Enum):
    """What Discord refused with a send or an edit: that decides what may still be posted, not the HTTP status."""

    FILE = "the attached file"
    WORDS = "the text: a filter of the server or of Discord blocked it"
    PERMISSION = "something that needs a permission: the file, the embed, or any message here"
    REPLY = "the reply to another message"
    CONTENT = "the message as a whole: it is malformed"
    CLOSED_FOR_NOW = "messages in this channel, until a limit is over or a thread is opened"
    CHANNEL = "messages in this channel: it is gone, or the bot may not see it"
    HOST = "every request of this bot, or of this address: the token, Cloudflare, an outage"
    UNKNOWN = "unknown"


REFUSALS: Final[Mapping[int, RefusalKind]] = {
    DiscordCode.EXPLICIT_CONTENT: RefusalKind.FILE,
    DiscordCode.REQUEST_TOO_LARGE: RefusalKind.FILE,
    DiscordCode.FILE_TOO_LARGE: RefusalKind.FILE,
    DiscordCode.INVALID_FILE: RefusalKind.FILE,
    DiscordCode.UPLOADS_LIMITED: RefusalKind.FILE,
    DiscordCode.AUTOMOD_MESSAGE: RefusalKind.WORDS,  # https://discord.com/developers/docs/resources/auto-moderation
    DiscordCode.AUTOMOD_TITLE: RefusalKind.WORDS,
    DiscordCode.HARMFUL_LINK: RefusalKind.WORDS,
    DiscordCode.MISSING_PERMISSIONS: RefusalKind.PERMISSION,
    DiscordCode.REPLY_NEEDS_HISTORY: RefusalKind.REPLY,
    DiscordCode.EMPTY_MESSAGE: RefusalKind.CONTENT,
    DiscordCode.INVALID_FORM_BODY: RefusalKind.CONTENT,
    DiscordCode.INVALID_JSON: RefusalKind.CONTENT,
    DiscordCode.SLOWMODE: RefusalKind.CLOSED_FOR_NOW,
    DiscordCode.ANNOUNCEMENT_EDIT_LIMIT: RefusalKind.CLOSED_FOR_NOW,
    DiscordCode.CHANNEL_WRITE_LIMIT: RefusalKind.CLOSED_FOR_NOW,
    DiscordCode.GUILD_WRITE_LIMIT: RefusalKind.CLOSED_FOR_NOW,
    DiscordCode.OLD_MESSAGE_EDIT_LIMIT: RefusalKind.CLOSED_FOR_NOW,
    DiscordCode.SENDING_DISABLED: RefusalKind.CLOSED_FOR_NOW,
    DiscordCode.RESOURCE_RATE_LIMITED: RefusalKind.CLOSED_FOR_NOW,
    DiscordCode.API_OVERLOADED: RefusalKind.CLOSED_FOR_NOW,
    # A bot's message opens an archived thread, where the server has room for one more active thread and it is not
    # locked: https://discord.com/developers/docs/topics/threads#active-archived-threads
    DiscordCode.THREAD_ARCHIVED: RefusalKind.CLOSED_FOR_NOW,
    DiscordCode.THREAD_LOCKED: RefusalKind.CLOSED_FOR_NOW,
    DiscordCode.ACTIVE_THREADS_LIMIT: RefusalKind.CLOSED_FOR_NOW,
    DiscordCode.ACTIVE_ANNOUNCEMENT_THREADS_LIMIT: RefusalKind.CLOSED_FOR_NOW,
    DiscordCode.UNKNOWN_CHANNEL: RefusalKind.CHANNEL,
    DiscordCode.UNKNOWN_GUILD: RefusalKind.CHANNEL,
    DiscordCode.MISSING_ACCESS: RefusalKind.CHANNEL,
    DiscordCode.UNAUTHORIZED: RefusalKind.HOST,
    DiscordCode.INVALID_TOKEN: RefusalKind.HOST,
    DiscordCode.CLOUDFLARE_BLOCK: RefusalKind.HOST,
}
"""What each code says about a message, see the page of codes above; a code that is not listed is `UNKNOWN`."""


def refusal_kind(status: int, code: int, *, from_discord: bool = True) -> RefusalKind:
    """What a 4xx answer to a send or an edit refuses.

    `code` is 0 where the body is no JSON; `from_discord` is false where it is not, as Cloudflare's pages and what a
    proxy answers (https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-1xxx-errors/).
    """
    if kind := REFUSALS.get(code):
        return kind
    if status == 413:  # also a proxy's answer
        return RefusalKind.FILE
    if status in {401, 429} or not from_discord:
        return RefusalKind.HOST
    return RefusalKind.CHANNEL if status == 404 else RefusalKind.UNKNOWN

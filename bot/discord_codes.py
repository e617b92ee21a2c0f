"""Discord's error codes, by name: those that this bot acts on or has a sentence for.

Error codes stand in the JSON body of a refused REST request:
https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
Close codes end a gateway connection:
https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes
"""

from enum import IntEnum
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

POST_GONE: Final = frozenset({DiscordCode.UNKNOWN_MESSAGE, DiscordCode.UNKNOWN_CHANNEL})
"""A posted message was deleted, or its channel was."""

CHANNEL_UNAVAILABLE: Final = frozenset(
    {
        DiscordCode.UNKNOWN_CHANNEL,
        DiscordCode.UNKNOWN_GUILD,
        DiscordCode.MISSING_ACCESS,
        DiscordCode.THREAD_ARCHIVED,
        DiscordCode.THREAD_LOCKED,
    }
)
"""Nothing can be posted in the channel for now."""

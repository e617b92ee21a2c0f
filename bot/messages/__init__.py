"""What a delivery says: puts card or result, picture, buttons, mentions and reply together, whole or degraded.

`builder` decides what a message holds. `attachments` makes pictures ready, which `picture_sources` fetches; `spoilers`
knows where they are hidden, `pings` whom a message calls, `lineage` where it belongs, `notices` has the words for
presses that came to nothing.
"""

from bot.messages.builder import MessageBuilder
from bot.messages.message import PICTURE_FOR, File, Message

__all__ = ["PICTURE_FOR", "File", "Message", "MessageBuilder"]

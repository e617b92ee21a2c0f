"""Builds the message of a delivery: embed, picture, buttons, mentions and reply, reduced as far as its fallback says.

`builder` puts it together. `picture_sources` fetches the pictures that `attachments` fits into Discord's limits;
`spoilers` decides whether they are hidden, `mentions` who is pinged, `references` which posts are linked and replied
to.
"""

from bot.messages.builder import MessageBuilder
from bot.messages.message import PICTURE_RETRY_SECONDS, File, Message, Omissions

__all__ = ["PICTURE_RETRY_SECONDS", "File", "Message", "MessageBuilder", "Omissions"]

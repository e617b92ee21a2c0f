"""Outbox to Discord: posts every delivery exactly once and keeps posts up to date. Only this package sends nonces.

The protocol for one message, and which way a crash falls:

    claim     the row says SENDING            crash before: nothing was sent, the row is sent later
    send      Discord stores the message      crash before: the history lacks the message, the row is sent again
    mark      the row says POSTED             crash before: the history, or the nonce, finds the message

So a row that says SENDING when it is due may have been sent. Two layers answer that, each covering the other's gap: a
search of the channel's history for the delivery's own nonce, which its buttons carry; then sending with the same nonce
again, which Discord answers with the first message for "a few minutes".

Edits, and the deletion of a status card once its result is posted, are repeated until the row says that they are done:
a second time changes nothing at Discord.

`dispatcher` is the loop, `sending` the protocol, `history` the search, and `editing` what happens to posts; `uploads`
has the time and size limits of files, `rate_limits` Discord's own limits, `answer_slots` how many answers to
interactions may be under way, `omitted` what Discord refused of each message, and `repeated_failures` finds
messages that fail although others are posted. `retry_policy` decides what an error or a refusal means for a delivery.
"""

from bot.delivery.dispatcher import Dispatcher

__all__ = ["Dispatcher"]

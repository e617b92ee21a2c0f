"""Outbox to Discord: posts every delivery exactly once and keeps what stands true. Alone sends nonces.

The protocol for one message, and which way a crash falls:

    claim     the row says SENDING            crash before: nothing was sent, the row is sent later
    send      Discord stores the message      crash before: the look finds nothing, the row is sent again
    mark      the row says POSTED             crash before: the look, or the nonce, finds the message

So a row that says SENDING when it is taken up may have been sent. Two layers answer that, each covering the other's
gap: a look into the channel's history for the delivery's own nonce, which its buttons carry; then sending with the
same nonce again, which Discord answers with the first message for "a few minutes".

`dispatcher` is the loop, `posting` the protocol, `history` the look, and `edits` what happens to posts that stand;
`uploads` knows how files travel, and `retry_policy` what an answer of Discord's means for a delivery.
"""

from bot.delivery.dispatcher import Dispatcher

__all__ = ["Dispatcher"]

"""A delivery: the duty to post one message exactly once.

Transitions of `Delivery.state`; (new) is a row that does not exist yet. Every change is one transaction, and guarded by
the present state: an event that finds another state changes nothing. Only `mark_posted` has no guard, because it
records what Discord said. Methods are those of the store's outbox.

    from             event                                               to             method and caller
    ---------------  --------------------------------------------------  -------------  --------------------------------
    (new)            job over, result asked for, card, notice, split,    WAITING        store, in the same transaction
                     or the star with which a picture has enough
    WAITING          about to be sent                                    SENDING        `claim`, delivery.sending
    SENDING          about to be sent again                              SENDING        `claim`, delivery.sending
    WAITING          failed before the claim                             WAITING        `retry_later`, dispatcher
    SENDING          no answer: the message may exist                    SENDING        `retry_later`, dispatcher
    SENDING          its first and only request was refused              WAITING        `retry_later`, dispatcher
    SENDING          Discord answered with the message                   POSTED         `mark_posted`, delivery.sending
    SENDING          the message was found in the channel's history      POSTED         `mark_posted`, delivery.sending
    SENDING          a member pressed a button of the message            POSTED         `mark_posted`, ui.posts
    UNDELIVERABLE    the same, to remove it from the starboard           POSTED         `mark_posted`, ui.posts.star
    DROPPED          the same, if its `message_id` is not known          POSTED         `mark_posted`, ui.posts.star
    SENDING          10008 twice: it was posted, then deleted            POSTED         `mark_posted`, no `message_id`
    SENDING          the same, of a card                                 DROPPED        `mark_posted`
    WAITING          an earlier database's post was found (restore)      POSTED         `mark_posted`, delivery.sending
    WAITING,SENDING  refused for good, or its channel is gone            UNDELIVERABLE  `give_up`, delivery.dispatcher
    UNDELIVERABLE    an admin or a member asks for it again              SENDING        `rearm`: an old send may exist
    DROPPED          one more star, if it has no `message_id`            SENDING        `rearm`: an old send may exist
    UNDELIVERABLE    its last subscriber has it posted elsewhere         DROPPED        store, with the new row
    POSTED           edited, or nothing to edit                          POSTED         `mark_edited`, delivery.editing
    POSTED           an edit failed                                      POSTED         `retry_later`, dispatcher
    POSTED           a card's last edit, nobody is subscribed any more   DROPPED        `retire`, delivery.editing
    POSTED           a card was deleted, because its result is posted    DROPPED        `drop`, delivery.editing
    WAITING,SENDING  all posts with the starred picture were deleted     DROPPED        `drop`, delivery.sending
    WAITING          a card whose job is over                            DROPPED        store, with the job's end
    SENDING          the same, and it is not in the channel's history    DROPPED        `drop`, delivery.sending
    any              not needed any more, or deleted by a member         DROPPED        `drop`, delivery.* and ui
    any but POSTED   the job's end turned out not to be its end: not of  DROPPED        store, with the job's update
                     a card, which is edited again
    WAITING,SENDING  the database was restored from a copy               SENDING        store.restore
    WAITING,SENDING  the same, of a card                                 DROPPED        store.restore

A starboard post that was DROPPED after it was posted (it has a `message_id`) was removed by a person: further stars do
not post it again in that server.

The deletion of a card is due like an edit: a posted result raises the card's `revision` in its own transaction, and the
row stays POSTED until Discord has deleted the message or does not know it any more. The card of a job without a result
in its channel (nobody is subscribed, or the result is UNDELIVERABLE) becomes one line and stays.

POSTED without `message_id`, UNDELIVERABLE and DROPPED lead to no request to Discord. A new card replaces the row of a
DROPPED one; the rows of a job are deleted with it.
"""

from datetime import datetime
from enum import IntEnum, StrEnum

import msgspec

from bot.models.server import Destination


class DeliveryKind(StrEnum):
    """What a delivery posts."""

    RESULT = "result"
    """The end of a job: embed, picture and buttons, with the mentions of its subscribers."""
    STATUS_CARD = "status_card"
    """The status card of a running job, edited as the job moves on, and deleted once its result is posted.

    At most one per job and channel.
    """
    NOTICE = "notice"
    """What became of a submission, where the private answer to its presser could not be edited any more."""
    SPLIT = "split"
    """The four pictures of a grid, as four files."""
    STARBOARD_POST = "starboard_post"
    """A picture with enough stars, in the server's channel for these; at most one per job and channel, for ever."""


class DeliveryState(StrEnum):
    """How far a delivery has come."""

    WAITING = "waiting"
    """Not sent, for certain."""
    SENDING = "sending"
    """May have been sent: no answer of Discord's has been recorded."""
    POSTED = "posted"
    """Sent; from now on the message is only edited."""
    UNDELIVERABLE = "undeliverable"
    """Given up, and kept until an admin or a member asks for it again."""
    DROPPED = "dropped"
    """Not needed any more, or deleted in the channel."""


class Fallback(IntEnum):
    """How far a message was reduced after refusals, in the order in which that happens."""

    NONE = 0
    """The whole message."""
    NO_FILE = 1
    """Without attached files; the embed links to the picture."""
    TEXT = 2
    """One line of text: no embed, no files, only the buttons that lead to more."""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the outbox: one message of one job in one destination.

    Columns that are no fields here: `next_try` (when it is due), `posted_at`, and `pinged` (the message mentions its
    people with a sound, so that several messages in a row do not ring several times).
    """

    id: int
    kind: DeliveryKind
    job_id: int | None
    """The row id of the job; of a notice, the job whose button was pressed, `None` where none was."""
    destination: Destination
    nonce: str
    """24 random characters, the message's identity at Discord: the nonce of the send, and part of each custom_id."""
    state: DeliveryState
    created_at: datetime
    """When the duty arose; for the first results of a job, exactly its `over_at`."""
    after_id: int = 0
    """A snowflake older than any message of this delivery: the search in the channel's history begins there."""
    message_id: int | None = None
    """Discord's id of the message; `None` until it is posted, or where it was deleted before its id was learnt."""
    attempts: int = 0
    """Sends, or edits, that failed since the last success, the one under way included."""
    timeouts: int = 0
    """Sends and edits with files that took too long; at the second, the files are left out."""
    fallback: Fallback = Fallback.NONE
    gone_since: datetime | None = None
    """When Discord first refused because of the channel; `None` where it did not. Decides when to give up."""
    error: str = ""
    """The last error, for logs and admins, such as "HTTP 403, code 50001"; empty once posted."""
    revision: int = 1
    """Counts the changes of what the message should show."""
    posted_revision: int = 0
    """The `revision` that the message shows; a POSTED one with a smaller number is edited."""
    submission_id: int | None = None
    """The row id of a notice's submission; `None` for other kinds."""
    picture_until: datetime | None = None
    """It was posted without its picture, which is retried until then; `None`: nothing is to be retried."""

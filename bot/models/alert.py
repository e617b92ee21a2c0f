"""The alerts that the admin of the bot gets, and how other parts open and close them."""

from collections.abc import Set as AbstractSet
from enum import StrEnum
from typing import Protocol

from bot.models.provider import ProviderName


class AlertName(StrEnum):
    """What needs the admin. The values are stored with the open alerts: renaming one needs a migration."""

    PROVIDER = "provider"
    """The provider refuses the token, its subscription has ended, or it has not answered for long; seen by polls.

    Its name is the subject.
    """
    ACCOUNT = "account"
    """A Midjourney account of the provider that is the subject is blocked; seen by polls."""
    SUBMISSIONS = "presses"
    """The account, the token or the subscription; seen by submissions. The provider's name is the subject."""
    DECLINED = "declined"
    """Midjourney declined too many jobs of a member; the id of the audit's entry is the subject."""
    CHANNEL = "channel"
    """Results cannot be posted in a channel, whose id is the subject."""
    DELIVERY = "delivery"
    """One message has failed for an hour while others are posted; its delivery's id is the subject."""
    DATABASE = "disk"
    """The database cannot be written, or read."""
    DISK_SPACE = "space"
    """The disk of the database is nearly full."""
    PICTURE_SPACE = "no room for pictures"
    """The disk is too full to download pictures."""
    BACKUP = "backup"
    """The nightly backup failed."""


AlertSubject = int | ProviderName | None
"""What distinguishes alerts of one name: a channel, a delivery, an entry of the audit, or a provider."""


class AlertSink(Protocol):
    """Takes alerts. All methods return at once; an alert is sent in the background, see `bot.alerts`."""

    def open(self, name: AlertName, text: str, *, subject: AlertSubject = None) -> None:
        """Say `text`, unless the alert is open with the same text. `subject` distinguishes alerts of one name."""

    def close(self, name: AlertName, *, subject: AlertSubject = None) -> None:
        """Say that it is over; nothing happens where the alert is not open."""

    def forget(self, name: AlertName, subjects: AbstractSet[AlertSubject]) -> None:
        """Close these alerts without a word: what they are about is gone, or was said in another way."""

    def inform(self, text: str) -> None:
        """Say something that has no end; whoever calls it makes sure that it is said once."""

    def is_open(self, name: AlertName, *, subject: AlertSubject = None) -> bool:
        """Whether the alert was opened, also before the last restart, and not closed since."""

    def open_subjects(self, name: AlertName) -> AbstractSet[AlertSubject]:
        """The subjects of the open alerts of this name."""

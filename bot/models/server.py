"""Servers, their channels, members and settings."""

from enum import StrEnum

import msgspec


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """A channel or thread of a server, by Discord's ids."""

    guild_id: int
    channel_id: int


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A member: Discord's id and the display name at the time."""

    id: int
    name: str


NO_PERSON = Person(id=0, name="")
"""Who waits for a job that named the channel for its result by itself."""


class Spoiler(StrEnum):
    """When pictures are hidden behind a click."""

    NEVER = "never"
    ALWAYS = "always"
    UNLESS_AGE_RESTRICTED = "unless age-restricted"
    """Only in channels that are not marked age-restricted."""


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a server's admins chose in `/darkroom settings`.

    `press_role` `None`: moderators. `daily` and `server_daily` count presses of the tiers VARY and UPSCALE in 24 hours;
    `cooldown` is in seconds; `results_channel` `None`: where the job was asked for; `ping_after` in seconds, `None`: as
    the bot's own setting says.
    """

    press_role: int | None = None
    daily: int = 10
    server_daily: int = 100
    cooldown: int = 5
    paused: bool = False
    remix: bool = False
    spoiler: Spoiler = Spoiler.NEVER
    results_channel: int | None = None
    pings: bool = True
    ping_after: int | None = None

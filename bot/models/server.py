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
"""The subscriber of a job whose own request named the channel for its result: nobody is mentioned."""


class Spoiler(StrEnum):
    """When pictures are hidden behind a click."""

    NEVER = "never"
    ALWAYS = "always"
    UNLESS_AGE_RESTRICTED = "unless age-restricted"
    """Only in channels that are not marked age-restricted."""


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A server's settings, as chosen in `/darkroom settings`."""

    start_role: int | None = None
    """The role whose members may start jobs of prompts; `None`: moderators only."""
    speeds: bool = False
    """Whether a prompt may choose its speed; otherwise it is that of the account."""
    press_role: int | None = None
    """The role whose members may press the buttons of jobs; `None`: moderators only."""
    daily: int | None = 10
    """Presses of the tiers VARY and UPSCALE and prompts in 24 hours, for one member; `None`: unlimited."""
    server_daily: int | None = 100
    """The same, for all members together."""
    cooldown: int = 5
    """Seconds between two presses or prompts of one member."""
    declined: int = 3
    """After how many declined submissions in 24 hours a member has to wait for a day."""
    running: int = 2
    """Jobs of one member that run at a time at one provider; further ones are queued."""
    paused: bool = False
    """Whether buttons and prompts are switched off."""
    remix: bool = False
    """Whether a variation asks for a new prompt first."""
    spoiler: Spoiler = Spoiler.NEVER
    results_channel: int | None = None
    """The channel for all results; `None`: where the job was requested."""
    pings: bool = True
    """Whether results mention their subscribers."""
    ping_after: int | None = None
    """Seconds a member must have waited to be mentioned; `None`: the bot's own setting."""
    starboard_channel: int | None = None
    """The channel in which pictures with enough stars are posted; `None`: no starboard."""
    stars: int = 3
    """How many stars a picture needs for the starboard."""
    star_role: int | None = None
    """The role whose members may star pictures, besides moderators; `None`: everyone."""

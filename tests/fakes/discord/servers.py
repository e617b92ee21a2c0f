"""What Discord tells of a server, of a member's roles in it, and of one of its roles, to a bot that asks."""

from datetime import UTC, datetime
from typing import Any

from tests.fakes.discord.channels import BITS, BOT_RIGHTS, Refusal
from tests.fakes.discord.messages import Json
from tests.fakes.discord.people import People

_NAMELESS = dict.fromkeys(
    ("icon", "description", "home_header", "splash", "discovery_splash", "banner", "afk_channel_id",
     "public_updates_channel_id", "widget_channel_id", "system_channel_id", "rules_channel_id",
     "safety_alerts_channel_id", "vanity_url_code", "application_id", "incidents_data")
)  # fmt: skip
_NUMBERS = dict.fromkeys(
    ("system_channel_flags", "nsfw_level", "verification_level", "explicit_content_filter", "mfa_level",
     "default_message_notifications", "premium_subscription_count"), 0
)  # fmt: skip
_FILE_LIMIT = 10 * 1024 * 1024  # bytes, without boosts
_NO = dict.fromkeys(("widget_enabled", "premium_progress_bar_enabled", "nsfw"), False)
_FREE: Json = {"afk_timeout": 300, "max_presences": None, "max_members": 500000, "max_video_channel_users": 25}
_FREE |= {"max_stage_video_channel_users": 50, "preferred_locale": "en-US", "region": "deprecated"}
_MEMBER = dict.fromkeys(
    ("avatar", "banner", "communication_disabled_until", "nick", "premium_since", "avatar_decoration_data")
)


def guild_json(world: People, guild_id: int) -> Json:
    """A server with all its roles; raises `Refusal` (10004) where the bot is not in it."""
    if guild_id not in world.guilds:
        raise Refusal(10004)
    roles = [
        role_json(guild_id, "@everyone"),
        *(role_json(role, name) for role, name in world.roles.get(guild_id, {}).items()),
    ]
    lists: dict[str, list[Any]] = {"features": [], "emojis": [], "stickers": [], "roles": roles}
    owner = {"id": str(guild_id), "name": world.guilds[guild_id], "owner_id": str(world.owner.id)}
    boosts = {"premium_tier": 2 if world.file_limit > _FILE_LIMIT else 0}
    return {**_NAMELESS, **_NUMBERS, **_NO, **_FREE, **lists, **owner, **boosts}


def role_json(role_id: int, name: str) -> Json:
    """A role; that of everybody, which has the server's id, gives the ordinary rights."""
    rights = str(sum(1 << BITS[right] for right in BOT_RIGHTS)) if name == "@everyone" else "0"
    marks = dict.fromkeys(("managed", "hoist", "mentionable"), False)
    colours = {"primary_color": 0, "secondary_color": None, "tertiary_color": None}
    body = {"id": str(role_id), "name": name, "description": None, "permissions": rights, "position": 0}
    return {**body, **marks, "color": 0, "colors": colours, "icon": None, "unicode_emoji": None, "flags": 0}


def member_json(world: People, guild_id: int, person_id: int) -> Json:
    """A member who has no role but everybody's."""
    marks: Json = {"deaf": False, "mute": False, "pending": False, "flags": 0, "roles": []}
    if person_id == world.bot.id and (until := world.time_outs.get(guild_id)):
        marks["communication_disabled_until"] = datetime.fromtimestamp(until, UTC).isoformat()
    return {**_MEMBER, **marks, "user": world.people[person_id].json(), "joined_at": "2024-01-01T00:00:00+00:00"}

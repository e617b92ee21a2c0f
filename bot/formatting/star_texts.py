"""The sentences about stars and the starboard."""

from enum import Enum

from bot.formatting.captions import link

STARBOARD_OFF = (
    "This server has no starboard. Someone with Manage Server can choose a channel for it in `/darkroom settings`."
)
STARBOARD_HERE = "This channel is the starboard itself, so its pictures can't be starred here."
STARS_ARE_FOR_PICTURES = "Only finished pictures and videos can be starred."
STARS_NEED_HISTORY = "I can't copy this picture to the starboard, because I lack Read Message History here."
STAR_OWN = "You added this picture, so you can't star it yourself."
_ROLE_IS_GONE = (
    "The role that may star pictures was deleted. Someone with Manage Server can choose another one in "
    "`/darkroom settings`."
)


class StarboardObstacle(Enum):
    """Why pictures of a channel can't go to the starboard."""

    AGE_RESTRICTED = "the channel is age-restricted, and the starboard is not"
    NOT_VISIBLE = "not everyone who can view the starboard can view the channel"
    UNKNOWN = "Discord did not say"


def star_count(stars: int) -> str:
    """The number of stars, as a starboard post shows it."""
    return f"⭐ **{stars}**"


def starred(
    stars: int, needed: int, channel_id: int, *, url: str | None = None, on_its_way: bool = False, removed: bool = False
) -> str:
    """The answer to a star; `url` is the jump link of the starboard post, which is `on_its_way` or was `removed`."""
    if removed:
        ending = "It was removed from the starboard, so it isn't posted there again."
    elif url is not None:
        ending = f"It's {link('on the starboard', url)}."
    elif on_its_way:
        ending = f"I'll post it in <#{channel_id}>."
    else:
        ending = f"With {_stars(needed)} I post it in <#{channel_id}>." if stars < needed else ""
    return f"Starred. This picture has {_stars(stars)}. {ending}".strip()


def star_removed(stars: int) -> str:
    """The answer to a star that was taken back."""
    return f"Star removed. This picture has {_stars(stars)}."


def who_may_star(role_id: int, *, role_is_gone: bool) -> str:
    """The sentence for a member who may not star; it mentions a role, so it is for a private answer only."""
    if role_is_gone:
        return f"Only moderators can star pictures in this server. {_ROLE_IS_GONE}"
    return f"Only <@&{role_id}> and moderators can star pictures in this server."


def starboard_obstacle(obstacle: StarboardObstacle, channel_id: int) -> str:
    """The sentence for a picture whose channel keeps it from the starboard."""
    match obstacle:
        case StarboardObstacle.AGE_RESTRICTED:
            return (
                f"This channel is age-restricted and <#{channel_id}> isn't, so its pictures can't go to the starboard."
            )
        case StarboardObstacle.NOT_VISIBLE:
            return (
                f"Not everyone who can view <#{channel_id}> can view this channel, so its pictures can't go to the "
                "starboard."
            )
        case StarboardObstacle.UNKNOWN:
            return "Discord did not answer me just now, so nothing was starred. Please try again."


def _stars(number: int) -> str:
    return "no stars" if number == 0 else "1 star" if number == 1 else f"{number} stars"

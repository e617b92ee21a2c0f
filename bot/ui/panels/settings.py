"""`/darkroom settings`: selects and buttons that read and write the database at each use, so they outlive the bot.

Each change names one setting and the value that it shall have, so two admins at once never undo each other's, and the
page that comes back shows what is true after both.
"""

import logging
from typing import Any, ClassVar

import discord
from discord import ui

from bot.errors import UserError
from bot.models import Destination, ServerSettings
from bot.ui import replies
from bot.ui.interactions import bot_of, destination_of, in_thread
from bot.ui.panels.base import ManagerPanel, button, values
from bot.ui.panels.sample_post import send_sample
from bot.ui.panels.settings_text import CHOICES, Page, Seen, Value, says, words
from bot.ui.permissions import GONE, channel_trouble, role_is_gone

log = logging.getLogger(__name__)

_PAGE_OF = {
    **dict.fromkeys(("results_channel", "ping_after", "pings", "spoiler"), Page.RESULTS),
    **dict.fromkeys(("press_role", "remix"), Page.WHO),
    **dict.fromkeys(("daily", "server_daily", "cooldown"), Page.NUMBERS),
    "paused": Page.HOME,
}


async def show_settings(interaction: discord.Interaction, page: Page = Page.HOME, *, notice: str = "") -> None:
    """Bring a page up to date, in place of the private answer that is there; `notice` is said above it."""
    bot = bot_of(interaction)
    guild_id = destination_of(interaction).guild_id
    settings = await bot.store.servers.settings(guild_id)
    seen = await _look(interaction, page, settings)
    text = words(page, settings, seen, own_ping_after=bot.settings.ping_after)
    content = "\n\n".join(filter(None, (notice, text)))[:2000]
    await replies.say(interaction, content, view=_view(page, settings, seen, bot.settings.ping_after))


async def _look(interaction: discord.Interaction, page: Page, settings: ServerSettings) -> Seen:
    """Ask Discord what a page shows, and no more than that."""
    guild_id = destination_of(interaction).guild_id
    error, gone = "", False
    if settings.results_channel is not None and page in {Page.HOME, Page.RESULTS}:
        destination = Destination(guild_id=guild_id, channel_id=settings.results_channel)
        error = await channel_trouble(interaction.client, destination)
    if page in {Page.HOME, Page.WHO}:
        gone = await role_is_gone(interaction.client, guild_id, settings.press_role)
    return Seen(
        rights=interaction.app_permissions,
        thread=in_thread(interaction),
        channel_trouble=error,
        role_gone=gone,
        everybody=settings.press_role == guild_id,
    )


def _view(page: Page, settings: ServerSettings, seen: Seen, own_ping_after: float) -> ui.View:
    view = ui.View(timeout=None)
    view.add_item(PageSelect(page))
    match page:
        case Page.HOME:
            view.add_item(TestPictureButton())
            view.add_item(SwitchButton("paused", not settings.paused))
        case Page.RESULTS:
            view.add_item(ResultsSelect(None if seen.channel_trouble == GONE else settings.results_channel))
            view.add_item(ChoiceSelect("ping_after", settings, own_ping_after))
            view.add_item(ChoiceSelect("spoiler", settings))
            view.add_item(ClearButton("results_channel"))
            view.add_item(SwitchButton("pings", not settings.pings))
        case Page.WHO:
            view.add_item(RoleSelect(None if seen.role_gone or seen.everybody else settings.press_role))
            view.add_item(ClearButton("press_role"))
            view.add_item(SwitchButton("remix", not settings.remix))
        case Page.NUMBERS:
            for name in ("daily", "server_daily", "cooldown"):
                view.add_item(ChoiceSelect(name, settings))
    return view


class PageSelect(ManagerPanel, ui.DynamicItem[ui.Select[Any]], template=r"dr:g:s"):
    """Turns to another page."""

    def __init__(self, page: Page = Page.HOME) -> None:
        options = [discord.SelectOption(label=each, value=each.name, default=each is page) for each in Page]
        super().__init__(ui.Select(custom_id="dr:g:s", options=options, row=0))

    async def use(self, interaction: discord.Interaction) -> None:
        """Show the page."""
        page = next((each for each in Page if [each.name] == values(interaction)), Page.HOME)
        await interaction.response.defer()
        await show_settings(interaction, page)


class ChoiceSelect(ManagerPanel, ui.DynamicItem[ui.Select[Any]], template=rf"dr:g:c:({'|'.join(CHOICES)})"):
    """One of a few values for a setting."""

    def __init__(self, name: str, settings: ServerSettings | None = None, own_ping_after: float = 0) -> None:
        now = None if settings is None else getattr(settings, name)
        options = [
            discord.SelectOption(
                label=says(name, value, own_ping_after=own_ping_after),
                value=sent,
                default=settings is not None and value == now,
            )
            for sent, value in CHOICES[name].items()
        ]
        placeholder = None if settings is None else says(name, now, own_ping_after=own_ping_after)
        super().__init__(ui.Select(custom_id=f"dr:g:c:{name}", options=options, placeholder=placeholder))
        self.name = name

    async def use(self, interaction: discord.Interaction) -> None:
        """Set the setting to what was chosen."""
        (sent,) = values(interaction) or [""]
        if sent not in CHOICES[self.name]:
            raise UserError("That is not on offer any more. `/darkroom settings` shows what is.")
        await _change(interaction, self.name, CHOICES[self.name][sent])


class SwitchButton(ManagerPanel, ui.DynamicItem[ui.Button[Any]], template=r"dr:g:b:(paused|remix|pings):([01])"):
    """Switches a setting on or off. It says which, and is no toggle: two who press it at once want the same."""

    LABELS: ClassVar[dict[tuple[str, bool], str]] = {
        ("paused", True): "Pause presses",
        ("paused", False): "Resume presses",
        ("remix", True): "Remix is on at Midjourney",
        ("remix", False): "Remix is off at Midjourney",
        ("pings", True): "Switch pings on",
        ("pings", False): "Switch pings off",
    }

    def __init__(self, name: str, on: bool | str) -> None:
        self.name, self.on = name, bool(int(on))
        super().__init__(button(self.LABELS[name, self.on], f"dr:g:b:{name}:{self.on:d}"))

    async def use(self, interaction: discord.Interaction) -> None:
        """Switch the setting."""
        await _change(interaction, self.name, self.on)


class ClearButton(ManagerPanel, ui.DynamicItem[ui.Button[Any]], template=r"dr:g:x:(results_channel|press_role)"):
    """Goes back to what is so when nothing is chosen."""

    LABELS: ClassVar[dict[str, str]] = {
        "results_channel": "Results where the job was asked for",
        "press_role": "Moderators only",
    }

    def __init__(self, name: str) -> None:
        super().__init__(button(self.LABELS[name], f"dr:g:x:{name}"))
        self.name = name

    async def use(self, interaction: discord.Interaction) -> None:
        """Forget the choice."""
        await _change(interaction, self.name, None)


class ResultsSelect(ManagerPanel, ui.DynamicItem[ui.ChannelSelect[Any]], template=r"dr:g:r"):
    """The one channel for results. Discord lists the channels itself, however many there are."""

    def __init__(self, now: int | None = None) -> None:
        super().__init__(
            ui.ChannelSelect(
                custom_id="dr:g:r",
                channel_types=[discord.ChannelType.text],
                placeholder="Post all results in one channel…",
                default_values=[] if now is None else [discord.Object(now)],
            )
        )

    async def use(self, interaction: discord.Interaction) -> None:
        """Take the channel, unless nothing could be posted there."""
        channel_id = _id(interaction)
        await interaction.response.defer()
        destination = Destination(guild_id=destination_of(interaction).guild_id, channel_id=channel_id)
        error = await channel_trouble(interaction.client, destination)
        if error:
            notice = f"⚠️ I did not take <#{channel_id}>: {error}. Edit Channel, Permissions changes that."
            await show_settings(interaction, Page.RESULTS, notice=notice)
        else:
            await _change(interaction, "results_channel", channel_id)


class RoleSelect(ManagerPanel, ui.DynamicItem[ui.RoleSelect[Any]], template=r"dr:g:p"):
    """The role whose members may press."""

    def __init__(self, now: int | None = None) -> None:
        super().__init__(
            ui.RoleSelect(
                custom_id="dr:g:p",
                placeholder="Let a role press, too…",
                default_values=[] if now is None else [discord.Object(now)],
            )
        )

    async def use(self, interaction: discord.Interaction) -> None:
        """Take the role."""
        await _change(interaction, "press_role", _id(interaction))


class TestPictureButton(ManagerPanel, ui.DynamicItem[ui.Button[Any]], template=r"dr:g:t"):
    """Shows, free of charge, that results arrive."""

    def __init__(self) -> None:
        super().__init__(button("Send a test picture", "dr:g:t"))

    async def use(self, interaction: discord.Interaction) -> None:
        """Post the test picture where a result asked for here would stand."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await send_sample(interaction)


async def _change(interaction: discord.Interaction, name: str, value: Value) -> None:
    bot = bot_of(interaction)
    guild_id = destination_of(interaction).guild_id
    await bot.store.servers.change_settings(guild_id, **{name: value})
    log.info("Member %d set %s to %s", interaction.user.id, name, value)
    bot.submissions.wake()  # those that waited for the end of a pause
    if not interaction.response.is_done():
        await interaction.response.defer()
    await show_settings(interaction, _PAGE_OF[name])


def _id(interaction: discord.Interaction) -> int:
    (chosen,) = values(interaction) or ["0"]
    return int(chosen)


ITEMS: tuple[type[ui.DynamicItem[Any]], ...] = (
    PageSelect,
    ChoiceSelect,
    SwitchButton,
    ClearButton,
    ResultsSelect,
    RoleSelect,
    TestPictureButton,
)
"""All of the above, for `bot.ui.ALL`."""

"""`/darkroom settings`: selects and buttons that read and write the store at each use, so they survive a restart.

Each change names one setting and its new value, so two admins at once never undo each other's changes, and the page
that is shown next has both.
"""

import logging
from typing import Any, ClassVar

import discord
from discord import ui

from bot.errors import UserError
from bot.models import Destination, ServerSettings
from bot.ui import replies
from bot.ui.command_mentions import with_mentions
from bot.ui.interactions import bot_of, destination_of, in_thread
from bot.ui.panels import start_page
from bot.ui.panels.base import ManagerPanel, button, selected_id, values
from bot.ui.panels.sample_post import send_sample
from bot.ui.panels.settings_text import (
    CHOICES,
    LABELS,
    NUMBERS,
    DiscordState,
    Page,
    ServerLists,
    Value,
    page_text,
    value_text,
)
from bot.ui.panels.start_page import AddPresetButton, PresetSelect, WordListButton
from bot.ui.permissions import GONE, channel_error, is_voice, role_is_gone

log = logging.getLogger(__name__)

TEXT_LIMIT = 3500
"""Characters of a page's text; with the labels it stays below 4,000, Discord's limit for all texts of a message."""

_NO_LISTS = ServerLists()
_PAGE_OF = {
    **dict.fromkeys(("results_channel", "ping_after", "pings", "spoiler"), Page.RESULTS),
    **dict.fromkeys(("press_role", "remix"), Page.WHO),
    **dict.fromkeys(("start_role", "speeds"), Page.START),
    **dict.fromkeys(NUMBERS, Page.NUMBERS),
    **dict.fromkeys(("starboard_channel", "stars", "star_role"), Page.STARBOARD),
    "paused": Page.HOME,
}


async def show_settings(interaction: discord.Interaction, page: Page = Page.HOME, *, notice: str = "") -> None:
    """Show a page as the private answer, or update it; `notice` is shown above it."""
    bot = bot_of(interaction)
    guild_id = destination_of(interaction).guild_id
    settings = await bot.store.servers.settings(guild_id)
    state = await _discord_state(interaction, page, settings)
    lists = await _lists(interaction) if page is Page.START else ServerLists()
    text = page_text(page, settings, state, own_ping_after=bot.settings.ping_after, lists=lists)
    text = with_mentions(interaction, "\n\n".join(filter(None, (notice, text))))
    await replies.show(interaction, page_layout(page, text, settings, state, bot.settings.ping_after, lists))


async def _lists(interaction: discord.Interaction) -> ServerLists:
    store, guild_id = bot_of(interaction).store, destination_of(interaction).guild_id
    presets = await store.presets.of_server(guild_id)
    return ServerLists(presets=tuple(presets), words=len(await store.servers.words(guild_id)))


async def _discord_state(interaction: discord.Interaction, page: Page, settings: ServerSettings) -> DiscordState:
    """Ask Discord for what the page shows, and for nothing else."""
    guild_id = destination_of(interaction).guild_id
    error, starboard_error, gone, start_gone, star_gone = None, None, False, False, False
    if settings.results_channel is not None and page in {Page.HOME, Page.RESULTS}:
        destination = Destination(guild_id=guild_id, channel_id=settings.results_channel)
        error = await channel_error(interaction.client, destination)
    if settings.starboard_channel is not None and page in {Page.HOME, Page.STARBOARD}:
        destination = Destination(guild_id=guild_id, channel_id=settings.starboard_channel)
        starboard_error = await channel_error(interaction.client, destination)
    if page is Page.STARBOARD:
        star_gone = await role_is_gone(interaction.client, guild_id, settings.star_role)
    if page in {Page.HOME, Page.WHO}:
        gone = await role_is_gone(interaction.client, guild_id, settings.press_role)
    if page in {Page.HOME, Page.START}:
        start_gone = await role_is_gone(interaction.client, guild_id, settings.start_role)
    return DiscordState(
        rights=interaction.app_permissions,
        thread=in_thread(interaction),
        voice=is_voice(interaction.channel),
        channel_error=error,
        role_gone=gone,
        everyone=settings.press_role == guild_id,
        start_role_gone=start_gone,
        everyone_starts=settings.start_role == guild_id,
        starboard_error=starboard_error,
        star_role_gone=star_gone,
    )


def page_layout(
    page: Page,
    text: str,
    settings: ServerSettings,
    state: DiscordState,
    own_ping_after: float,
    lists: ServerLists = _NO_LISTS,
) -> ui.LayoutView:
    """A page: its text, each select below its label, its buttons, and the buttons of the pages.

    At most 26 components; Discord takes 40: https://discord.com/developers/docs/components/reference
    """
    layout = ui.LayoutView(timeout=None)
    layout.add_item(ui.TextDisplay(text[:TEXT_LIMIT]))
    for name, select in _selects(page, settings, state, own_ping_after, lists).items():
        layout.add_item(ui.TextDisplay(f"**{LABELS[name]}**"))
        layout.add_item(ui.ActionRow(select))
    if buttons := _buttons(page, settings):
        layout.add_item(ui.ActionRow(*buttons))
    layout.add_item(ui.Separator())
    pages = [PageButton(each.name, current=each is page) for each in Page]
    for row in (pages[: len(pages) // 2], pages[len(pages) // 2 :]):  # Discord takes five in a row
        layout.add_item(ui.ActionRow(*row))
    return layout


def _selects(
    page: Page, settings: ServerSettings, state: DiscordState, own_ping_after: float, lists: ServerLists
) -> dict[str, ui.Item[Any]]:
    """The selects of a page, by the names of their settings."""
    match page:
        case Page.HOME:
            return {}
        case Page.RESULTS:
            return {
                "results_channel": ChannelSelect(
                    "results_channel", None if state.channel_error == GONE else settings.results_channel
                ),
                "ping_after": ChoiceSelect("ping_after", settings, own_ping_after),
                "spoiler": ChoiceSelect("spoiler", settings),
            }
        case Page.WHO:
            role = None if state.role_gone or state.everyone else settings.press_role
            return {"press_role": RoleSelect("press_role", role)}
        case Page.START:
            role = None if state.start_role_gone or state.everyone_starts else settings.start_role
            actions = {"change_preset": "c", "delete_preset": "d"} if lists.presets else {}
            presets = {name: PresetSelect(action, lists.presets) for name, action in actions.items()}
            return {"start_role": RoleSelect("start_role", role), **presets}
        case Page.NUMBERS:
            return {name: ChoiceSelect(name, settings) for name in NUMBERS}
        case Page.STARBOARD:
            channel = None if state.starboard_error == GONE else settings.starboard_channel
            return {
                "starboard_channel": ChannelSelect("starboard_channel", channel),
                "stars": ChoiceSelect("stars", settings),
                "star_role": RoleSelect("star_role", None if state.star_role_gone else settings.star_role),
            }


def _buttons(page: Page, settings: ServerSettings) -> list[ui.Item[Any]]:
    match page:
        case Page.HOME:
            return [TestPictureButton(), SwitchButton("paused", not settings.paused)]
        case Page.RESULTS:
            return [ClearButton("results_channel"), SwitchButton("pings", not settings.pings)]
        case Page.WHO:
            return [ClearButton("press_role"), SwitchButton("remix", not settings.remix)]
        case Page.START:
            return [
                ClearButton("start_role"),
                SwitchButton("speeds", not settings.speeds),
                AddPresetButton(),
                WordListButton(),
            ]
        case Page.NUMBERS:
            return []
        case Page.STARBOARD:
            return [ClearButton(name) for name in ("starboard_channel", "star_role")]


class PageButton(ManagerPanel, ui.DynamicItem[ui.Button[Any]], template=rf"dr:g:s:({'|'.join(Page.__members__)})"):
    """Turns to a page; that of the page that is `current` is disabled."""

    def __init__(self, name: str, *, current: bool = False) -> None:
        self.page = Page[name]
        super().__init__(button(self.page, f"dr:g:s:{name}", disabled=current))

    async def run(self, interaction: discord.Interaction) -> None:
        """Show the page."""
        await interaction.response.defer()
        await show_settings(interaction, self.page)


class ChoiceSelect(ManagerPanel, ui.DynamicItem[ui.Select[Any]], template=rf"dr:g:c:({'|'.join(CHOICES)})"):
    """Offers a few values for a setting."""

    def __init__(self, name: str, settings: ServerSettings | None = None, own_ping_after: float = 0) -> None:
        now = None if settings is None else getattr(settings, name)
        options = [
            discord.SelectOption(
                label=value_text(name, value, own_ping_after=own_ping_after),
                value=sent,
                default=settings is not None and value == now,
            )
            for sent, value in CHOICES[name].items()
        ]
        placeholder = None if settings is None else value_text(name, now, own_ping_after=own_ping_after)
        super().__init__(ui.Select(custom_id=f"dr:g:c:{name}", options=options, placeholder=placeholder))
        self.name = name

    async def run(self, interaction: discord.Interaction) -> None:
        """Set the setting to what was chosen."""
        (sent,) = values(interaction) or [""]
        if sent not in CHOICES[self.name]:
            raise UserError("That choice no longer exists. Open `/darkroom settings` again to see the current ones.")
        await _change(interaction, self.name, CHOICES[self.name][sent])


class SwitchButton(ManagerPanel, ui.DynamicItem[ui.Button[Any]], template=r"dr:g:b:(paused|remix|pings|speeds):([01])"):
    """Turns a setting on or off. Its custom_id says which: with a toggle, two presses at once would undo each other."""

    LABELS: ClassVar[dict[tuple[str, bool], str]] = {
        ("paused", True): "Pause presses",
        ("paused", False): "Resume presses",
        ("remix", True): "Turn on remix prompts",
        ("remix", False): "Turn off remix prompts",
        ("pings", True): "Turn on pings",
        ("pings", False): "Turn off pings",
        ("speeds", True): "Let prompts choose the speed",
        ("speeds", False): "Use the account's speed",
    }

    def __init__(self, name: str, on: bool | str) -> None:
        self.name, self.on = name, bool(int(on))
        super().__init__(button(self.LABELS[name, self.on], f"dr:g:b:{name}:{self.on:d}"))

    async def run(self, interaction: discord.Interaction) -> None:
        """Set the setting."""
        await _change(interaction, self.name, self.on)


class ClearButton(
    ManagerPanel,
    ui.DynamicItem[ui.Button[Any]],
    template=r"dr:g:x:(results_channel|press_role|start_role|starboard_channel|star_role)",
):
    """Clears a setting, so that its default applies."""

    LABELS: ClassVar[dict[str, str]] = {
        "results_channel": "Post where requested",
        "press_role": "Remove the role",
        "start_role": "Remove the role",
        "starboard_channel": "Turn off the starboard",
        "star_role": "Let everyone star",
    }

    def __init__(self, name: str) -> None:
        super().__init__(button(self.LABELS[name], f"dr:g:x:{name}"))
        self.name = name

    async def run(self, interaction: discord.Interaction) -> None:
        """Clear the setting."""
        await _change(interaction, self.name, None)


class ChannelSelect(ManagerPanel, ui.DynamicItem[ui.ChannelSelect[Any]], template=r"dr:g:(r|sc)"):
    """Chooses the channel for results, or the starboard's. Discord lists the channels, however many there are."""

    NAMES: ClassVar[dict[str, str]] = {"r": "results_channel", "sc": "starboard_channel"}
    PLACEHOLDERS: ClassVar[dict[str, str]] = {
        "results_channel": "Post all results in one channel…",
        "starboard_channel": "Post starred pictures in…",
    }
    CONTENTS: ClassVar[dict[str, str]] = {"results_channel": "results", "starboard_channel": "starred pictures"}

    def __init__(self, name: str, now: int | None = None) -> None:
        self.name = self.NAMES.get(name, name)
        code = next(code for code, each in self.NAMES.items() if each == self.name)
        super().__init__(
            ui.ChannelSelect(
                custom_id=f"dr:g:{code}",
                channel_types=[discord.ChannelType.text],
                placeholder=self.PLACEHOLDERS[self.name],
                default_values=[] if now is None else [discord.Object(now)],
            )
        )

    async def run(self, interaction: discord.Interaction) -> None:
        """Set the channel, unless the bot cannot post there."""
        channel_id = selected_id(interaction) or 0
        await interaction.response.defer()
        destination = Destination(guild_id=destination_of(interaction).guild_id, channel_id=channel_id)
        error = await channel_error(interaction.client, destination)
        if error is not None:
            notice = (
                f"⚠️ I can't use <#{channel_id}> for {self.CONTENTS[self.name]}: {error}. You can change that under "
                "Edit Channel, Permissions."
            )
            await show_settings(interaction, _PAGE_OF[self.name], notice=notice)
        else:
            await _change(interaction, self.name, channel_id)


class RoleSelect(ManagerPanel, ui.DynamicItem[ui.RoleSelect[Any]], template=r"dr:g:(p|i|sr)"):
    """Chooses the role whose members may use the buttons, start jobs, or star pictures."""

    NAMES: ClassVar[dict[str, str]] = {"p": "press_role", "i": "start_role", "sr": "star_role"}
    PLACEHOLDERS: ClassVar[dict[str, str]] = {
        "press_role": "Let a role use the buttons, too…",
        "start_role": "Let a role start jobs, too…",
        "star_role": "Let only a role star pictures…",
    }

    def __init__(self, name: str, now: int | None = None) -> None:
        self.name = self.NAMES.get(name, name)
        code = next(code for code, each in self.NAMES.items() if each == self.name)
        super().__init__(
            ui.RoleSelect(
                custom_id=f"dr:g:{code}",
                placeholder=self.PLACEHOLDERS[self.name],
                default_values=[] if now is None else [discord.Object(now)],
            )
        )

    async def run(self, interaction: discord.Interaction) -> None:
        """Set the role; everyone may star where no role is set."""
        role_id = selected_id(interaction) or 0
        everyone = self.name == "star_role" and role_id == interaction.guild_id
        await _change(interaction, self.name, None if everyone else role_id)


class TestPictureButton(ManagerPanel, ui.DynamicItem[ui.Button[Any]], template=r"dr:g:t"):
    """Posts a test picture, free of charge, to show that results can be posted."""

    def __init__(self) -> None:
        super().__init__(button("Send a test picture", "dr:g:t"))

    async def run(self, interaction: discord.Interaction) -> None:
        """Post the test picture where a result requested here would be posted."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await send_sample(interaction)


async def _change(interaction: discord.Interaction, name: str, value: Value) -> None:
    bot = bot_of(interaction)
    guild_id = destination_of(interaction).guild_id
    await bot.store.servers.change_settings(guild_id, **{name: value})
    log.info("Member %d set %s to %s", interaction.user.id, name, value)
    bot.submissions.wake()  # the change may have ended this server's pause
    if not interaction.response.is_done():
        await interaction.response.defer()
    await show_settings(interaction, _PAGE_OF[name])


ITEMS: tuple[type[ui.DynamicItem[Any]], ...] = (
    PageButton,
    ChoiceSelect,
    SwitchButton,
    ClearButton,
    ChannelSelect,
    RoleSelect,
    TestPictureButton,
    *start_page.ITEMS,
)
"""All of the above, for `bot.ui.ALL`."""

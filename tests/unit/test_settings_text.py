"""The pages of `/darkroom settings`: every choice has a label, everything fits, and deleted channels are not shown."""

from itertools import pairwise, product
from typing import Any

import discord
import msgspec

from bot.models import ServerSettings, Spoiler
from bot.models.prompt import MAX_PRESETS, MAX_SUFFIX_LENGTH, MAX_WORDS, Preset
from bot.ui.panels.settings import page_layout
from bot.ui.panels.settings_text import CHOICES, DiscordState, Page, ServerLists, page_text, value_text
from bot.ui.permissions import GONE, lacking
from tests.table import table

SELECTS, TEXT = {3, 6, 8}, 10  # types of components: of texts, of roles, of channels
STATE = DiscordState(rights=discord.Permissions.all(), thread=False)
UNUSUAL = ServerSettings(
    press_role=10**19,
    daily=7,
    server_daily=77,
    cooldown=7,
    paused=True,
    remix=True,
    spoiler=Spoiler.UNLESS_AGE_RESTRICTED,
    results_channel=10**19,
    ping_after=7,
    starboard_channel=10**19,
    stars=30,
    star_role=10**19,
)
FULL = ServerLists(
    presets=tuple(
        Preset(id=number, name=f"{number}{'x' * 30}", suffix="y" * MAX_SUFFIX_LENGTH) for number in range(MAX_PRESETS)
    ),
    words=MAX_WORDS,
)


@table("name", CHOICES)
def test_each_choice_can_be_stored_and_has_its_own_label(name: str) -> None:
    labels = set()
    for value in CHOICES[name].values():
        changed = msgspec.structs.replace(ServerSettings(), **{name: value})
        assert msgspec.json.decode(msgspec.json.encode(changed), type=ServerSettings) == changed
        labels.add(value_text(name, value, own_ping_after=61))
    assert len(labels) == len(CHOICES[name])
    assert all(0 < len(label) <= 100 for label in labels)
    assert getattr(ServerSettings(), name) in CHOICES[name].values(), "the default is among them"


def test_every_page_fits_into_a_message_and_its_rows() -> None:
    nothing = discord.Permissions.none()
    for page, lists, settings, rights, thread, error, gone in product(
        Page,
        (ServerLists(), FULL),
        (ServerSettings(), UNUSUAL, ServerSettings(pings=False, daily=0, server_daily=None, cooldown=0)),
        (nothing, discord.Permissions.all()),
        (False, True),
        (None, GONE, "I lack View Channel, Send Messages, Embed Links and Attach Files there"),
        (False, True),
    ):
        state = DiscordState(
            rights=rights,
            thread=thread,
            channel_error=error,
            role_gone=gone,
            starboard_error=error,
            star_role_gone=gone,
        )
        text = page_text(page, settings, state, own_ping_after=60, lists=lists)
        assert 0 < len(text) < 1900, "a notice may be shown above it"
        layout = page_layout(page, "x" * 9999, settings, state, 60, lists)
        assert layout.total_children_count <= 40
        assert layout.content_length() <= 4000
        components: list[Any] = layout.to_components()  # type: ignore[no-untyped-call]  # discord.py has no types here
        for above, row in pairwise(components):
            items = row.get("components", [])
            assert all(above["type"] == TEXT for item in items if item["type"] in SELECTS), "its label"
            for item in items:
                assert len(item.get("label") or "") <= 80
                assert len(item.get("placeholder") or "") <= 150
                assert len(item.get("options", [])) <= 25
                assert all(len(option.get("description") or "") <= 100 for option in item.get("options", []))


def test_a_deleted_channel_or_role_is_not_sent_to_discord_as_a_default() -> None:
    def defaults(state: DiscordState) -> list[object]:
        layouts = [page_layout(page, "", UNUSUAL, state, 60) for page in Page]
        rows: list[Any] = [
            row
            for layout in layouts
            for row in layout.to_components()  # type: ignore[no-untyped-call]  # as above
        ]
        return [each for row in rows for item in row.get("components", []) for each in item.get("default_values", [])]

    assert len(defaults(STATE)) == 4
    gone = DiscordState(
        rights=STATE.rights,
        thread=False,
        channel_error=GONE,
        role_gone=True,
        starboard_error=GONE,
        star_role_gone=True,
    )
    assert defaults(gone) == []


def test_the_role_of_everyone_is_called_so() -> None:
    text = page_text(Page.WHO, UNUSUAL, msgspec.structs.replace(STATE, everyone=True), own_ping_after=60)
    assert "Everyone may use the buttons." in text


def test_where_the_history_cannot_be_read_a_starboard_is_warned_of() -> None:
    rights = discord.Permissions.all()
    rights.read_message_history = False
    state = msgspec.structs.replace(STATE, rights=rights)
    warning = "Without Read Message History in this channel I can't copy its pictures to the starboard."
    texts = {
        (page, settings.starboard_channel is not None): page_text(page, settings, state, own_ping_after=60)
        for page, settings in product((Page.HOME, Page.STARBOARD), (UNUSUAL, ServerSettings()))
    }
    assert {case: warning in text for case, text in texts.items()} == {
        (page, on): on for page, on in product((Page.HOME, Page.STARBOARD), (False, True))
    }
    assert warning not in page_text(Page.STARBOARD, UNUSUAL, STATE, own_ping_after=60)


def test_in_a_thread_another_permission_counts() -> None:
    rights = discord.Permissions.all()
    rights.send_messages_in_threads = False
    assert lacking(rights, thread=True) == ["Send Messages in Threads"]
    assert lacking(rights) == []
    text = page_text(Page.HOME, ServerSettings(), DiscordState(rights=rights, thread=True), own_ping_after=60)
    assert "✗ Send Messages in Threads" in text
    assert "this thread's channel" in text

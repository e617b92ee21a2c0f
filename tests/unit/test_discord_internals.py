"""An update of discord.py that takes a private name away must fail at the start, in one clear sentence."""

import re
import runpy
from pathlib import Path
from typing import Any

import discord
import discord.http
import discord.shard
import pytest

from bot import discord_internals

ROOT = Path(__file__).parents[2]


def _reload() -> None:
    runpy.run_path(discord_internals.__file__)


def test_the_installed_version_has_every_name() -> None:
    _reload()


@pytest.mark.parametrize(
    ("owner", "name", "missing"),
    [
        (discord.http.HTTPClient, "get_role", "discord.http.HTTPClient.get_role"),
        (discord.http.Route, "BASE", "discord.http.Route.BASE"),
        (discord.shard, "Shard", "discord.shard.Shard.__init__"),
    ],
)
def test_a_name_that_an_update_took_away_is_named(
    monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, missing: str
) -> None:
    monkeypatch.delattr(owner, name)
    assert _refusal() == (
        f"discord.py {discord.__version__} does not have {missing}, which Darkroom relies on: "
        "install the version that requirements.txt names."
    )


def test_a_parameter_that_an_update_renamed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def get_role(self: Any, guild: int, role: int) -> None: ...

    monkeypatch.setattr(discord.http.HTTPClient, "get_role", get_role)
    assert "the parameter guild_id of discord.http.HTTPClient.get_role" in _refusal()


@pytest.mark.parametrize(
    ("owner", "function", "name"),
    [
        (discord.shard.AutoShardedClient, "connect", "_AutoShardedClient__queue"),
        (discord.shard.AutoShardedClient, "launch_shards", "launch_shard"),
        (discord.shard.Shard, "_handle_disconnect", "_backoff"),
        (discord.http.HTTPClient, "static_login", "_global_over"),
        (discord.ui.DynamicItem, "__init_subclass__", "__discord_ui_compiled_template__"),
    ],
)
def test_an_attribute_that_an_update_no_longer_uses_is_named(
    monkeypatch: pytest.MonkeyPatch, owner: Any, function: str, name: str
) -> None:
    def rewritten(self: Any) -> None: ...

    monkeypatch.setattr(owner, function, rewritten)
    assert f"the use of {name} in discord." in _refusal()


def _refusal() -> str:
    with pytest.raises(RuntimeError) as raised:
        _reload()
    return str(raised.value)


def test_only_one_module_knows_private_names_of_discord_py() -> None:
    private = re.compile(r"discord\.(?:http|gateway|shard)\b|\.http\.[a-z]|__discord_|_AutoSharded|Route\b")
    files = [path for folder in ("bot", "cogs") for path in (ROOT / folder).rglob("*.py")]
    others = [
        file for file in files if file.name != "discord_internals.py" and ROOT / "bot" / "demo" not in file.parents
    ]
    assert len(others) > 50
    for file in others:
        code = re.sub(r'"discord\.[a-z.]+"', "", file.read_text())  # the names of its loggers
        assert not private.search(code), file

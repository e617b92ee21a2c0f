"""Adapts simcord's page to the demo: what a newcomer sees there is Discord's and Darkroom's, not a test tool's.

simcord has no public way to do this, so all uses of its internals that change the page stand here; its version is
pinned in pyproject.toml.
"""

from collections import deque
from pathlib import Path
from typing import Any

from discord import app_commands
from simcord import SetupError
from simcord.backend import cdn
from simcord.preview import _markdown, _pages

from bot.demo.midjourney_proxy import FakeMidjourneyProxy
from bot.demo.useapi import FakeUseapi
from bot.errors import DarkroomError

_SCRIPT = Path(__file__).with_name("address.js")
_PUBLICATIONS = 20  # states of the page whose pictures can still be loaded: a browser may be some behind


def hide_answered_errors(env: Any) -> None:
    """Keep errors that the person got a sentence for out of the page's list of errors; call it before the start."""
    record = env._record_error

    def record_unexpected(error: BaseException) -> None:
        cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
        if not isinstance(cause, DarkroomError | app_commands.AppCommandError):
            record(error)

    env._record_error = record_unexpected


def paint_mentions() -> None:
    """Show mentions in embeds as names, as Discord does; simcord does it in the text of messages only."""
    for field in ("embed_description", "embed_field_value"):
        _markdown._FIELD_POLICIES[field] |= {"mentions": True, "commands": True}


def serve_uploads(env: Any, fake: FakeUseapi | FakeMidjourneyProxy) -> None:
    """Have the bot find what people attach: files of the simulated Discord get addresses that `fake` serves."""
    for module in (cdn, _pages):
        vars(module)["CDN_BASE"] = fake.origin
    fake.serve_uploads(env.backend.cdn.get)


def keep_pictures(preview: Any) -> None:
    """Serve the pictures of the last states of the page.

    A status card replaces its preview every few seconds. The browser may ask for the previous one just then, and would
    show a box "unavailable" instead.
    """
    authorize, reconcile = preview._authorize_asset, preview._reconcile_assets
    displayed: dict[Any, deque[set[str]]] = {}

    def authorize_replaced(page: Any, asset_id: str, *, content: bool = True) -> Any:
        try:
            return authorize(page, asset_id, content=content)
        except SetupError as error:
            record = page.assets.get(asset_id)
            if record is None or not record.available or "denied" in str(error):
                raise
            return record

    def reconcile_late(page: Any) -> None:
        sets = displayed.setdefault(page.id, deque(maxlen=_PUBLICATIONS))
        sets.append(set(page.referenced_assets))
        page.referenced_assets.update(*sets)
        reconcile(page)

    preview._authorize_asset, preview._reconcile_assets = authorize_replaced, reconcile_late


def explain_address(preview: Any, folder: Path) -> None:
    """Have the page say what is missing if it is opened without the key in its address; call it before it is served.

    `folder` takes the changed page.
    """
    server = preview._server
    original = Path(_markdown.__file__).with_name("static") / "index.html"
    index = folder / "index.html"
    script = '<script type="module" src="/address.js"></script>\n  </body>'
    index.write_text(original.read_text(encoding="utf-8").replace("</body>", script), encoding="utf-8")
    server._STATIC_FILES = {**server._STATIC_FILES, "/": str(index), "/address.js": str(_SCRIPT)}
    server._STATIC_CONTENT_TYPES = {**server._STATIC_CONTENT_TYPES, str(index): "text/html"}

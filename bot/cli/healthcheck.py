"""`python -m bot health`: asks the running bot how it does. Quick: a container does so every half a minute."""

import http.client
import ipaddress
import json
from typing import Any

from bot.settings import Settings

_PATIENCE = 15.0  # seconds; the bot itself answers within ten


def is_healthy(settings: Settings) -> tuple[bool, str]:
    """Whether the bot does its work, and what there is to say about that."""
    if settings.health_port is None:
        return False, "HEALTH_PORT is not set, so the bot cannot be asked."
    try:
        told = ask(settings.health_host, settings.health_port)
    except (OSError, http.client.HTTPException, ValueError):
        return False, f"Nobody answers on port {settings.health_port}. Does the bot run?"
    if told.get("healthy") is True:
        return True, "healthy"
    return False, "\n".join(f"{name}: {part['is']}" for name, part in told["parts"].items() if not part["ok"])


def ask(host: str, port: int) -> dict[str, Any]:
    """What `/healthz` says; raises `OSError`, `HTTPException` or `ValueError` where that is nothing."""
    address = ipaddress.ip_address(host)
    if address.is_unspecified:  # open on all of them, so on this one, too
        host = "127.0.0.1" if address.version == 4 else "::1"
    connection = http.client.HTTPConnection(host, port, timeout=_PATIENCE)
    try:
        connection.request("GET", "/healthz")
        told = json.loads(connection.getresponse().read(64 * 1024))
    finally:
        connection.close()
    if not isinstance(told, dict) or not isinstance(told.get("parts"), dict):
        raise ValueError("something else than Darkroom answers here")
    return told

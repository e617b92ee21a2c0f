"""`python -m bot health`: query `/healthz` of the running bot. Fast, because a container runs it every 30 seconds."""

import http.client
import ipaddress
import json
from typing import Any

_TIMEOUT_SECONDS = 15.0  # the bot itself answers within ten


def is_healthy(host: str, port: int | None) -> tuple[bool, str]:
    """Return whether the bot that serves HEALTH_PORT on this address is healthy, and a text for the admin."""
    if port is None:
        return False, "HEALTH_PORT is not set, so the health of the bot cannot be checked."
    try:
        report = request_health(host, port)
    except (OSError, http.client.HTTPException, ValueError):
        return False, f"Nothing answers on port {port} of {host}. Is the bot running?"
    if report.get("healthy") is True:
        return True, "healthy"
    return False, "\n".join(f"{name}: {part['is']}" for name, part in report["parts"].items() if not part["ok"])


def request_health(host: str, port: int) -> dict[str, Any]:
    """Return the JSON of `/healthz`.

    Raises `OSError` or `HTTPException` if nothing answers, `ValueError` if another program does.
    """
    address = ipaddress.ip_address(host)
    if address.is_unspecified:  # the bot listens on all addresses, loopback included
        host = "127.0.0.1" if address.version == 4 else "::1"
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/healthz")
        report = json.loads(connection.getresponse().read(64 * 1024))
    finally:
        connection.close()
    if not isinstance(report, dict) or not isinstance(report.get("parts"), dict):
        raise ValueError("not a health report of Darkroom")
    return report

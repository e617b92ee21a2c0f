"""The providers of jobs, by name."""

from enum import StrEnum


class ProviderName(StrEnum):
    """A kind of Midjourney job API. The values are those of the database and of the metrics."""

    USEAPI = "useapi"
    """useapi.net's API v2, or a server that is compatible with it."""
    MIDJOURNEY_PROXY = "midjourney-proxy"
    """A server with the routes of midjourney-proxy (`/mj/submit/*`, `/mj/task/{id}/fetch`)."""

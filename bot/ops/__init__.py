"""Operations: the bot's HTTP server with its health, metrics and webhook routes, nightly maintenance, update notice.

Import the modules themselves: `metrics` needs a package that is loaded only where `HEALTH_PORT` is set.
"""

"""Operations: the bot's HTTP server with its health, metrics and webhook routes, and nightly maintenance.

Import the modules themselves: `metrics` needs a package that is loaded only where `HEALTH_PORT` is set.
"""

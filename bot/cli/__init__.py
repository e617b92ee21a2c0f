"""The commands of `python -m bot`: run, preflight checks, health check and invite link."""

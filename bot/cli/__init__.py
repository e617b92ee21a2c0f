"""The commands of `python -m bot`: run, init, preflight checks, export, health check and invite link."""

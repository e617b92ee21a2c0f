"""Polls every subscribed job when it is due and records what became of it. Imports nothing of Discord."""

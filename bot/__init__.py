"""Darkroom: a self-hosted Discord bot that follows Midjourney jobs and posts their pictures."""

__version__ = "0.2.0"

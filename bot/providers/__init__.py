"""Midjourney job APIs, each behind an adapter; HTTP to a job API is made here only."""

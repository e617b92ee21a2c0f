"""Buttons below public posts."""

"""Private panels."""

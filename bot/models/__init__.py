"""The values that everything else speaks in: frozen, keyword-only, without I/O."""

"""How much a frame store keeps where nothing else is said."""

MAX_BYTES = 1 << 30
"""Bytes of all frames of a robot."""
MAX_AGE = 24 * 3600.0
"""Seconds after which a frame is forgotten."""

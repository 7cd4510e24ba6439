"""What a stream may be called. Nothing is imported, so that reading a robot's file stays quick."""

STREAM_NAME = "[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
"""As a part of a pattern."""

STREAM_PATTERN = f"^{STREAM_NAME}$"
"""As a pattern of its own."""

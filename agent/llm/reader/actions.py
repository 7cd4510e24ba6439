"""What the reader can tell apart."""

from __future__ import annotations

ACTIONS = (
    "lamp_on",
    "lamp_off",
    "radio_on",
    "radio_off",
    "fan_on",
    "fan_off",
    "door_open",
    "door_close",
    "thermostat_set",
    "approach",
    "turn_left",
    "turn_right",
    "turn_around",
    "drive_ahead",
    "drive_back",
)
"""What words can order."""

TOOL_OF = {name: name for name in ACTIONS} | {
    name: name.split("_")[0] for name in ACTIONS if name.startswith(("turn_", "drive_"))
}
"""The tool that does it."""

CATEGORIES = (
    "order",  # of something that SimHome's robot can do
    "request",  # of something else
    "hint",  # something may be wanted: a remark, or an order that lacks something
    "question",
    "report",
    "condition",  # if, when, later
    "hypothetical",
    "forbidden",
    "quotation",
    "talk",  # anything else
)
"""What words are as a whole."""

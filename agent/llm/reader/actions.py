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
    "it_on",
    "it_off",
    "it_open",
    "it_close",
    "it_set",
    "it_approach",
)
"""What words can order; `it_…` is an order that goes on from what was said before."""

TOOLS_OF: dict[str, tuple[str, ...]] = {
    name: (name.split("_")[0] if name.startswith(("turn_", "drive_")) else name,)
    for name in ACTIONS
    if not name.startswith("it_")
} | {
    "it_on": ("lamp_on", "radio_on", "fan_on"),
    "it_off": ("lamp_off", "radio_off", "fan_off"),
    "it_open": ("door_open",),
    "it_close": ("door_close",),
    "it_set": ("thermostat_set",),
    "it_approach": ("approach",),
}
"""The tools that may do it."""

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

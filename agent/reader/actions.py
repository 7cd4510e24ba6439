"""What the reader can tell apart."""

from __future__ import annotations

ORDERS = (
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
"""What words can order that acts; `it_…` goes on from what was said before."""
ASKED = (
    "lamp_state",
    "radio_state",
    "fan_state",
    "door_state",
    "thermostat_get",
    "clock",
    "count",
    "count_any",
    "where",
    "watch",
    "recall",
    "see",
    "hear",
    "scan",
    "all",
    "color",
)
"""What words can ask for that only observes; `count_any` counts things of no kind."""
ACTIONS = ORDERS + ASKED
"""What words can order or ask for."""

TOOLS_OF: dict[str, tuple[str, ...]] = {
    name: (name.split("_")[0] if name.startswith(("turn_", "drive_")) else name,)
    for name in ORDERS
    if not name.startswith("it_")
} | {
    "it_on": ("lamp_on", "radio_on", "fan_on"),
    "it_off": ("lamp_off", "radio_off", "fan_off"),
    "it_open": ("door_open",),
    "it_close": ("door_close",),
    "it_set": ("thermostat_set",),
    "it_approach": ("approach",),
}
"""The tools that may carry out an order."""
READS: dict[str, str] = {
    **{f"{device}_state": "house_status" for device in ("lamp", "radio", "fan", "door")},
    "thermostat_get": "thermostat_get",
    "clock": "clock",
    "count": "detect",
    "where": "detect",
    "watch": "watch_add",
    "recall": "recall",
}
"""The tool that answers what is asked; what is not here the language model perceives itself."""

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

"""What can stand in a SimHome: kinds, colours, and which kinds make a sound of their own."""

SOUNDING_KINDS = (
    "dog",
    "cat",
    "bird",
    "car",
    "train",
    "clock",
    "phone",
    "piano",
    "guitar",
    "drum",
    "kettle",
    "vacuum",
    "radio",
    "fan",
)
SILENT_KINDS = ("ball", "chair", "plant", "lamp")
KINDS = SOUNDING_KINDS + SILENT_KINDS

COLORS: dict[str, tuple[float, float, float]] = {  # linear RGB in 0..1
    "red": (0.85, 0.08, 0.08),
    "green": (0.10, 0.62, 0.15),
    "blue": (0.10, 0.20, 0.85),
    "yellow": (0.95, 0.85, 0.10),
    "orange": (0.98, 0.48, 0.05),
    "purple": (0.52, 0.12, 0.65),
    "white": (0.95, 0.95, 0.95),
    "black": (0.05, 0.05, 0.05),
}

DEVICES = ("lamp", "radio", "fan", "door", "thermostat")

MORE_KINDS = (
    "mug",
    "bottle",
    "stool",
    "bucket",
    "umbrella",
    "boat",
    "airplane",
    "robot",
    "mushroom",
    "snowman",
    "cactus",
    "trophy",
    "hammer",
    "rocket",
    "ladder",
    "vase",
    "bench",
    "cart",
    "windmill",
    "teapot",
)
"""Kinds that no scene has unless it is asked for one: nothing was trained with them."""

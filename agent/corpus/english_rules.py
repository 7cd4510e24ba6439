# ruff: noqa: E501
"""English rules and shapes of phrasings, in the notation of `grammar.py`, written without capitals and end marks.

Questions about senses come in three shapes: direct ("what do you see"), indirect ("tell me" +
"what you see") and commands ("[can you] describe the scene"); `_frames` composes them.
"""

from __future__ import annotations

RULES: dict[str, str] = {
    "can": "can you|could you|would you|will you|can u|could u|can you please|could you please"
    "|would you please|please|pls|kindly|would you mind to|go ahead and|i want you to"
    "|i need you to|i would like you to|i'd like you to|you should|be so kind and|let's see if you can"
    "|can you maybe|could you possibly|do me a favor and|why don't you|are you able to|go",
    "ask": "tell me|please tell me|can you tell me|could you tell me|would you tell me|say|let me know"
    "|do you know|i want to know|i'd like to know|i would like to know|i wonder|i need to know|explain"
    "|report|describe|inform me|inform me about|any idea|i am curious|i'm wondering|just tell me|now tell me"
    "|can you say|could you say|will you tell me|i'm asking|share|give me an idea of|show me|state"
    "|tell us|please say|care to tell me|mind telling me|do you mind telling me|wanna know|would love to know"
    "|could you let me know|can you describe|could you describe|please describe|let me hear|can u tell me|i must know",
    "now": "now|right now|at the moment|currently|at this moment|just now|today|this moment|presently|at present",
    "thing": "thing|object|item|stuff|toy",
    "things": "things|objects|items|stuff|toys",
    "front": "in front of you|before you|ahead of you|ahead|in front of your camera|in front of the camera|there"
    "|over there|in your view|in view|in sight|in front of your eyes|before your eyes|in your field of view"
    "|in front|in the picture|in the image|in the frame|on camera|in your camera|on your screen|out there",
    "eyes": "camera|eyes|eye|camera image|camera view|video feed|vision|webcam|lens|cam|picture|image|view|optics|video",
    "ears": "microphone|ears|mic|ear|audio|hearing|audio sensor|sound sensor|microphones|mike",
    "laser": "lidar|laser|scanner|laser scanner|scan|range sensor|lidar scan|range finder|lidar sensor|point cloud"
    "|laser scan|proximity sensor|distance sensor|depth sensor|radar|bumper sensor|3d scanner",
    "near": "near you|close to you|nearby|near|close|close by|next to you|beside you|by you|within reach|in your way"
    "|around here|at arm's length|in reach|right next to you|in close range|in your vicinity|in the vicinity"
    "|at close range|near to you|in proximity|by your side|in your path|on your path|adjacent to you|in the way",
    "noise": "noise|sound|racket|sounds|noises|din|audio|noise|sound|tone|signal|ruckus|commotion|beeping|humming",
    "any": "any|some|a|the",
    "anything": "anything|something|any thing|any object|any objects|some object|stuff",
    "room": "in the room|here|in here|in this room|around|in the house|at home|in view|in sight|there|in front of you"
    "|over there|in the picture|you can see|that you see|in the scene|in the image|visible|in total|altogether|you see",
    "colour": "color|colour|hue|shade|tint|tone|coloring|paint|colr|colour tone",
    "the": "the|that|this|my|our|your",
    "lampw": "<the> (lamp|light|lights|lamps|bulb|light bulb|lightbulb|ceiling light|floor lamp|table lamp|desk lamp"
    "|room light|house light|lighting)|lamp|light|lights|illumination|the lights|the light|the lamp|the lamp",
    "radiow": "<the> (radio|music|stereo|radio set|tunes|song|broadcast|boombox|sound system|noise box|music box"
    "|speaker|hi-fi|radio station|radio thing)|radio|music|some music|the music|the radio|the radio",
    "fanw": "<the> (fan|ventilator|blower|fan thing|cooling fan|ceiling fan|ventilation|room fan|electric fan|air fan"
    "|table fan|propeller)|fan|ventilator|the fan|the fan",
    "doorw": "<the> (door|front door|entrance|gate|house door|doors|entry door|room door|entrance door|doorway|main door)"
    "|door|the door|the door",
    "heatw": "the (thermostat|temperature|heating|heat|heater|room temperature|temp|climate control|thermo|radiator|ac|air conditioning)"
    "|thermostat|temperature|heating|my thermostat|our heating|the thermostat|the temperature",
    "deg": "degrees|degree|degrees celsius|celsius|c|deg|°|°c|centigrade|",
}

SWITCH_ON = (
    "turn on {d}|turn {d} on|switch on {d}|switch {d} on|put {d} on|put on {d}|power on {d}|power up {d}"
    "|power {d} on|start {d}|start up {d}|activate {d}|enable {d}|fire up {d}|flip {d} on|flip on {d}|get {d} going"
    "|make {d} (go|run|work|go on|start)|bring {d} to life|hit {d}|boot {d}|trigger {d}|crank up {d}|get {d} on"
    "|engage {d}|have {d} on|set {d} to on|set {d} on|get {d} running|turn {d} back on|switch {d} on again|kick on {d}"
)
SWITCH_OFF = (
    "turn off {d}|turn {d} off|switch off {d}|switch {d} off|shut off {d}|shut {d} off|power off {d}|power down {d}"
    "|shut down {d}|shut {d} down|power {d} off|stop {d}|kill {d}|deactivate {d}|disable {d}|cut {d}|cut off {d}"
    "|end {d}|flip {d} off|flip off {d}|put {d} off|turn down {d}|make {d} stop|set {d} to off|set {d} off|halt {d}"
    "|turn {d} off again|get {d} off|unplug {d}|quit {d}|turn out {d}|have {d} off|terminate {d}|turn {d} back off"
)


def _rule_of(verbs: str, device: str) -> str:
    return verbs.replace("{d}", f"<{device}>")


for _name, _verbs in (("on", SWITCH_ON), ("off", SWITCH_OFF)):
    for _device in ("lamp", "radio", "fan"):
        RULES[f"{_device}_{_name}"] = _rule_of(_verbs, f"{_device}w")

RULES["door_open"] = _rule_of(
    "open {d}|open up {d}|unlock {d}|unlatch {d}|pull {d} open|push {d} open|swing {d} open|get {d} open|get {d}"
    "|have {d} open|make {d} open|leave {d} open|slide {d} open|open {d} wide|unbolt {d}|turn {d} open|let {d} open"
    "|put {d} open|set {d} to open|open {d} up|crack open {d}|throw open {d}|unseal {d}|open {d} again",
    "doorw",
)
RULES["door_close"] = _rule_of(
    "close {d}|shut {d}|close up {d}|lock {d}|lock up {d}|pull {d} shut|push {d} shut|slam {d}|slam {d} shut|latch {d}"
    "|get {d} closed|have {d} closed|make {d} close|swing {d} shut|close {d} up|seal {d}|bolt {d}|slide {d} shut"
    "|put {d} closed|set {d} to closed|keep {d} closed|keep {d} shut|close {d} again|pull {d} to|shut {d} tight",
    "doorw",
)


def frames(
    q: str = "", i: str = "", c: str = "", x: str = "", ctx: str = "", rule: str = ""
) -> list[str]:
    """Templates from lines of direct, indirect, imperative and free phrasings.

    Args:
        q: Direct questions, one per line.
        i: Clauses that follow "tell me", one per line.
        c: Commands that may follow "can you", one per line.
        x: Free phrasings, taken as they are, one per line.
        ctx: Remarks that come before or after a command of `rule`, or stand alone, one per line.
        rule: Name of a rule of commands.
    """
    lines = [line for line in q.splitlines() if line]
    lines += [f"<ask> {line}" for line in i.splitlines() if line]
    lines += [f"[<can>] {line}" for line in c.splitlines() if line]
    lines += [line for line in x.splitlines() if line]
    if rule:
        lines += [f"<{rule}>"] * 6 + [f"<can> <{rule}>"] * 4
    if ctx:
        clauses = "|".join(line for line in ctx.splitlines() if line)
        lines += [
            f"({clauses}) [so|and|,|then|now|please] [<can>] <{rule}>",
            f"[<can>] <{rule}> [because|as|since|,|cause] ({clauses})",
            f"({clauses})",
            f"({clauses}) [please|do something|robot|help|can you help|fix that]",
        ]
    return lines

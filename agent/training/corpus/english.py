# ruff: noqa: E501
"""English phrasings, in the notation of `grammar.py`, written without capitals and end marks.

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
    "noise": "noise|sound|racket|sounds|noises|din|audio|row|tone|signal",
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


def _frames(
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


TEMPLATES: dict[str, list[str]] = {}

TEMPLATES["see"] = _frames(
    q="""what (do|can|could|did) you [actually|really|all] (see|spot|notice|observe|make out|recognize|recognise|view|perceive with your eyes) [<now>|here|there|<front>|around you]
what (are|r) (you|u) (looking at|seeing|watching|staring at|viewing|gazing at|facing|observing|looking on|focused on) [<now>]
what (do|can) (u|ya|you guys) see [<now>|here|there]
what (is|'s) [that|this|it|there] <front>
what [<thing>|kind of <thing>|sort of <thing>|<things>] (is|are|'s) <front> [<now>]
which (<thing>|<things>|objects) (do|can) you (see|spot|recognize|notice|make out|identify) [<now>|there|<front>]
what <things> (do|can) you (see|spot|recognize|notice|identify) [<now>|there|<front>]
what (is|'s) (visible|in sight|in view|to be seen|to see) [<now>|to you|for you|there|here]
what (does|do|did) (your|the|ur) <eyes> (see|show|show you|tell you|capture|pick up|record|get|display|look at|catch|say|reveal) [<now>]
what (is|'s) (on|in) (your|the) <eyes> [<now>]
(do|can) you see <anything> [<now>|there|here|<front>|interesting]
is <anything> (visible|in view|in sight|to be seen) [<now>|to you|for you]
is there <anything> [visible|to see|you can see] (<front>|to see|in view|to look at)
what (is|'s) (that|this|it) [thing|object|over there|here]
what (kind|sort|type) of (thing|object|item) (is (that|this|it)|do you see|are you looking at|is <front>)
what (have you got|do you have|have we got|do we have) (<front>|in your <eyes>|in sight|in view|there)
what (can be|could be) (seen|spotted|observed) [<front>|<now>|there]
how does (the room|the scene|it|everything|your view|the picture) look [to you|<now>|like]
what does (the room|the scene|it|your view|the place|the picture) look like [<now>]
what (would|do|does) (you|the robot) (say you see|call what you see|see)
what am i (showing you|holding|pointing at)
who or what (is|stands) <front>
what stands <front>
what (catches|caught|meets|strikes) (your|the) eye
what (shows|is showing) (up|) (on|in) (your|the) <eyes>
what object has your attention
what (did|have) you (just|) (see|seen|spot|noticed)
anything <front>
anything (to see|visible|in sight|in view|on camera|you can see|worth seeing)
see (anything|something|any thing|what)""",
    i="""what you (see|can see|are looking at|are seeing|spot|notice|observe|are facing|are watching|make out|view|are staring at|recognize) [<now>|there|here|<front>]
what (is|'s|lies|stands|sits) <front> [<now>]
what (your|the) <eyes> (sees|see|shows|show|captures|picks up|is showing|is seeing|tells you) [<now>]
what (is|'s) (visible|in sight|in view|on camera|in the picture) [<now>|to you]
which <things> (you see|you can see|are visible|are <front>|are in view)
what (that|this|it) (is|thing is)
what (kind of|) (thing|object) (you see|is <front>|you are looking at)
if you see <anything> [<front>|<now>]
about what you see [<now>]
what the (scene|room|view|picture) looks like
the (scene|view|picture|image) [<front>|before you|you see]
(everything|anything|all) [that] you (see|can see|spot|look at)""",
    c="""(describe|explain|report|tell|name|list|identify|recognize|say|state|show|mention|announce) what you (see|are looking at|can see|are seeing|spot|observe|notice) [<now>|here|there|<front>]
(describe|explain|summarize|analyze|report on|comment on|caption|interpret) (the scene|the view|your view|the picture|the image|what is <front>|the camera image|this scene|the room|the visual scene|this picture|this image|the frame|your camera view|the sight) [to me|for me|<now>|please]
(name|identify|recognize|classify|list|describe|label|spot) (the|that|this|every|all|all the|each|any) (<thing>|<things>) [<front>|you see|you can see|in view]
(look|take a look|have a look|look around|look ahead|look forward|look there|look here|watch|glance|use your <eyes>|open your eyes|check (your|the) <eyes>|look closely|peek|take a peek|look up) [and (tell me|say|report|describe) [what you see|what is there|what you find|what it is]]
use (your|the) <eyes> [and|to] (tell me|say|describe|report) what (you see|is there|is <front>)
give me a (description|summary|report) of (what you see|the scene|your view|the picture|what you are looking at)
(tell|show) me what is (there|that|this|on camera|<front>|visible)
(take|snap|make|shoot) a (picture|photo|look|snapshot) [and describe it|and tell me what is on it|and tell me what you see]
(inspect|examine|check) (the|that|this) (<thing>|scene|view|picture) [<front>]""",
    x="""see
see anything
looking at what
what's there
what is there
what do you see there with your (eyes|camera)
i (can't|cannot) see from here what (is|'s) <front>
be my eyes [and tell me what is there|what do you see]
visual (report|check|status) [please]
(camera|vision|sight|visuals|eyes|view) [report|check|status|please|what do you see|now]
your (view|sight|vision) [please]
eyes (open|on) [what do you see]
so what do we have here
what have we here
what (is|are) you looking at
whatcha (looking at|see|seeing)
what u see
wat do u see
what see you
what you see
you see what
what you looking at
what do you see with (your|the) <eyes> [<now>]
with your <eyes> what (do|can) you see
i (want|would like|need) a (description|report) of (what you see|the scene|your view)
i'd like (a description of the scene|you to look)
pretend i'm blind what (do you see|is <front>)
if you look (ahead|forward|around|straight ahead) what (do you see|is there)
can you see (what is|what's) <front>
(do|can) you (recognize|identify|name) (that|this|the) (thing|object) [<front>]
(do|can) you (recognize|identify|see|spot) (anything|something) [<front>]
how about your <eyes> what (do they|does it) (see|show)
ok camera what do you see
picture description [please]
scene description [please]
object [<front>] [please]
show me what you see""",
)

TEMPLATES["hear"] = _frames(
    q="""what (do|can|could|did) you [actually|really|all] (hear|listen to|pick up|perceive acoustically|catch) [<now>|here|there|around you|in the room|with your <ears>]
what (are|r) (you|u) (hearing|listening to|picking up with your <ears>) [<now>]
what (do|can) (u|ya|you guys) hear [<now>|here|there]
what (is|'s) (that|this|the) <noise> [<now>|i hear|in the room|about|there|here]
what (is|'s) (making|causing|producing|creating|emitting) (that|this|the|all that|all the|so much|such a) <noise> [<now>]
who (is|'s) (making|causing|producing) (that|this|the|all that|all this|such a|so much) <noise>
what (makes|made|causes) (that|this|the|all that|such a) <noise>
where (does|is) (that|the|this) <noise> (come from|coming from)
(do|can|did) you hear (anything|something|that|any <noise>|any sound|any noise|a sound|a noise|some noise|this|it) [<now>|here|at all]
is (anything|something) (making|causing) (a|any|some) (noise|sound|sounds)
is there (any|a|some) (noise|sound|sounds|music) [<now>|here|in the room|around]
what (does|do|did) (your|the|ur) <ears> (hear|pick up|tell you|catch|record|get|say|capture|listen to|detect|register) [<now>]
what (is|'s) (audible|to be heard|to hear|sounding|playing|ringing|making noise|making sounds|the noise|on your <ears>|so loud|loud) [<now>|here|there|in the room]
what (kind|sort|type) of (noise|sound|sounds|noises) (do you hear|is that|is it|can you hear|is there|are you hearing)
which (sound|noise|sounds|noises) (do|can) you (hear|notice|make out|recognize|identify)
what (sound|noise|sounds|noises) (do|can) you (hear|notice|make out|recognize|identify|pick up)
is it (quiet|silent|noisy|loud|still) [here|in here|there|in the room|<now>]
how does it sound [here|in here|in there]
what does it sound like [here|in here]
what (can be|could be) heard [<now>|here]
what (am|are) (i|we) hearing
what (is|'s) (the (source|origin|cause) of|behind) (that|the|this) <noise>
anything (making noise|making a sound|to hear|audible|you can hear|noisy|on the mic|in your ears)
(any|some) (noise|noises|sound|sounds) [here|around|there|in the room|<now>]
hear (anything|something|that|what|this|it|any thing)
what (did|have) you (just|) (hear|heard)""",
    i="""what you (hear|can hear|are hearing|are listening to|pick up with your <ears>) [<now>|there|here|around you|in the room]
what (is|'s) (making|causing|producing) (that|this|the|all that) <noise>
what (that|this|the) <noise> is
which (sound|sounds|noise|noises) you (hear|can hear|notice)
what (sound|sounds|noise|noises) (you hear|there is|there are|is there)
what (is|'s) (audible|to be heard|making noise|so loud|sounding|playing)
where (that|the|this) <noise> (comes from|is coming from)
if you hear (anything|something|any sound|a noise) [<now>|at all]
what (your|the) <ears> (hears|hear|picks up|pick up|is hearing|tells you|records|catches)
about (what you hear|the sounds|the noise|the sound)
the (sound|noise|sounds) you (hear|are hearing|notice)
(everything|anything|all) [that] you (hear|can hear)
who makes (that|this|the) <noise>""",
    c="""(describe|explain|report|tell|name|list|identify|recognize|say|state|mention|announce) what you (hear|are hearing|can hear|are listening to) [<now>|here|there]
(name|identify|recognize|classify|describe|list|label) (the|that|this|every|all the|any|all) (sound|noise|sounds|noises) [you hear|in the room|around you|<now>]
(listen|have a listen|listen up|listen closely|listen carefully|prick up your ears|use your <ears>|open your ears|check your <ears>|listen around|listen in|lend an ear|listen now|take a listen|hark) [and (tell me|say|report|describe) [what you hear|what it is|what there is|what is making noise]]
use your <ears> [and|to] (tell me|say|describe|report) what (you hear|is there|makes the noise)
give me a (description|summary|report) of (what you hear|the sounds|the noise|the audio)
(describe|analyze|report|summarize) (the sound|the sounds|the noise|the audio|the soundscape|the acoustic scene|this sound|the background noise) [for me|to me|<now>]
(tell|show) me what is (making noise|audible|that sound|that noise|making that sound)
(record|sample) (some|the) (audio|sound) [and tell me what it is]""",
    x="""hear
hear anything
listening
sounds
noise
ears
(audio|sound|hearing|mic|microphone|ears) (report|check|status|please|now)
be my ears [what do you hear]
wat do u hear
what u hear
what you hear
you hear what
what do you hear with (your|the) <ears>
with your <ears> what (do|can) you hear
i (hear|heard) (something|a noise|a sound|a strange noise|a funny sound|some noise) [what is it|what is that|what was it|can you tell what it is]
there is (a|some) (noise|sound) [what is it|what could it be|can you tell what it is]
shh (what was that|did you hear that|what is that sound)
what was that [noise|sound]
did (you|u) hear that [noise|sound] [what is it|what was it]
if you listen [closely|carefully] what (do you hear|is there)
i (can't|cannot) hear well what (is|'s) (that sound|making noise|there to hear)
pretend i'm deaf what do you hear
how (noisy|loud|quiet) is it [here|in here|there]
(strange|weird|funny) (noise|sound) [what is it|isn't it]
sound source [please]
what sounds do you hear
any idea what that (noise|sound) is
acoustic (report|check|scan)
what's (up with|with) (that|the) (noise|sound|racket)
someone is (making|being) (noise|noisy) [who is it|what is it]""",
)

TEMPLATES["scan"] = _frames(
    q="""is (anything|something|any thing|any object|some object|an object|someone|an obstacle|any obstacle) [really|very|too] <near>
is there (anything|something|an object|any object|an obstacle|any obstacle|a thing|stuff|any danger|some obstacle) <near>
(are|r) there (things|objects|obstacles|any objects|any things|any obstacles|items) <near>
what (is|'s|are|stands|lies|sits) [the <thing>|the obstacle|that] <near>
what [<thing>|<things>] (is|are|'s) [there|standing] <near>
what (is|'s) (closest|nearest|the closest thing|the nearest thing|the nearest object|the closest object|next to you|the closest|the nearest) [to you|to the robot|<now>|around]
which (<thing>|obstacle) is (nearest|closest|the nearest|the closest|near|near you|close) [to you]
(do|can) you (sense|detect|feel|scan|find|notice|perceive) (anything|something|an obstacle|any obstacle|any obstacles|an object|objects) (<near>|around you|with your <laser>|ahead)
what (does|do|did) (your|the|ur) <laser> (see|show|say|tell you|detect|pick up|find|report|sense|hit|return|read|measure|get|register) [<now>]
what (is|'s) (in|on|before|in front of|near|close to|in range of) (your|the) <laser> [<now>]
what (do|can|did) you (scan|detect|sense|find|pick up|get|measure) with (your|the) <laser> [<now>]
is there an? (obstacle|object) (ahead|in front|in front of you|in the way|around|on the way|there)
is (the|your) (way|path|road) (clear|free|blocked|open) [ahead|<now>]
(are you|are we) (close to|near|next to|about to hit|going to hit|going to bump into|about to bump into|running into|blocked by) (anything|something|an obstacle)
how (far|close|near) (is it|is the (nearest|closest|next) (thing|object|obstacle)|is that|are things|away is it|is anything|is the (thing|object|obstacle))
what (is|'s) the distance [to the (nearest|next|closest) (thing|object|obstacle)]
what (blocks|is blocking|stands in|is in) (your|the) (way|path)
what (could|might|would|will) you (bump|run|drive|crash) into [<now>]
(can|will|would|could) you (bump|run|crash) into (anything|something)
what did you scan [<now>]
what (are|r) you scanning [<now>]
what (are you|is) standing (next to|near|beside|close to) [you]
what (can|could) you (touch|reach|grab|bump into) [from here|<now>]
who or what is <near>
anything (<near>|in range|within range|on the <laser>|near|close to you|in your way|close|nearby|blocking you)
any (obstacle|obstacles|object|objects|thing|things|hazard|hazards) (<near>|ahead|around|nearby|near you|in the way|)
what (does|did) (the|your) scan (show|say|find|reveal|tell)""",
    i="""what (is|'s) <near> [<now>]
what (is|'s) (closest|nearest|the nearest thing|the closest thing|the nearest object) [to you]
what (your|the) <laser> (sees|shows|says|detects|finds|picks up|reports|tells you|measures|senses) [<now>]
what you (scan|sense|detect|find) (<near>|with your <laser>|nearby|around you with your <laser>)
if (there is|there's|you have) (anything|something|an obstacle|an object) <near>
if (anything|something|an obstacle) is <near>
whether (anything|something|an obstacle) is <near>
which (thing|object|obstacle) is (nearest|closest|near you|close to you|in your way)
what (blocks|is blocking) (your|the) (way|path)
how (far|close) (the (nearest|closest|next) (thing|object|obstacle) is|it is|that is)
what you scan [<now>]
what you are (near|close to|next to|standing next to|about to bump into)
about (your|the) (scan|lidar|nearest obstacle|nearest object|obstacles)
the (nearest|closest) (thing|object|obstacle) [to you]
(the|your) (scan|lidar) (result|results|reading|readings)""",
    c="""(scan|do a scan|make a scan|run a scan|perform a scan|start a scan|take a scan|scan around|scan the area|scan the room|scan the surroundings|scan ahead|scan the environment|do a lidar scan|run the lidar|scan for obstacles|scan for objects|rescan|scan your surroundings|sweep the room with your <laser>) [<now>|and report|and tell me what you find|and tell me what is there|for me]
use (your|the) <laser> [and|to] (tell me|say|see|check|find out|report) what (is near|you find|is there|is around|is close)
check (your|the) <laser> [<now>|and report|and tell me what is there]
check (if|whether) (there is|there's) (anything|something|an obstacle) <near>
check (if|whether) (anything|something) is <near>
check (for obstacles|for objects nearby|what is near you|your surroundings with the <laser>|what is close|the distance|your proximity|the way ahead|the path)
(name|identify|describe|report|detect|find|recognize) (the|any) (nearest|closest|nearby|near) (thing|object|obstacle|objects|obstacles|things)
(describe|report|tell me|say|show me) what (is|'s) <near>
(give|read) me (the|your) (scan|lidar|laser|scanner) (report|result|reading|readings|data)
(measure|determine) (the distance|what is near you|how far the next thing is)
feel around [and tell me what is near]
(detect|look for|find|report) obstacles [<near>|ahead|around]""",
    x="""scan
scan please
scan now
scanning
obstacle
obstacles
nearby
anything near
near you
(lidar|laser|scanner|radar|proximity|scan) (report|check|status|reading|result|please|now|what do you see|says)
lidar
obstacle (check|report|ahead|near)
proximity [alert|warning]
what's near
what is close
what's close by
what is next to you
something close
with your <laser> what (do you find|is there|do you sense|do you see|do you detect|is near)
what do you see with (your|the) <laser>
what (do|can) you see on (your|the) <laser>
in front of your <laser> (what is there|is there anything)
what's in front of (your|the) <laser>
(watch|look) out (what is near you|is there something close|is something in your way)
be careful (what is near you|is there something close to you|is anything in your way)
don't (bump|crash|run) into anything what is (near|close)
before you (drive|move|roll|go) [on|off] (is anything in your way|what is near you|is there an obstacle|check for obstacles)
can you (move|drive|go|roll) (forward|ahead|on) (or is something in the way|or is there an obstacle)
i (want|would like|need) (a scan|a lidar scan|the lidar reading|to know what is near you)
what u scan
wat is near u
what is the robot (near|next to|close to)
do you (sense|feel) (anything|something|anyone) (near|close|nearby|near you|close to you|next to you)
is (someone|somebody|anyone|anybody) (near you|close to you|next to you|nearby)
what is within (reach|range|a meter|one meter|3 meters|three meters|arm's length) [of you]
is (anything|something) within (reach|range|a meter|one meter|two meters|3 meters) [of you]""",
)

TEMPLATES["all"] = _frames(
    q="""what (do|can) you (perceive|sense|experience|notice with all your senses|pick up with all your senses|perceive around you|sense around you|take in) [<now>|here|around you|in the room]
what do you see (and hear|hear and scan|and hear and scan|and what do you hear|and hear and sense|hear and feel|and hear and what is near you|and hear right now|or hear)
what do you hear (and see|and see and scan|and what do you see|see and scan)
what (can) you see and hear [<now>|here]
what (is|'s) (going on|happening|the situation|around you|around|the state of things|up around you|new around you|all around you|there around you|happening around you|going on around you|going on in the room|going on here) [<now>|here|there]
what do (your|all your|the) (senses|sensors) (tell you|say|perceive|report|pick up|show|detect) [<now>]
what are (your|all your) (senses|sensors) (telling you|picking up|perceiving|saying|reporting) [<now>]
what is (the status of your sensors|the sensor status|your surroundings|in your surroundings|your situation|your environment like|in your environment)
what (does|is) your (environment|world|surrounding) (look and sound like|like)
how (is|are) (the situation|things around you|your surroundings|the surroundings) [<now>]
what are you (perceiving|sensing|experiencing|aware of) [<now>|around you]""",
    i="""everything [you perceive|you sense|you notice|about your surroundings|you know about your surroundings|around you|that is around you|you see and hear|your sensors tell you|that is going on|going on]
what (is|'s) (going on|happening) [around you|here|there|in the room|<now>]
what you (perceive|sense|see and hear|see hear and scan|see and hear and scan|experience|are perceiving|are sensing) [<now>|around you]
(all|everything) you (perceive|sense|see and hear|see hear and scan|know about this room)
what your (senses|sensors) (tell you|say|perceive|report|pick up)
(your|the) (surroundings|environment|situation|whole situation|full picture|surrounding) [to me|around you|<now>]
what (you see and what you hear|you see and hear and what is near you)
about your (surroundings|environment|senses|situation)
what (is|'s) around you""",
    c="""(describe|report|summarize|explain|tell me about|report on|characterize) (your surroundings|your environment|the situation|everything around you|everything|what is going on|what is happening|everything you perceive|the whole scene with all senses|all your sensor data|the surroundings|the environment|what you see and hear|all that you sense|what you perceive) [to me|for me|<now>|in one sentence]
(give|send|show|make|write) me (a|the|your) (full|complete|total|overall|whole|short|status|situation|sensor|) (report|overview|summary|update|picture|description|status) [of everything|of your senses|of all senses|of your surroundings|of the situation|of all sensors|<now>]
use all [of] your (senses|sensors) [and|to] [tell me what is there|report|describe the room|what do you perceive]
(combine|check|read|query|report|list) all [of] [your] (senses|sensors|sensor readings|modalities|inputs)
look and listen [around] [and tell me what is there|and report]
look listen and scan [and report]""",
    x="""everything
all
report
status
status report [please]
full (report|status|scan of everything|overview)
situation [report]
sitrep
overview
all (senses|sensors|inputs) [report|check|please|now|status]
senses
sense
summary [please]
(a|one) sentence about (everything|your surroundings)
sight hearing and scan [please]
see hear (and scan|scan|and sense)
eyes ears (and|) (lidar|scanner|laser) [report]
what's up around (you|there)
whats going on
what's happening
fill me in [on everything|on what is going on]
bring me up to (date|speed) [on your surroundings]
where are we at what do you (perceive|sense)
i want (to know everything|a full report|the full picture|a complete description)
tell me (everything|all)
what do you see what do you hear [and] what is near you
what do you see and is anything (close|near) [to you] and what do you hear""",
)

TEMPLATES["color"] = _frames(
    q="""what <colour> (is|'s|has|does) (it|that|this|the thing|that thing|the object|this object|the one you see|the thing you see|what you see) [have|there|<front>]
what (is|'s) (its|the|it's|that|the object's|the thing's) <colour> [of it|of that|of the thing|of the object|of the thing you see|of what you see|of that thing|of the object in front of you]
which <colour> (is|has|does) (it|that|the thing|the object|this thing|the thing <front>) [have|there]
what <colour> (do|can) you see [there|<front>]
how is (it|that|the thing|the object) (colored|coloured|painted)
what <colour> would you (say it is|call it|call that|say that is)
what <colour> is the (thing|object|item|stuff|toy) <front>
(of|in) (what|which) <colour> is (it|that|the thing|the object)
is (it|that|the thing|the object) {color} or {color2}
is it {color} {color2} or (something else|another color)
do you know (its|the) <colour> [of it|of that|of the thing]""",
    i="""(its|the|that) <colour> [of it|of that|of the thing|of the object|of the thing you see|of what you see]
what <colour> (it|that|the thing|the object|this) (is|has)
which <colour> (it|that|the thing|the object) (is|has)
how (it|that|the thing) is (colored|coloured|painted)
the <colour> please""",
    c="""(name|identify|determine|say|describe|report|recognize|state|specify) (its|the|that) <colour> [of it|of that|of the thing|of the object|of the object in front of you|of what you see|you see]
(check|look at|look and tell me) (its|the) <colour> [of it|of the thing|of the object]
describe how (it|that) is (colored|painted)""",
    x="""color
colour
which color
what color
what colour
color please
colour of (it|that|the thing|what you see)
the color [of it] [please]
its (color|colour)
hue
what hue
which shade
in which color
what colored thing is (it|that)
what color u see
tell me its (color|colour)
and its color
{color} or {color2}""",
)

TEMPLATES["color_kind"] = _frames(
    q="""what <colour> (is|'s|has|does) <the> {kind} [have|there|you see|<front>]
what (is|'s) the <colour> of <the> {kind} [you see|there|<front>]
what (is|'s) <the> {kind}'s <colour>
which <colour> (is|has|does) <the> {kind} [have]
how is <the> {kind} (colored|coloured|painted)
what <colour> would you (say|call) <the> {kind} [is]
(of|in) (what|which) <colour> is <the> {kind}
is <the> {kind} {color} or {color2}
is <the> {kind} {color}
is <the> {kind} {color} {color2} or (something else|another color)
what <colour> {kind} (is it|is that|do you see|is there|can you see)
what <colour> of {kind} (is it|do you see)
do you know the <colour> of <the> {kind}
<the> {kind} (is|has) (what|which) <colour>
what <colour> are the {kinds}""",
    i="""the <colour> of <the> {kind}
what <colour> <the> {kind} (is|has)
which <colour> <the> {kind} (is|has)
how <the> {kind} is (colored|coloured|painted)
<the> {kind}'s <colour>
if <the> {kind} is {color} or {color2}
if <the> {kind} is {color}""",
    c="""(name|identify|determine|say|describe|report|recognize|state|specify) the <colour> of <the> {kind}
(check|look at) the <colour> of <the> {kind}
look at <the> {kind} and tell me (its|the) <colour>""",
    x="""<colour> of <the> {kind}
{kind} <colour>
the {kind}'s <colour>
the {kind} what <colour>
<the> {kind} <colour> [please]
i see {a_kind} what <colour> is it
there is {a_kind} [right] what <colour> is it
i want to know (if <the> {kind} is {color}|what <colour> <the> {kind} is)
what about the <colour> of <the> {kind}""",
)

TEMPLATES["see_is"] = _frames(
    q="""(do|can|did) (you|u) [actually|really] (see|spot|notice|recognize|find|make out|observe) (a|any|some|the|that|my|one) {kind} [<now>|there|here|<front>|anywhere|in the room]
(do|can) you see any {kinds} [<now>|there|here|<front>|anywhere]
is there (a|any|some|one) {kind} [<front>|here|in the room|to be seen|in the picture|on camera|visible|in this room]
are there any {kinds} [<front>|here|in the room|to be seen|in the picture|on camera|visible|in this room]
is (that|this|it) {a_kind} [<front>|over there|there]
is (a|the|any|my) {kind} (visible|in sight|in view|in the picture|on camera|in front of you|in front of the camera|there|here)
is <front> {a_kind}
(are you|r u) (seeing|looking at|facing|watching) {a_kind} [<now>]
does (your|the) <eyes> (show|see|capture) (a|any|the) {kind}
is the thing (you see|in front of you|you are looking at|before you) {a_kind}
any {kinds} (in sight|in view|visible|there|here|around|to be seen|in the room)
any {kind} (in sight|in view|visible|there|here|around)
have you (seen|spotted|noticed) (a|any|the) {kind}""",
    i="""if (you see|you can see|there is|there's) (a|any|the) {kind} [<front>|there|here|in the room]
whether (you see|you can see|there is) (a|any|the) {kind} [<front>|there|here]
if (a|the|any) {kind} is (visible|in sight|in view|there|here|<front>)""",
    c="""check (if|whether) (there is|there's|you see|you can see) {a_kind} [<front>|here|in the room]
look (if|whether) (there is|you see) {a_kind}
(confirm|verify) that (there is|you see) {a_kind}""",
    x="""{a_kind} in sight
see {a_kind}
see any {kinds}
see the {kind}
you see {a_kind} (right|don't you|yes or no|correct)
i think (there is|you see|that is|i see) {a_kind} [right|is that correct|do you agree|am i right]
there is {a_kind} (right|isn't there|correct)
{a_kind}
is it {a_kind} or {a_other}
is that {a_kind} or {a_other}
yes or no do you see {a_kind}""",
)

TEMPLATES["see_color"] = _frames(
    q="""(do|can) you (see|spot|notice|find) (anything|something|any thing|a thing) {color} [<now>|there|here|<front>]
is there (anything|something) {color} [<front>|here|in the room|to be seen]
(do|can) you see (a|the|any) {color} {kind} [<now>|there|here|<front>]
is there a {color} {kind} [<front>|here|in the room|in sight]
is (that|it|this) a {color} {kind}
is (it|that|the thing|the object) {color}
are there any {color} (things|objects|{kinds}) [<front>|here]
anything {color} [in sight|in view|there|here|<front>]
does the thing (you see|in front of you) look {color}
any {color} {kinds} [in sight|there|here]
is a {color} {kind} (in view|visible|there|in sight)""",
    i="""if (you see|there is) (anything|something) {color} [<front>|there]
if (you see|there is) a {color} {kind}
if (it|that|the thing) is {color}""",
    x="""a {color} {kind} in sight
see anything {color}
it is {color} (right|isn't it)
see a {color} {kind}""",
)

_SOUND = (
    "(do|can|did) you hear (a|any|the|my|that|some) {kind} [<now>|there|here|anywhere|around]"
    "\n(do|can) you hear any {kinds}"
    "\nis (a|the|any|my) {kind} (audible|to be heard|making noise|making a sound|making that noise|making the noise|sounding|{sound})"
    "\nis (that|it|this) (a|the|my) {kind} [i hear|that i hear|making noise|{sound}|making that sound|we hear]"
    "\nis (that|this|the) (sound|noise) (a|the|from a|from the|coming from a) {kind}"
    "\nis there (a|any) {kind} (audible|to be heard|making noise|{sound}|to hear)"
    "\n(are you|r u) hearing (a|the|any) {kind}"
    "\ndoes (it|that) sound like {a_kind}"
    "\ndoes (your|the) <ears> (hear|pick up) (a|any|the) {kind}"
    "\nis the {kind} (on|running|going|playing|active) [<now>]"
    "\nis {a_kind} {sound} [<now>|here|there|somewhere]"
    "\nis (somebody|someone|anyone) playing the {kind}"
    "\ndid {a_kind} just make a (sound|noise)"
)
TEMPLATES["hear_is"] = _frames(
    q=_SOUND,
    i="""if you (hear|can hear) (a|any|the) {kind}
whether you (hear|can hear) (a|any|the) {kind}
if (a|the|any) {kind} is ({sound}|audible|making noise)""",
    c="""listen (if|whether|for) (there is|you hear) {a_kind}
check (if|whether) (you hear {a_kind}|the {kind} is {sound}|{a_kind} is making noise)
listen for {a_kind}""",
    x="""hear {a_kind}
hear the {kind}
hear any {kinds}
i (think|believe) (i hear|that is|i heard) {a_kind} [do you hear it too|is that right|can you hear it]
that sounds like {a_kind} [right|doesn't it|do you agree]
you hear {a_kind} (right|don't you|correct)
{kind} {sound}""",
)

TEMPLATES["scan_is"] = _frames(
    q="""is there (a|any|the|one) {kind} <near>
are there any {kinds} <near>
is (a|the|any|my|that) {kind} [really|very|too] <near>
is the (nearest|closest) (thing|object|obstacle) {a_kind}
is the (thing|object|obstacle) <near> {a_kind}
(do|can) you (sense|detect|scan|feel) (a|any|the) {kind} (<near>|with your <laser>)
does (your|the) <laser> (see|show|detect|pick up|find) (a|any|the) {kind}
are you (near|close to|next to|beside|about to hit) (a|the|any) {kind}
any {kinds} <near>
how (close|near|far) is (the|a) {kind}""",
    i="""if (there is|you have) (a|any|the) {kind} <near>
whether (a|the) {kind} is <near>
if (a|the|any) {kind} is <near>""",
    c="""check (if|whether) (there is|you are near|you are close to) {a_kind} [<near>]
scan for (a|the|any) {kind}
scan and tell me if there is {a_kind}""",
    x="""{a_kind} near you
{a_kind} nearby
you are (near|next to|close to) {a_kind} (right|correct|aren't you)
watch out for the {kind} is it near""",
)

TEMPLATES["count"] = _frames(
    q="""how many {kinds} (are there|are|do you see|can you see|do you count|can you count|do we have|have we got|are visible|are in view|do you find|can you find|do you detect|exist|you see|there are|can you spot|are in the room|are around|are here|do you have|did you see) [<room>|<now>|there|here]
how many {kinds} [<room>|please]
how many {kind} (are there|do you see|is there|are)
how much {kinds} [are there|do you see]
what (is|'s) the (number|count|amount|quantity|total) of {kinds} [<room>]
do you see (any|some|more) {kinds} and how many
are there any {kinds} [here|there|in the room] and [if so] how many
is there (more than one|only one|just one|one or more than one|one or two|a second|another) {kind} [<room>]
are there (two|three|several|many|multiple|a lot of|more|more than two|a few|2|3) {kinds} [<room>]
is there one {kind} or (two|more|are there more|several)
do you see (one|two|three|several|many|more than one|1|2|3) {kinds_n} [<room>]
can you count the {kinds} [<room>]
what number of {kinds} (is there|are there|do you see)
the {kinds} how many (are there|are they|do you see)
{kinds} how many""",
    i="""how many {kinds} (there are|you see|you can see|are there|are visible|you count|you find|we have|are in the room) [<room>|<now>]
the (number|count|amount|quantity|total) of {kinds} [<room>]
(if there are any {kinds} and|) how many {kinds}""",
    c="""count (the|all|all the|any|every|) {kinds} [<room>|for me|<now>]
count (every|each) {kind} [<room>]
(give|tell) me (the|a) (number|count|total|headcount|tally|amount) of {kinds} [<room>]
(determine|find|get|report|find out|calculate|check|estimate) (the (number|count|amount) of|how many) {kinds} [<room>|there are]
do a (count|head count|headcount|tally) of (the|all) {kinds}
count up the {kinds}
count how many {kinds} (there are|you see)
look and count the {kinds}""",
    x="""number of {kinds} [<room>]
{kinds} count
count {kinds}
count of {kinds}
amount of {kinds}
{kinds} number
{kinds} how many
(any|some) {kinds} [here|there] how many
tally the {kinds}
how many {kinds} u see
i (want|need) (the number of|to count the|a count of the) {kinds}
i need to know how many {kinds} (there are|we have)
i'm (looking for|missing|collecting) {kinds} how many (are there|do you see)
one {kind} or (two|more|two {kinds})
i see {kinds} how many do you see
are all my {kinds} here how many do you count""",
)

TEMPLATES["where"] = _frames(
    q="""where (is|'s|are|is there|stands|lies) (the|a|my|that|our|this|any) {kind} [<now>|located|standing|at|exactly|please|in the room|in the picture|hiding]
where (do|can|did) you (see|find|spot|locate|have) (the|a|my|that) {kind}
where (are|r) the {kinds}
where (can|could|should|will) i (find|look for|get) (the|a|my) {kind}
(on|to|at) (which|what) (side|hand|part) is (the|a|my) {kind}
which (side|direction|way) is (the|a|my) {kind} [on|in]
in (which|what) direction is (the|a|my) {kind}
is (the|a|my) {kind} (on the left or (on the right|right|the right)|to the left or [to] the right|left or right|on your left or on your right|left right or in the middle|on the left|on the right|in the middle|on your left|on your right|to the right|to the left)
what (is|'s) the (position|location|place|direction|whereabouts) of (the|my|that) {kind}
(have|did) (you|u) (seen|see|find|found|spot) my {kind} [anywhere|somewhere]
can you (find|locate|spot|see where|point to|search|show me) (the|my|a|that) {kind} [for me|is]
(at|in) what (position|place|spot|location) is (the|a|my) {kind}
where has (the|my) {kind} gone
where did (the|my) {kind} go
where did i (put|leave|lose) (the|my) {kind}
where exactly is (the|my) {kind}
do you know where (the|my|a) {kind} is""",
    i="""where (the|a|my|that|our) {kind} (is|is located|stands|could be|went|has gone|is standing|lies)
(on|to) which side (the|a|my) {kind} is
the (position|location|place|direction|whereabouts) of (the|my|that) {kind}
if (the|my) {kind} is (left or right|on the left|on the right|on the left or on the right)
where i can find (the|my|a) {kind}
where you see (the|a|my) {kind}""",
    c="""(find|locate|search for|look for|seek|spot|search|detect|track down|hunt for|point at|point to|point out|localize|find out where) (the|my|a|that|our) {kind} [is|for me|in the room|<now>|please]
find me (the|a|my) {kind}
help me (find|locate|look for|search for) (the|my|a) {kind}
(show|tell) me where (the|my|a) {kind} is
(determine|give me|report|get) the (position|location|place|direction) of (the|my) {kind}
point me to (the|my|a) {kind}
(direct|guide|lead) me to (the|my|a) {kind}""",
    x="""where {kind}
where the {kind}
where's my {kind}
{kind} where
{kind} (location|position|place)
position of (the|my) {kind}
location of (the|my) {kind}
i (lost|can't find|cannot find|misplaced|am looking for|'m looking for|am searching|don't see|miss) (the|my|a) {kind} [where is it|can you help|can you find it|can you see it|help me]
my {kind} is (missing|lost|gone) [where is it|can you find it]
looking for (the|my|a) {kind}
left or right where is the {kind}
the {kind} where is it
i need (the|my|a) {kind} where is it""",
)

TEMPLATES["lamp_on"] = _frames(
    rule="lamp_on",
    c="""light up [the room|this place|the house|this room|things a bit|it up]
(brighten|illuminate|lighten) (the room|it up|this place|this room|things up|up the room|my room|the house|up)
make it (bright|brighter|light|lighter) [in here|here]
make (some|) light
(give|get|bring) (me|us) (some|a bit of|a little|more|) light
let there be light
(shed|throw|put) some light [in here|on this|on the matter]
get some light (in here|going|on)
make (the room|this room) (bright|brighter|light)
let me see something turn the light on""",
    x="""lamp on
light on
lights on
lamp on please
on with the (light|lamp|lights)
light
lights
lights please
light please
lamp
i (need|want|would like|'d like|could use) (some|more|a bit of|the|) (light|lamp|light in here|light on|lamp on|lights on|brightness)
<lampw> (should|must|needs to|has to|ought to) be (on|turned on|switched on)
<lampw> on
we need (light|some light|more light) [here|in here]
let <lampw> (shine|glow|burn)
more light
i (want|need) <lampw> (on|to be on|switched on|turned on)
it would be (nice|great) if <lampw> (was|were) on
how about (some|a little) light
is it possible to (turn on|switch on) <lampw>
would you mind (turning|switching|putting) on <lampw>
mind (turning|switching|putting) <lampw> on
illumination please""",
    ctx="""it's [too|so|very|really|pretty|getting|a bit|quite|kind of] dark [in here|here|outside|in this room|now]
it is [too|so|very|really|getting|a bit] dark [in here|here]
i (can't|cannot|can hardly|can barely) see (a thing|anything|my hand|what i'm doing|the book|nothing)
i (want|would like|need|'m trying) to read [a book|something|my book]
the room is [too|so|very] (dark|dim|gloomy)
(it's|it is) (gloomy|dim|pitch black|night|evening|murky|pitch dark) [in here|here|now]
the sun (has gone down|is down|went down|has set|set)
i'm (afraid of|scared of|scared in) the dark
why is it so dark [in here|here]
i'm sitting in the dark
i keep bumping into things""",
)

TEMPLATES["lamp_off"] = _frames(
    rule="lamp_off",
    c="""(kill|cut|douse|extinguish|put out|switch out|blow out|dim|dim out|turn out|snuff|snuff out|drop) <lampw>
make it dark [in here|here]
(darken|black out) (the room|this room|this place|it|here)
make (the room|this room|it) (dark|darker)
let it be dark
(leave|get) (us|me) in the dark
save (some|) (power|electricity|energy) and turn the (lamp|light|lights) off""",
    x="""lamp off
light off
lights off
lights out
light out
lamp off please
off with the (light|lamp|lights)
no (more|) light [please]
<lampw> off
darkness [please]
<lampw> (should|must|needs to|has to) be (off|turned off|switched off)
i don't (need|want) (the|any|that) (light|lamp|lights|lighting) [on|anymore|any more|any longer]
i (want|need|would like) (it dark|it to be dark|darkness|the lamp off|the light off|the lights off|less light)
<lampw> (is|are) (too bright|blinding me|hurting my eyes|bothering me|annoying) [turn it off|switch it off]
would you mind (turning|switching|putting) off <lampw>
mind (turning|switching) <lampw> off
nobody needs the (light|lamp) [now|anymore]
we don't need the (light|lamp|lights) [anymore|now]""",
    ctx="""it's [too|so|very|really|way too] bright [in here|here]
it is [too|so|very] bright [in here|here]
the light hurts my eyes
i (want|would like|need|'m going|am going|am about|'m about) to (sleep|go to bed|take a nap|nap|go to sleep|bed)
i'm (sleepy|going to sleep|going to bed|trying to sleep)
it's (bedtime|time for bed|time to sleep|light enough|bright enough|daylight|daytime|sunny)
the sun is (up|shining)
we('re| are) wasting (electricity|power|energy)
i can't sleep with (this light|the light on|the lamp on)
(good night|nighty night) robot and the light
i (want|would like) to watch a movie in the dark""",
)

TEMPLATES["radio_on"] = _frames(
    rule="radio_on",
    c="""(play|put on|start|give me|get me|give us|let me hear|let us hear|switch to) (some|a bit of|a little|the|my|) (music|tunes|songs|song|radio|news on the radio|jazz|rock|pop music|beats|background music|melody|sound)
play (something|me something|a song|me a song|us a song|me some music|the radio|some nice music|some good tunes|a tune|something nice) [on the radio]
tune in [to] (the radio|a station|some music|to a station|to some music|to the radio|my station)
(find|get) (me|us|) (a|some|the) (radio station|station|music)
make (some|) music
let the (radio|music) play
start (the music|the party|playing music|playing|a song)
turn up the (radio|music)
entertain me with [some] music
fill the room with music
let me listen to (the radio|some music|music|the news|a song)""",
    x="""radio on
music on
music
music please
radio
radio please
on with the (radio|music)
<radiow> on
tunes please
i (want|need|would like|'d like|wanna|feel like|am in the mood for|'m in the mood for|could use) (to hear [some] music|to listen to (the radio|music|some music|some tunes|the news)|music|some music|some tunes|the radio on|hearing some music|listening to the radio|listening to music|a song|to dance)
<radiow> (should|must|needs to|has to) be (on|turned on|playing)
how about (some|a little) music
would you mind (turning|switching|putting) on <radiow>
mind (turning|switching|putting) <radiow> on
let's (hear|have|listen to) (some music|the radio|some tunes|a song)
what's on the radio let me hear
we need (music|some music|some tunes)
dj play something
is there anything on the radio play it""",
    ctx="""it's [too|so|very|really] (quiet|silent|still) [in here|here]
it is [too|so] quiet [in here|here]
i'm (bored|lonely|in a party mood)
this (silence|quiet) is (awful|killing me|unbearable|boring|scary)
i (want|would like|feel like) (to dance|dancing|to sing along)
the silence bothers me
i (want|would like) some entertainment
let's (have a party|dance|party)
i want to hear the news
my favorite (show|song|program) is on""",
)

TEMPLATES["radio_off"] = _frames(
    rule="radio_off",
    c="""(kill|cut|stop|end|mute|silence|quit|pause|shush|hush|drop|lose|ditch) (<radiow>|that noise|the noise|that racket|the racket|the sound|that song|that awful music|this noise|this song|the tunes)
(stop|quit) (playing|the music|the song|that music|playing music|the radio|the broadcast|that song)
make (it|the room|this place) (quiet|silent|still) [in here|again]
turn (the|that|this) (noise|racket|sound|awful music|terrible song|junk|din) off
shut (the|that|this) (noise|racket|music|noise box|thing|box|radio|sound|song) (off|down|up)
(shut|turn|switch) off (the|that|this) (noise|racket|noise box|sound|din|awful song|terrible music|music box|box)
make the (music|noise|radio|song) (stop|go away|end)
turn down the (music|radio|noise|volume)
let it be quiet
give me [some|a little|a bit of] (silence|quiet|peace and quiet|peace)""",
    x="""radio off
music off
no music
no more music
no radio
radio off please
silence
silence please
quiet
quiet please
be quiet
mute
mute it
stop the music
enough music [for today|for now]
enough of (that|this|the) (music|noise|song|radio|racket)
off with the (radio|music)
<radiow> off
<radiow> (should|must|needs to|has to) be (off|turned off|silent)
i (want|need|would like) (silence|quiet|some quiet|peace and quiet|it quiet|some peace|the radio off|the music off|a bit of silence|some silence)
i don't (want|need|like) (the|this|that|any) (radio|music|song|noise|racket) [anymore|any more|on|now]
would you mind (turning|switching) off <radiow>
mind (turning|switching) <radiow> off
shut it up
shut up
shush
hush
can we have some (quiet|silence)
can it be quiet
could we do without (the radio|the music|music)
no noise please
peace and quiet [please]""",
    ctx="""(the|that|this) (music|radio|song|noise) is [too|so|way too|very|terribly] (loud|annoying|awful|noisy|terrible|bad|disturbing)
<radiow> is (annoying me|getting on my nerves|driving me crazy|giving me a headache|too loud|bothering me|disturbing me|keeping me awake)
it's [too|so|very|way too] (loud|noisy) [in here|here]
i (can't|cannot) (hear myself think|concentrate|think|sleep with this music|hear you|focus|work like this|stand this song|stand that music|hear the phone)
i('m| am) (on the phone|trying to work|trying to concentrate|trying to study|taking a call|in a meeting|talking on the phone)
i have a headache
i hate (this song|that song|this music|this station)
the baby is sleeping
my ears hurt
i need to (concentrate|focus|study|make a call|work)
i've heard enough""",
)

TEMPLATES["fan_on"] = _frames(
    rule="fan_on",
    c="""(get|make|give me|give us|let's have|bring|create) (some|a bit of|a little|more|) (air|fresh air|wind|breeze|air moving|air flow|airflow|ventilation|a breeze|air circulation|cool air) [in here|moving|going]
(cool|freshen|air|ventilate) (me|us|the room|this room|this place|it|things) [down|up|off|out|a bit]
blow (some|) air [on me|in here|around]
move the air [around]
circulate the air
start (blowing|ventilating|cooling|fanning)
fan me
make (a breeze|some wind|it breezy|wind)
let the (fan|ventilator|propeller) (spin|run|blow|turn|rotate)
spin (up|) <fanw>
get <fanw> (spinning|blowing|moving|turning|running)""",
    x="""fan on
ventilator on
fan
fan please
fan on please
air please
some air please
on with the fan
<fanw> on
i (need|want|would like|could use) (some|a bit of|) (air|fresh air|a breeze|wind|cooling|cool air|the fan|the fan on|fan)
<fanw> (should|must|needs to|has to) be (on|turned on|running|spinning)
would you mind (turning|switching|putting) on <fanw>
mind (turning|switching|putting) <fanw> on
ventilation please
a breeze would be (nice|great|lovely|good)
how about a (breeze|bit of air|little wind)
more air""",
    ctx="""it's [too|so|very|really|pretty|quite|getting|rather] (hot|stuffy|warm|humid|sticky|muggy|boiling) [in here|here|today|in this room]
it is [too|so|very] (hot|stuffy|warm|humid) [in here|here]
i('m| am) [so|too|very|really] (hot|sweating|melting|boiling|sweaty|overheated|burning up)
the air is [so|too|very|really|a bit] (stale|stuffy|bad|thick|hot|still|heavy)
there's no (air|breeze|air in here|fresh air)
i (can't|cannot|can hardly) breathe [in here]
it smells [in here|bad|of smoke|funny]
what a (heat|hot day)
this heat is (killing me|unbearable|too much|awful)
i need to cool (down|off)
it's like an oven [in here]
sweat is running down my face""",
)

TEMPLATES["fan_off"] = _frames(
    rule="fan_off",
    c="""stop (blowing|the breeze|the wind|the air|that wind|fanning|ventilating|the air flow|the draft from the fan|cooling|spinning)
(kill|cut|end|stop) (the breeze|the wind|the air|the ventilation|the blowing|<fanw>)
make (the wind|the breeze|the blowing|the fan|the ventilator) stop
stop <fanw> from (spinning|blowing|running|turning)
let the (fan|ventilator) (stop|rest)
stop the (fan|propeller|ventilator|blades)""",
    x="""fan off
ventilator off
no fan
no more (fan|wind|air|breeze) [please]
fan off please
off with the fan
<fanw> off
<fanw> (should|must|needs to|has to) be (off|turned off|stopped)
i don't (need|want) (the|any|that) (fan|wind|breeze|air|ventilator|ventilation) [on|anymore|any more]
enough (air|wind|breeze|fan|ventilation|cooling)
would you mind (turning|switching) off <fanw>
mind (turning|switching) <fanw> off
i (want|need|would like) the fan (off|to stop|stopped)
the fan can stop [now]
we don't need the fan [anymore|now]""",
    ctx="""it's [too|so|very] (windy|breezy|drafty|blowy) [in here|here]
(the|that) (fan|ventilator) is [too|so|very] (loud|noisy|strong|annoying|cold)
(the|that) wind is [too|so] (strong|cold|annoying)
the fan is (annoying me|blowing in my face|blowing my papers away|making me cold|too much)
i('m| am) (freezing|cold|chilly|shivering) from (the fan|the wind|the breeze|that air)
my papers are flying [around|away]
the air is blowing in my face
it's cool enough
the breeze is too (much|strong|cold)
there's too much (wind|air|breeze)
i'm getting a cold from the fan""",
)

TEMPLATES["door_open"] = _frames(
    rule="door_open",
    c="""let (me|us|him|her|them|the cat|the dog|my friend|the guests|the kids|everyone|someone|somebody|the visitors|kitty|the puppy|my mom|the mailman|people|the bird|grandma|the delivery man|fresh air) (in|out|inside|outside|come in|go out|into the house|in the house|in please|out please)
open up [for me|for us|please|for the guests|the house]
(admit|welcome) (the guests|the visitors|our guests|them|him|her)
get the door [for me|for us]
unlock [it|the house|the entrance]
answer the door
make way [for me|for us] at the door
show (him|her|them|the guests) in
see who is at the door""",
    x="""door open
open
open sesame
open please
open it [up]
door
open door
door open please
<doorw> open [please]
<doorw> (should|must|needs to|has to) be (open|opened|unlocked)
i (want|need|would like|have|'d like|wanna) to (go out|go outside|leave|get out|come in|get in|leave the house|go for a walk|enter|exit)
i (want|need|would like) <doorw> (open|opened|to be open|unlocked)
would you mind (opening|unlocking) <doorw>
mind (opening|getting) <doorw>
(somebody|someone|a guest|the postman|my friend|a visitor|mom|the pizza guy|a friend) (wants in|wants to come in|is waiting outside|is at the door|is knocking|is outside|is here|rang the bell) [open up|please open|let them in|let him in]
the (cat|dog) (wants out|wants to go out|needs to go out|wants in|wants to come in|is scratching at the door|has to go out|needs to pee) [let it out|let it in|open up|please]
is it possible to open <doorw>
how about opening <doorw>""",
    ctx="""(someone|somebody) is (at the door|knocking|knocking at the door|ringing|outside|waiting outside|at the entrance)
there('s| is) (someone|somebody|a guest|a visitor) at the door
i('m| am) (leaving|going out|heading out|outside|standing outside|coming in|coming home|at the door|locked out|home|off to work)
(we have|i have|i'm expecting|there are) (guests|visitors|company)
my hands are full
the (guests|visitors|kids|pizza) (are|is) here
the doorbell (rang|is ringing)
i hear (a knock|knocking|the doorbell)
i forgot my keys
i (want|would like) to let (the cat|the dog|some air|the guests|my friend) (in|out)""",
)

TEMPLATES["door_close"] = _frames(
    rule="door_close",
    c="""(keep|leave) (the cat|the dog|the cold|the wind|the noise|people|the kids|strangers|everyone|the heat|him|the bugs|the mosquitoes) (in|out|inside|outside)
don't let (the cat|the dog|anyone|anybody|the cold|the heat|the kids|people|the bird|strangers|him|the bugs|the warm air) (in|out|escape|get out|come in|get in|run away)
(secure|lock) (the house|the entrance|up|everything up)
lock up [the house|for the night|please]
shut it
close it [up|please]
pull it shut
stop the draft [from the door]""",
    x="""door closed
door shut
close
shut
close please
close door
shut door
door close
door close please
<doorw> (closed|shut|close) [please]
<doorw> (should|must|needs to|has to) be (closed|shut|locked)
i (want|need|would like) <doorw> (closed|shut|to be closed|locked)
would you mind (closing|shutting|locking) <doorw>
mind (closing|shutting) <doorw>
(who|somebody|someone|he|she|they|you|the kids|i) left <doorw> open [close it|shut it|can you close it|please close it]
why is the door open [close it|shut it|please close it]
the door is [still|wide] open [close it|shut it|please close it|and it's cold|can you shut it]
were you born in a barn
is it possible to close <doorw>
no visitors [today|please] close up
how about closing <doorw>
i don't want the door open""",
    ctx="""there('s| is) a (draft|draught|cold draft|breeze from the door|draft in here)
it's (drafty|cold|getting cold|freezing|windy) (from outside|from the door|with the door open)
the cold (is coming|comes|gets) in
the (cat|dog) (will|could|might|is going to) (run away|escape|get out|run out)
i want (some|more) privacy
(the bugs|mosquitoes|flies|bees) are coming in
the neighbors are (loud|noisy|watching)
it's noisy outside
(the heat|the warm air|warm air) is (escaping|getting out|going out)
everyone (has left|is gone|is inside|is in)
the guests (have left|left|are gone)
i('m| am) (inside|in|back) now
we're all (in|inside)""",
)

TEMPLATES["thermostat_set"] = _frames(
    c="""set <heatw> (to|at|on) {temp} <deg>
(adjust|change|put|turn|bring|get|move|switch|program|regulate|fix) <heatw> (to|at|on) {temp} <deg>
(raise|increase|turn up|crank up|lift|push|up) <heatw> to {temp} <deg>
(lower|decrease|turn down|reduce|drop|bring down) <heatw> to {temp} <deg>
turn <heatw> (up|down) to {temp} <deg>
make it {temp} <deg> [warm|in here|here|please]
(heat|warm|cool|heat up|warm up|cool down|bring) (the room|the house|this room|it|the place|the apartment|the flat|everything) [up|down] to {temp} <deg>
(warm|heat|cool) [it] (up|down) to {temp} <deg>
(keep|hold|maintain|leave) (the room|it|the house|<heatw>) at {temp} <deg>
set it to {temp} <deg>
set {temp} <deg>
set (the|a) (room|target) [temperature] to {temp} <deg>
give me {temp} <deg>
let it be {temp} <deg>
(choose|select|dial in|enter|pick|aim for|go for) {temp} <deg>
have <heatw> (at|on|set to) {temp} <deg>
go (up|down|) to {temp} <deg>""",
    x="""thermostat {temp}
thermostat to {temp} <deg>
temperature {temp} <deg>
temperature to {temp}
heating {temp} <deg>
heating to {temp} <deg>
heat to {temp} <deg>
<heatw> {temp} [<deg>] [please]
{temp} <deg> please
{temp} degrees
i (want|need|would like|'d like|prefer|wish for) [it|it to be|the room at|a temperature of|the temperature at|the heating at] {temp} <deg> [in here|here|in the room|in this room|please]
i want the (thermostat|temperature|heating) (at|to be|on|set to) {temp} <deg>
(the room|it|the temperature|the house|the thermostat) should be (at|) {temp} <deg>
it's [too|so|very] cold [in here|here] (set|make|turn|put) (it|<heatw>) to {temp} <deg>
it's [too|so|very] (hot|warm) [in here|here] (set|turn|put) (it|<heatw>) [down] to {temp} <deg>
i('m| am) (cold|freezing|chilly) (set|make it|turn up <heatw> to|set <heatw> to|heat to|heat up to) {temp} <deg>
i('m| am) (hot|sweating|warm) (set <heatw> to|cool down to|make it|turn <heatw> down to) {temp} <deg>
would you mind setting <heatw> to {temp} <deg>
how about {temp} degrees
can (we|i) have (it at|) {temp} degrees [in here|please]
{temp} degrees (would be nice|would be good|is what i want|sounds good|is comfortable)
target [temperature] {temp} <deg>""",
)

TEMPLATES["thermostat_get"] = _frames(
    q="""what (is|'s) the (temperature|temp|room temperature|current temperature|thermostat|heating|thermostat setting|thermostat reading) [in here|here|<now>|in the room|inside|at|set to|set at|like|in this room]
what (is|was) (the thermostat|the temperature|the heating|the heater) set (to|at) [<now>]
(what|which) temperature (is it|do we have|is set|is the thermostat set to|is it in here|have we got|does the thermostat show|did you set|is the room|is the room at) [<now>|here|in here]
how (warm|cold|hot|cool|chilly) is it [in here|here|<now>|inside|in the room|in this room]
how (warm|cold|hot|cool) is the (room|house|heating|flat|apartment)
how many degrees (is it|are there|do we have|is the thermostat at|is the room|have we got|does it show) [in here|here|<now>]
is it (warm|cold|hot|cool|chilly) (in here|here|inside|in the room|)
what does the (thermostat|thermometer) (say|show|read|display)
at what temperature is the (thermostat|heating|room)
how high is the (temperature|heating|thermostat|heat)
where is the thermostat set
how is the thermostat set
do you know the (temperature|room temperature|temp)
is the heating (on|up|high|low)""",
    i="""the (temperature|temp|room temperature|thermostat setting|current temperature|reading of the thermostat|thermostat value|degrees)
how (warm|cold|hot) it is [in here|here|<now>|inside]
what the (thermostat|temperature) (is|is set to|says|shows|reads|is now)
what temperature (it is|we have|is set|the thermostat is at|the room has)
how many degrees (it is|we have|there are)""",
    c="""(read|check|look at|report|get|query|read out) (the|) (thermostat|temperature|room temperature|thermostat setting|temp|heating)
check how (warm|cold|hot) it is [in here]
(give|tell) me the (temperature|temp|degrees|thermostat reading|room temperature)
measure the temperature""",
    x="""temperature
temperature please
temp
thermostat
degrees
how warm
how cold
how many degrees
room temperature
current temperature
thermostat (status|setting|reading|value|please)
thermostat what does it say
is it just me or is it (cold|hot|warm) [in here]
i feel (cold|hot|warm) what (is|'s) the temperature
am i (cold|hot) what's the temperature""",
)

TEMPLATES["thermostat_vague"] = _frames(
    c="""make it (warmer|cooler|colder|a bit warmer|a little cooler|less warm|less cold|hotter)
turn (up|down) <heatw>
turn <heatw> (up|down) [a bit|a little]
(raise|lower|increase|reduce|change|adjust) <heatw> [a bit|a little]
set <heatw>
(heat|warm) (up the room|the room|up the house)
change the temperature""",
    x="""i('m| am) [so|too|very|really] (cold|freezing|chilly)
it's [too|so|very|really|a bit] (cold|chilly|freezing) [in here|here]
warmer [please]
colder [please]
i want it (warmer|cooler|colder)
heating on
more heat""",
)

TEMPLATES["time"] = _frames(
    q="""what time (is it|do we have|is it now|have you got|have we got|does the clock show|does the clock say|does it say|is it by your clock|is it at the moment|it is|is now|of day is it) [<now>|please]
what (is|'s) the [current|exact|local|] (time|clock time|hour) [<now>|please|of day]
do (you|u) (have|know|got) (the|what) time [it is|is it|please|for me]
(have you got|you got|got|u got) the time
how (late|early) is it [<now>|already]
what (does|'s) (the|your) (clock|watch) (say|show|read|saying|display|tell) [<now>]
(which|what) (hour|o'clock) (is it|do we have)
is it (late|early|already late|past noon|time for lunch|lunchtime|noon|midnight|still morning|time for bed|past 8|past eight|already evening|five o'clock|5 yet|morning or evening)
what time it is
how much time is it
what hour of the day is it
what's the hour""",
    i="""what time it is [<now>]
what time (is it|we have|it is by your clock)
the [current|exact|right|] (time|hour) [<now>|please]
how late it is
what the (time|clock) (is|says|shows)
what hour it is""",
    c="""(check|look at|read|see|consult) (the|your|) (clock|time|watch) [for me|and tell me the time]
(tell|give|show) (me|us) the [current|exact] time
(say|announce|state|read out) the time
tell the time""",
    x="""time
time please
the time
the time please
clock
time now
current time
what time
time check
whats the time
wat time is it
wats the time
what tiem is it
how late
how late is it already
i (need|want) (the time|to know the time|to know what time it is|to know how late it is)
i (lost track of time|forgot my watch|have no watch|am late|might be late|have an appointment|overslept) [what time is it|how late is it|what's the time]
my watch (stopped|is broken) [what time is it|what's the time]
any idea (what time it is|how late it is|of the time)
when is it now
is it time for (bed|lunch|dinner|breakfast) [what time is it|already|yet]
excuse me do you have the time""",
)

TEMPLATES["greeting"] = [
    "(hello|hi|hey|good morning|good evening|good afternoon|good day|howdy|hiya|greetings|hey there|hi there|hello there"
    "|yo|sup|morning|evening|hallo|heya|hullo|welcome|salute|hola|good to see you|nice to see you|bonjour|ahoy|heyo)"
    " [robot|buddy|friend|my friend|pal|sensebind|dear|mate|bot|you|little robot|old friend|there]",
    "(hello|hi|hey) [robot|buddy|there|sensebind] (how are you|how are you doing|how is it going|nice to meet you|how do you do"
    "|good to see you|what's up|are you there|how are things|are you awake|can you hear me|are you ready)",
    "(how are you|how are you doing|how is it going|how do you do|how do you feel|nice to meet you|what's up|how are things"
    "|are you there|are you awake|wake up|are you ready|how have you been|pleased to meet you|how's life|how r u|how are u"
    "|you there|are you okay|how was your day|everything ok|are you listening|testing|test|can you hear me) [robot|buddy|today|my friend]",
    "(i am|i'm|my name is) (back|home|anna|tom|here|john|lisa|alex|your new owner|sam|maria) [hello|hi|nice to meet you]",
    "i'm (back|home)",
]

TEMPLATES["thanks"] = [
    "(thanks|thank you|thx|ty|cheers|many thanks|thanks a lot|thank you very much|thank you so much|thanks so much|tysm|much appreciated"
    "|i appreciate it|thanks a million|thanks for that|thank u|thanks for your help|thank you for your help|thanks a bunch|i thank you)"
    " [robot|buddy|friend|my friend|pal|sensebind|dear|mate|bot|that helps|that was helpful|that's all|you are great|very kind of you]",
    "(good|nice|great|well done|good job|nice job|great job|nice work|good work|perfect|excellent|awesome|cool|wonderful|super|fantastic"
    "|ok|okay|alright|all right|fine|very good|very nice|brilliant|lovely|amazing|great work|impressive|not bad|sweet|got it|i see|understood|right|correct|that's right|yes|yep|great stuff|bravo)"
    " [robot|buddy|thanks|thank you|friend|that's all|good robot]",
    "(you are|you're|that was|that's|this is) (great|helpful|nice|good|awesome|the best|very helpful|a good robot|perfect|very kind|so smart|right|amazing|cool|a big help)",
    "(that helps|that was helpful|that's all|that will do|good robot|good boy|i love you|i like you|you rock|no thanks|no thank you|that's all thanks|nothing else thanks)",
]

TEMPLATES["bye"] = [
    "(bye|goodbye|good bye|bye bye|see you|see you later|see ya|good night|farewell|so long|later|until later|until tomorrow|see you tomorrow"
    "|take care|cya|have a nice day|have a good day|goodnight|ciao|i have to go|i must go now|talk to you later|sleep well|gotta go|catch you later|quit|exit|stop talking)"
    " [robot|buddy|friend|my friend|pal|sensebind|dear|mate|bot|then|for now]",
]

TEMPLATES["who"] = _frames(
    q="""who (are|r) (you|u) [robot|exactly|really|actually|then]
what (are|r) (you|u) [robot|exactly|really|actually|anyway]
what (is|'s) your name
what (do|should|can|may) (i|people|we) call you
what (kind|sort|type) of (robot|machine|thing|assistant|model|ai) are you
are you (a robot|an ai|a human|human|a person|alive|real|a machine|a computer|chatgpt|siri|alexa|a bot|a language model|an assistant|llama)
who (made|built|created|programmed|trained|designed) you
do you have a name
which (model|robot|ai|assistant) are you
what (model|version) are you
with whom am i (talking|speaking)
who am i (talking to|speaking with|speaking to|chatting with)
how old are you
where (are you from|do you come from)
who is (this|there|speaking)""",
    i="""who you are
what you are
your name
what your name is
(about yourself|something about yourself|a bit about yourself|more about you)
who (made|built|created) you
who i am talking to""",
    c="""introduce yourself [to me|please|briefly]
describe yourself
tell me about yourself
tell me something about you
identify yourself
say your name""",
    x="""your name
your name please
name
who is that speaking
you are who
who you
tell me your name
you're a robot right""",
)

TEMPLATES["abilities"] = _frames(
    q="""what (can|could) you do [for me|here|for us|exactly|all]
what (are|is) your (abilities|skills|capabilities|features|functions|purpose|job|senses|tools|ability)
what (can|should|could|may) i (ask|say|ask you|tell you|do with you|say to you|type)
how (can|could) you help [me]
what (are you able to|are you good at|do you know how to) do
how do (you work|i use you|i talk to you)
what (are you|are you good) for
what (commands|questions|things) (do you understand|can i give|do you know|can i ask|are there)
what (senses|sensors|tools|devices) do you have
which (devices|things|tools|senses) (can you control|do you control|can you use|do you have)
can you help me
what else can you do""",
    i="""what you can do [for me]
what i can (ask|say|ask you)
how (you work|to use you|you can help me)
your (abilities|skills|features)""",
    x="""help
help me
help please
i need help
options
commands
menu
instructions
how does this work
list your (abilities|skills|functions|tools|commands)
show me what you can do""",
)

TEMPLATES["cannot"] = _frames(
    c="""(make|brew|cook|bring|fetch|get|give|pour|serve|hand|buy|order) (me|us|) (a|some|) (coffee|tea|sandwich|pizza|beer|breakfast|dinner|soup|cake|water|glass of water|drink|lunch|juice|snack|cup of coffee|cup of tea|ice cream|milk)
(tell|give) me a (joke|story|fairy tale|riddle|fun fact|secret|recipe|poem)
(tell me a joke|make me laugh|say something funny|tell jokes)
(sing|dance|whistle|jump|fly|swim|run|do a backflip|cook|cry|laugh|dance for me|sing me a song|rap|roll over|spin around|do a trick|wave|clap|sleep)
(write|compose|draw|paint|design) (me|) (a|an) (poem|letter|email|story|essay|picture|song|program|novel|portrait|python script|report for school|book)
(clean|wash|sweep|mop|tidy|vacuum|dust) (the kitchen|the floor|the dishes|my room|the house|the car|the windows|up|the table|the bathroom|the carpet|my clothes)
(feed|walk|pet|wash|catch|brush|groom) (the|my) (dog|cat|bird|fish|hamster)
(call|phone|text|message|email|ring) (my mom|my mother|mom|dad|the police|the doctor|my friend|my boss|anna|an ambulance|a taxi|my wife|someone|john)
(book|reserve|order) (a flight|a table|a taxi|a hotel|tickets|a ticket|an uber|a room|me a cab)
(turn on|turn off|switch on|switch off|start|stop) the (tv|television|oven|dishwasher|washing machine|computer|coffee machine|stove|toaster|heating pump|shower|alarm|sprinkler|microwave|fridge|projector|camera)
(open|close|shut) the (window|windows|fridge|garage|curtains|blinds|drawer|box|book|bottle|cupboard|shutters|roof|safe|bag)
(drive|go|move|roll|walk|come|run|turn|bring me) (to the kitchen|forward|to me|here|backwards|upstairs|to the bedroom|around|left|right|away|closer|over there|to the door|to the table|outside|back)
(pick up|grab|lift|carry|throw|catch|kick|push|take|hold|hand me|bring me|give me|move) the (ball|chair|phone|plant|box|cup|lamp|guitar|kettle|clock)
(set|start|create) (an alarm|a timer|a reminder|an appointment|the alarm clock) [for (7|8|six|noon|tomorrow|ten minutes|5 minutes)]
(wake me up|remind me|wake me) (at 7|tomorrow|in ten minutes|to call mom|at six|later|to buy milk)
(translate|spell|define|pronounce) (this|that|hello|good morning|the word house|apple) [into french|to german|into spanish|for me]
(play|let's play) (chess|a game|cards|football|tennis|hide and seek|a movie|a video|the piano|the guitar|tic tac toe)
(read|show) me (the news|a book|my emails|the newspaper|the weather|a story|a movie|my messages|a video|pictures of cats)
(do|help me with|solve) my (homework|taxes|job|math|laundry|shopping)
(water|paint|repair|fix|cut|plant|sell|buy|break) the (plants|plant|wall|car|roof|grass|flowers|garden|fence|sink|clock|bike|chair)
(search|google|browse) (the web|the internet|for cats|that|for shoes|for restaurants)
(send|post|print|scan in|copy) (a message|a letter|this page|a photo|my documents|a tweet|an email)
(start|drive|wash|park|lock) the car
(charge|answer|hang up|dial) the phone
boil (some water|water|an egg|the kettle)
play the (piano|guitar|drum|drums)""",
    q="""what (is|'s) the weather [like|today|tomorrow|outside|forecast|going to be]
(will|is) it (rain|raining|snow|snowing|be sunny|sunny) [today|tomorrow|outside]
who is the (president|king|queen|chancellor|prime minister|pope|richest man|tallest man) [of france|of the united states|of germany|of england|]
what (is|'s) the capital of (france|germany|spain|china|italy|peru|japan|australia|england)
what (is|'s) (two plus two|2+2|5 times 7|the square root of 16|10 divided by 2|1+1|the meaning of life|the answer to everything|pi|love)
how (much|many) is (two plus two|5 times 7|ten minus four|2 plus 2)
how (old|tall|rich|smart) (am i|is the president|is the moon|is the queen|are my parents)
who (won|wins) the (game|match|election|world cup|lottery|race) [yesterday|today]
what (is|'s) (the date|the date today|today's date|the day today|my name|my age|my birthday|your favorite color|your favorite food|in the news|for dinner|on tv|the stock price|the price of gold|for lunch)
what day is (it|today|tomorrow)
when is (my birthday|christmas|easter|the next train|the next bus|the meeting|dinner)
how do i (cook rice|bake a cake|fix a bike|get to the station|learn english|tie a tie|get rich)
can you (swim|fly|cook|dance|sing|jump|drive a car|read minds|smell|taste|feel pain|speak french|speak german|climb|love|dream)
do you (like|love|want|hate) (me|pizza|dogs|music|ice cream|your job|cats|humans|chocolate|to dance|money)
why is (the sky blue|grass green|water wet|the sea salty|the moon round)
what did i (eat|do|say) yesterday
what will happen tomorrow
what do you (think|feel|smell|taste|eat|like|dream) [about me|about it|about life|of]
where (is|are) (my wife|my keys|my glasses|my wallet|paris|the kitchen|the bathroom|the station|mom|my shoes|the cup|the book|the remote)
how far is (the moon|paris|the sun|london|the station)
will you marry me
who (is|was) (einstein|napoleon|elvis|my neighbor|mozart|the first man on the moon|shakespeare)
how do you (feel|sleep|eat)""",
    x="""coffee [please]
tea please
weather
the weather please
joke
joke please
food
pizza
i('m| am) (hungry|thirsty|sad|tired|happy|sick|angry|in love)
tell me (a secret|the future|the weather|the news|what i'm thinking|the lottery numbers)
(tv|television|oven|window|dishwasher) (on|off|open)
(how many|count the) (apples|people|cups|books|windows|fingers|stars|shoes|spoons|trees|horses|cows|bananas) [are there|do you see|do i hold up]
volume (up|down)
dance for me
sing a song [for me]
play dead
kill (him|the spider|a fly)
buy (milk|bread|bitcoin)
order pizza
self destruct
blow up
hack the (bank|computer)""",
)

TEMPLATES["state"] = _frames(
    q="""is <the> (lamp|light) (on|off|burning|turned on|switched on|shining) [<now>]
are the lights (on|off)
is <the> door (open|closed|shut|locked|unlocked) [<now>]
did (you|i|someone) (turn off the lamp|turn on the light|close the door|lock the door|open the door|leave the light on|leave the door open)
what (is|'s) the (state|status) of the (lamp|light|door)
has the (lamp|light) been turned (on|off)
has the door been (opened|closed|locked)""",
    i="""if the (lamp|light) is (on|off)
if the door is (open|closed|locked)
whether the (lamp|light) is (on|off)
whether the door is (open|closed|shut)""",
    c="""check (if|whether) the (lamp|light) is (on|off)
check (if|whether) the door is (open|closed|locked)""",
    x="""(lamp|light|door) status
the (lamp|light) is (on|off) right""",
)

TEMPLATES["unknown"] = [
    "{gibberish}",
    "{gibberish} {gibberish}",
    "{gibberish} {gibberish} {gibberish}",
]

# Follow-ups: they lean on the turns before.
TEMPLATES["again"] = [
    "(and|how about|what about|how is it|but|so) (now|right now|this time|at the moment|currently) [robot|please]",
    "(now|again|once more|one more time|and again|try again|check again|do it again|another time|same question|same again|repeat)"
    " [please|robot|now]",
    "(has|did) (that|it|anything|something) change[d] [<now>]",
    "(is it|is that) (still|) (the same|so|true) [<now>]",
    "(and|so) [what is it|how is it|what|how] now",
    "is it still (there|the same)",
    "now what",
    "any (change|changes|news|difference|update)",
    "anything new [<now>]",
    "(ask|answer) again",
    "update [please]",
    "same question [again|now]",
    "what's it now",
]
TEMPLATES["it_color"] = [
    "[and|so|ok and|cool and|well] what <colour> (is|'s|has|does) (it|that|this|that one|he|she|the thing) [have]",
    "[and|ok|so] (its|the|it's) <colour>",
    "[and|ok|so] (which|what) <colour>",
    "[and] in (which|what) <colour>",
    "[and|ok|nice] [tell me|say|<ask>] (its <colour>|what <colour> it is|the <colour> of it|what <colour> it has)",
    "[and|so] is it {color} or {color2}",
    "[and] how is it (colored|coloured|painted)",
    "[and|so] what (is|'s) (its|the) <colour> [of it|of that|of that one]",
    "[and|so] of what <colour> is it",
]
TEMPLATES["it_count"] = [
    "[and|so|ok|wow|nice] how many [of them|of those|of these|are there|of them are there|of them do you see|do you see|exactly|in total|are they|can you see|of that kind]",
    "[and|ok] count them [please|for me|all]",
    "[and|ok|please] [can you|could you] count (them|those|these)",
    "[and] is there (only one|just one|more than one|another|another one|a second one)",
    "[and] (are there|do you see) (more|others|more of them|more than one|several|any more)",
    "[and] what's the number of them",
    "[and] (only|just) one",
]
TEMPLATES["it_where"] = [
    "[and|so|ok|cool] where (is it|is that|is he|is she|exactly|is that thing|exactly is it|do you see it|do you see that|are they|was that|at) [<now>|exactly]",
    "[and] where",
    "[and] (on which side|in which direction|which side|which direction|on what side) [is it|is that]",
    "[and|ok|please] [can you|could you] (find|locate) (it|that) [for me]",
    "[and] is it [on the|on] left or [on the] right",
    "[and] left or right",
    "[and] its (position|location|place)",
    "[and] <ask> where it is",
    "[and] point (at|to) it",
]
TEMPLATES["before_see"] = [
    "[and] what (did you see|was it you saw|have you seen|were you looking at|were you seeing|was in front of you|did your camera show|was there) (before|earlier|before that|previously|a moment ago|last time|the time before|just before|before now|then|a while ago|the last time|first)",
    "[and] what did you (see|look at|spot|notice) (before|earlier|before that|previously|a moment ago|last time)",
    "(do you remember|<ask>) what you (saw|were looking at|have seen|looked at) (before|earlier|before that|previously|a moment ago|last time)",
    "what had you seen (before|earlier)",
    "(before|earlier|previously|last time) what did you see",
    "what was (in view|in sight|visible|on camera|in front of you) (before|earlier|a moment ago)",
    "remember what you saw [before|earlier]",
]
TEMPLATES["before_hear"] = [
    "[and] what did you (hear|listen to) (before|earlier|before that|previously|a moment ago|last time|the time before|just before|a while ago|first)",
    "[and] what (was|was it) (that|the) (sound|noise) (before|earlier|you heard|you heard before|a moment ago)",
    "(do you remember|<ask>) what you (heard|were hearing|have heard) (before|earlier|before that|previously|a moment ago|last time)",
    "(before|earlier|previously|last time) what did you hear",
    "what (was|were) (audible|you hearing|you listening to|making noise) (before|earlier|a moment ago)",
    "remember what you heard [before|earlier]",
]
TEMPLATES["before_scan"] = [
    "[and] what was (near you|close to you|nearby|next to you|close|near) (before|earlier|before that|previously|a moment ago|last time|first)",
    "[and] what did you (scan|detect|sense) (before|earlier|before that|previously|a moment ago|last time)",
    "(do you remember|<ask>) what was (near you|close to you|nearby|next to you) (before|earlier|previously|a moment ago)",
    "what did (your|the) <laser> (show|say|see|detect) (before|earlier|previously|last time)",
    "remember what was near you [before]",
]
TEMPLATES["before"] = [
    "[and] what was (it|that|there) (before|earlier|before that|previously|a moment ago|last time|first)",
    "[and] (before|earlier|before that|previously|last time|and before)",
    "[and] what about (before|earlier|before that|last time)",
    "what did you (say|tell me|answer) (before|earlier|a moment ago|last time|first)",
]
TEMPLATES["it_off"] = [
    "[please|now|ok|and|and now|actually] (turn|switch|put|shut) (it|that|this|it back|that thing) off [again|please|now]",
    "[please|now|ok|and|and now] (turn|switch|shut) off (it|that|this|that thing) [again|please]",
    "[and|now|ok] (off|off again|off please|off now|and off|back off)",
    "(stop|kill|end) (it|that|that again) [again|please|now]",
    "no turn it off [again]",
    "[and] now off",
    "on second thought turn it off",
    "i changed my mind turn it off",
]
TEMPLATES["it_on"] = [
    "[please|now|ok|and|and now|actually] (turn|switch|put) (it|that|this|it back|that thing) (on|back on) [again|please|now]",
    "[please|now|ok|and|and now] (turn|switch) on (it|that|this|that thing) [again|please]",
    "[and|now|ok] (on|on again|on please|on now|and on|back on)",
    "start it [again|please|now]",
    "no turn it on [again]",
    "[and] now on",
    "on second thought turn it on",
]
TEMPLATES["it_close"] = [
    "[please|now|ok|and|and now] (close|shut|lock) (it|that) [again|please|now|up|behind me]",
    "[and] (closed|close|shut) [again|please]",
    "[and] now (close it|shut it)",
]
TEMPLATES["it_open"] = [
    "[please|now|ok|and|and now] (open|unlock) (it|that) [again|please|now|up]",
    "[and] open [again|please]",
    "[and] now open it",
]
TEMPLATES["also_lamp"] = ["(and|also|and also|what about|now|then|too) (the|) (lamp|light|lights) [too|as well|please|also]"]
TEMPLATES["also_radio"] = ["(and|also|and also|what about|now|then) (the|) (radio|music) [too|as well|please|also]"]
TEMPLATES["also_fan"] = ["(and|also|and also|what about|now|then) (the|) (fan|ventilator) [too|as well|please|also]"]
TEMPLATES["give_temp"] = [
    "[to|at|about|make it|let's say|say|maybe|hmm|ok|well] {temp} [degrees|please|degrees please|celsius|c]",
    "{temp}",
    "[set it|change it|go] to {temp} [degrees]",
    "i (want|would like|prefer) {temp} [degrees]",
]
TEMPLATES["temp_again"] = [
    "[and] [now|no|actually|better|make that|make it|rather|change it to|set it to|or] {temp} [degrees] [instead|please|better|now]",
    "[no|actually|and] (make it|set it to|change that to|better) {temp} [degrees]",
]
TEMPLATES["also_color"] = ["(and|what about|and what about|how about|and for) the {kind}"]
TEMPLATES["also_kind"] = ["(and|what about|and what about|how about|or|and any) {kinds}"]

# Elliptic questions that name another sense after a question about one.
TEMPLATES["and_see"] = [
    "(and|ok and|cool and|nice and|so|but|great) what (do you see|can you see|are you looking at|is in front of you|do your eyes see|does your camera see|is on camera)",
    "and (see|your eyes|your camera|on camera|in view|visually|the view|your sight|with your eyes|the camera|in front of you)",
    "(and|but) do you (also|) see (anything|something)",
    "what about (your eyes|your camera|what you see|the camera|sight|your view|vision)",
]
TEMPLATES["and_hear"] = [
    "(and|ok and|cool and|nice and|so|but|great) what (do you hear|can you hear|are you listening to|do your ears hear|does your microphone hear|is making noise|can be heard)",
    "and (hear|your ears|your microphone|any sound|any noise|the sound|acoustically|sounds|with your ears|any sounds)",
    "(and|but) do you (also|) hear (anything|something)",
    "what about (your ears|your microphone|what you hear|sounds|sound|noise|hearing|the noise)",
]
TEMPLATES["and_scan"] = [
    "(and|ok and|cool and|nice and|so|but|great) what (is near you|is close to you|is nearby|do you scan|does your lidar say|is next to you)",
    "and (near you|close to you|nearby|your lidar|your scanner|the scan|any obstacles|next to you|is anything near|anything close|close by)",
    "(and|but) is (anything|something) (also|) (near you|close|nearby|close to you)",
    "what about (your lidar|your scanner|obstacles|what is near you|nearby things|the scan)",
]

# Names of things in questions; the first of each is the one that answers use.
NOUNS: dict[str, tuple[str, ...]] = {
    "dog": ("dog", "dog", "dog", "doggy", "puppy", "doggie", "pup", "hound"),
    "cat": ("cat", "cat", "cat", "kitty", "kitten", "pussycat"),
    "bird": ("bird", "bird", "bird", "birdie", "parrot"),
    "car": ("car", "car", "car", "toy car", "automobile", "auto"),
    "train": ("train", "train", "train", "toy train", "locomotive", "railway"),
    "clock": ("clock", "clock", "clock", "alarm clock", "wall clock"),
    "phone": ("phone", "phone", "phone", "telephone", "mobile phone", "cell phone", "smartphone"),
    "piano": ("piano", "piano", "piano", "grand piano"),
    "guitar": ("guitar", "guitar", "guitar", "acoustic guitar"),
    "drum": ("drum", "drum", "drum", "drum set", "toy drum"),
    "kettle": ("kettle", "kettle", "kettle", "tea kettle", "water kettle", "teapot"),
    "vacuum": ("vacuum", "vacuum", "vacuum cleaner", "vacuum cleaner", "hoover"),
    "radio": ("radio", "radio", "radio", "radio set"),
    "fan": ("fan", "fan", "fan", "ventilator"),
    "ball": ("ball", "ball", "ball", "toy ball", "football"),
    "chair": ("chair", "chair", "chair", "armchair", "seat", "stool"),
    "plant": ("plant", "plant", "plant", "potted plant", "house plant", "flower"),
    "lamp": ("lamp", "lamp", "lamp", "floor lamp", "table lamp"),
}  # fmt: skip

# How the sounds of kinds are said: "is a dog ...".
SOUNDS: dict[str, tuple[str, ...]] = {
    "dog": ("barking", "howling", "woofing"),
    "cat": ("meowing", "purring"),
    "bird": ("singing", "chirping", "tweeting"),
    "car": ("honking", "driving", "running"),
    "train": ("whistling", "passing", "coming"),
    "clock": ("ticking", "ringing", "chiming"),
    "phone": ("ringing", "buzzing", "calling"),
    "piano": ("playing", "being played"),
    "guitar": ("playing", "being played", "strumming"),
    "drum": ("drumming", "being played", "beating"),
    "kettle": ("boiling", "whistling", "steaming"),
    "vacuum": ("running", "humming", "vacuuming"),
    "radio": ("playing", "on", "talking"),
    "fan": ("running", "spinning", "blowing", "humming"),
}

COLOR_NAMES: dict[str, tuple[str, ...]] = {
    "red": ("red",), "green": ("green",), "blue": ("blue",), "yellow": ("yellow",),
    "orange": ("orange",), "purple": ("purple", "purple", "purple", "violet"),
    "white": ("white",), "black": ("black",),
}  # fmt: skip

NUMBER_WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty", "twenty-one", "twenty-two", "twenty-three", "twenty-four", "twenty-five", "twenty-six", "twenty-seven", "twenty-eight", "twenty-nine", "thirty"]

LEAD_INS = ["robot", "hey robot", "hi robot", "hello robot", "ok robot", "okay robot", "dear robot", "robot please", "excuse me", "hey", "hi", "hello", "ok", "okay", "so", "well", "um", "uh", "uhm", "hmm", "listen", "hey buddy", "buddy", "my friend", "hey you", "sensebind", "hey sensebind", "please", "now", "and", "alright", "right", "yo", "good morning", "good evening", "sorry", "hey there", "hi there", "tell me", "quick question", "one question", "question", "just curious", "first", "next", "then", "oh", "oh and", "ah", "great", "thanks", "cool", "nice", "perfect", "ok now", "ok then", "let's see", "look", "hey bot", "bot", "dude", "mate", "hello there", "my dear robot", "little robot", "actually", "by the way", "btw", "also", "anyway", "come on", "hey pal", "say"]
TAILS = ["please", "pls", "plz", "robot", "buddy", "now", "right now", "thanks", "thank you", "for me", "my friend", "mate", "dude", "will you", "would you", "can you", "ok", "okay", "if you can", "if possible", "dear", "bot", "then", "again", "quickly", "at once", "immediately", "asap", "if you don't mind", "my dear", "sensebind", "man", "pal", "hm", "huh", "right", "real quick", "thx", "already", "for a moment", "if you please", "please robot", "please tell me"]
COMMAND_INTENTS = frozenset(
    ["lamp_on", "lamp_off", "radio_on", "radio_off", "fan_on", "fan_off", "door_open", "door_close", "thermostat_set"]
)

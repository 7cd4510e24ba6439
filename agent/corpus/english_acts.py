# ruff: noqa: E501
"""English: moving, remembering what was perceived, and watching for things."""

from __future__ import annotations

from sensebind.agent.corpus.english_rules import frames

TEMPLATES: dict[str, list[str]] = {}

_A = "(a|the|that|my|any|)"
_TO = "(to|over to|up to|towards|toward|near|next to|close to|right up to|closer to|beside)"
_GO = "(go|drive|move|roll|walk|come|head|run|travel|navigate|ride|steer|go ahead|get|get yourself)"

TEMPLATES["approach"] = frames(
    c=f"""{_GO} {_TO} (the|that|this|my|your|) {{kind}} [<now>|there|over there]
{_GO} {_TO} (the|that|) {{color}} {{kind}} [<now>|over there]
(approach|reach|visit|find and approach|get near|get close to|go see|go find|meet|drive up to) (the|that|my|) {{kind}}
(approach|reach|visit|go see|get near) (the|that) {{color}} {{kind}}
(stand|park|stop|wait|stay|position yourself|place yourself|sit) (next to|beside|near|by|in front of|before|at) (the|that|my) {{kind}}
(bring|take|move|drive) yourself (to|over to|near|next to) (the|that) {{kind}}
(make|find) your way (to|over to) (the|that|my) {{kind}}
(go|drive|move|come|get) (closer|nearer|a bit closer|up close) to (the|that) {{kind}}
(go|drive|move) (where|over where|to where) the {{kind}} is""",
    x="""to the {kind} [please|robot]
i (want|need|would like|'d like) you (to go|to drive|to move|to be|to come) (to|over to|near|next to|at) the {kind}
(let's|let us|we should|you should|you can) (go|drive|move) (to|over to) the {kind}
(how about|what about) (going|driving|moving) (to|over to) the {kind}
would you mind (going|driving|moving) (to|over to) the {kind}
(over|straight) to the {kind}
the {kind} go there
see the {kind} go (to it|there)
next stop the {kind}
your (goal|target|destination) is the {kind}
is it possible to (go|drive|move) to the {kind}""",
)

TEMPLATES["it_approach"] = [
    "[and|ok|so|now|then|ok now|good|great] [<can>] (go|drive|move|come|roll|walk|head|get) (to it|there|over there|closer to it|near it|up to it|next to it|towards it|over to it)",
    "[and|ok|so|now|then] [<can>] (approach|reach|visit|go near) (it|that|that one|that thing)",
    "[and|now|ok] take yourself (there|to it)",
    "(let's|i want you to) go (there|to it)",
]

TEMPLATES["turn_left"] = frames(
    c="""(turn|rotate|spin|pivot|swing|face|look) [to the|to your|] left [a bit|now|90 degrees|by 90 degrees|a quarter turn|on the spot]
(make|do|take) a (left turn|left|turn to the left|quarter turn to the left)
(turn|rotate) (yourself|your camera|your head|your body) (left|to the left)
turn (counterclockwise|anticlockwise|counter clockwise)""",
    x="""left [turn|please|now]
to the left
(let's|we) turn left
(face|look|turn) the other side on your left
i want you to (turn|look|face) left
i want to see what is on your left""",
)

TEMPLATES["turn_right"] = frames(
    c="""(turn|rotate|spin|pivot|swing|face|look) [to the|to your|] right [a bit|90 degrees|by 90 degrees|a quarter turn|on the spot]
(make|do|take) a (right turn|right|turn to the right|quarter turn to the right)
(turn|rotate) (yourself|your camera|your head|your body) (right|to the right)
turn clockwise""",
    x="""right turn [please|now]
to the right
(let's|we) turn right
(face|look|turn) the other side on your right
i want you to (turn|look|face) right
i want to see what is on your right""",
)

TEMPLATES["turn_around"] = frames(
    c="""(turn|spin|rotate|swing|pivot|face|wheel) (around|round|about|all the way around|yourself around|backwards|180 degrees|by 180 degrees|half around|the other way)
(make|do|take) a (u turn|half turn|180|turnaround|about face|half circle)
(look|face|turn to) (behind you|behind yourself|to your back|what is behind you|the other direction|the opposite direction)
turn your back [on me|to me]
turn to the (back|rear)""",
    x="""turn around [please|now|robot]
(what is|what's|who is) behind you [turn around]
about turn
look behind
i want to see what is behind you
around [please]""",
)

TEMPLATES["drive_ahead"] = frames(
    c="""(drive|go|move|roll|walk|run|step|head|travel|come|proceed|advance) (forward|forwards|ahead|straight|straight ahead|straight on|onward|on|to the front|a bit forward|a little forward|forward a bit|ahead a little|a step forward|some steps ahead)
(move|come|drive|go) (a bit|a little|one step|a step|some way|half a meter) (forward|ahead|closer|further|on)
(advance|proceed|move on|keep going|go on|step forward|drive on|carry on driving)
(take|make|do) (a|one|another) step (forward|ahead)""",
    x="""forward [please|now|march]
(ahead|straight ahead|full speed ahead|onward|onwards) [please|now]
(let's|we) (go|move|drive) (forward|ahead|on)
i want you to (go|drive|move) (forward|ahead|straight)
closer [please]
come closer [please]
a bit further""",
)

TEMPLATES["drive_back"] = frames(
    c="""(drive|go|move|roll|walk|step|travel|run) (back|backward|backwards|in reverse|a bit back|back a bit|a little back|back a little|rearward|rearwards|a step back|to the rear)
(move|drive|go) (a bit|a little|one step|a step|some way|half a meter) (back|backward|backwards|away)
(back up|reverse|retreat|back off|back away|pull back|step back|withdraw|move away|go away|step away)
(take|make|do) (a|one|another) step (back|backward|backwards)""",
    x="""(back|backward|backwards|reverse) [please|now]
(let's|we) (go|move|drive) (back|backwards)
i want you to (go|drive|move) (back|backwards)
you are too close
too close [go back|back up|back off]
give me (some|more) (space|room)
make (some|) room""",
)

TEMPLATES["stop"] = [
    "[robot|please|hey|ok|just] (stop|halt|freeze|stop it|stop there|stop right there|stop moving|stop driving|don't move|do not move|hold it|hold on|hold still|stand still|stay there|stay where you are|emergency stop|wait|stop now|stop here|brake|whoa|stop immediately|stop turning|don't go on|not further|no further|enough) [please|robot|now]",
    "[<can>] (stop|halt|freeze|stop moving|stand still|hold still|stop driving|stay there|not move)",
    "stop (the robot|the movement|your motors|your wheels|all movements|everything)",
    "abort [the movement|the drive|that]",
]

_LAST = "(last|the last time|most recently|)"
_ONCE = "(before|earlier|today|earlier today|a while ago|recently|already|this morning|some time ago|in the past|yesterday|lately|just before|in the last hour|in the last minutes)"

TEMPLATES["recall_hear"] = frames(
    q=f"""when did you [last|last time|most recently] (hear|notice|hear the sound of|listen to) (a|the|that|my|some|any) {{kind}}
when (was|is) the last time (you heard|that you heard|you could hear) (a|the|my) {{kind}}
when (was|did) (a|the|my) {{kind}} last (heard|audible|make noise|make a sound)
when was the {{kind}} {{sound}} [last|for the last time]
when did (a|the|my) {{kind}} (make|stop making) (noise|a noise|sounds|a sound)
(have you|did you|had you) (heard|hear) (a|the|any|my) {{kind}} {_ONCE}
how long (ago did you hear|has it been since you heard|is it since you heard|since you heard) (a|the|my) {{kind}}
at what time did you hear (a|the|my) {{kind}}
do you remember (hearing|the sound of|the last time you heard) (a|the|my) {{kind}}
what time did (a|the) {{kind}} make noise
was (a|the|any) {{kind}} {{sound}} {_ONCE}
was there (a|any) {{kind}} to be heard {_ONCE}""",
    i=f"""when you [last] heard (a|the|my|any) {{kind}}
(if|whether) you (heard|have heard|had heard) (a|the|any|my) {{kind}} {_ONCE}
the last time you heard (a|the|my) {{kind}}
how long ago you heard (a|the|my) {{kind}}""",
    c="""(remember|recall|look up|check|think back|find out) when you [last] heard (a|the|my) {kind}
(search|check|look through) your memory for the sound of {a_kind}""",
    x=f"""last time you heard (a|the|my) {{kind}}
heard (a|any|the) {{kind}} {_ONCE}
you heard {{a_kind}} {_ONCE} [when|right|didn't you]
remember (hearing|when you heard) (a|the) {{kind}}""",
)

TEMPLATES["recall_see"] = frames(
    q=f"""when did you [last|last time|most recently] (see|spot|notice|look at|have in view|come across|meet) (a|the|that|my|some|any) {{kind}}
when did you [last|last time|most recently] (see|spot|notice) (a|the|that|my) {{color}} {{kind}}
when (was|is) the last time (you saw|that you saw|you could see|you spotted) (a|the|my) {{kind}}
when (was|is) the last time (you saw|that you saw) (a|the|my) {{color}} {{kind}}
when was (a|the|my) {{kind}} last (seen|in view|in sight|visible|on camera|there|in front of you)
(have you|had you) (seen|spotted|noticed) (a|the|any|my) {{kind}} {_ONCE}
(have you|had you) (seen|spotted) (a|the|any|my) {{color}} {{kind}} {_ONCE}
did you (see|spot|notice|meet|come across) (a|the|any|my) {{kind}} {_ONCE}
did you (see|spot|notice) (a|the|any|my) {{color}} {{kind}} {_ONCE}
how long (ago did you see|has it been since you saw|is it since you saw|since you saw) (a|the|my) {{kind}}
at what time did you see (a|the|my) {{kind}}
do you remember (seeing|the last time you saw) (a|the|my) {{kind}}
was (a|the|any|my) {{kind}} (here|there|in view|in sight|in front of you) {_ONCE}""",
    i=f"""when you [last] saw (a|the|my|any) {{kind}}
when you [last] saw (a|the|my|any) {{color}} {{kind}}
(if|whether) you (saw|have seen|had seen) (a|the|any|my) {{kind}} {_ONCE}
the last time you saw (a|the|my) {{kind}}
how long ago you saw (a|the|my) {{kind}}""",
    c="""(remember|recall|look up|check|think back|find out) when you [last] saw (a|the|my) {kind}
(search|check|look through) your memory for {a_kind}""",
    x=f"""last time you saw (a|the|my) {{kind}}
last time you saw (a|the|my) {{color}} {{kind}}
seen (a|any|the|my) {{kind}} {_ONCE}
you saw {{a_kind}} {_ONCE} [when|right|didn't you]
remember (seeing|when you saw) (a|the) {{kind}}""",
)

_TELL = (
    "(tell me|let me know|inform me|warn me|notify me|alert me|say something|speak up|give me a shout|call me|shout|ping me"
    "|report|say so|remind me|give me a sign|send me a message|wake me)"
)
_WHEN = "(when|as soon as|if|once|whenever|the moment|in case|next time|should|every time|when you think)"

# The plainest ways have templates of their own: among thousands they would hardly occur.
_PLAIN = "(tell me|let me know) (when|as soon as)"
_PLAIN_IF = "(let me know|warn me|alert me|notify me|say something) (if|when)"
_PLAIN_TELL = "(tell me|let me know|say something|warn me)"

TEMPLATES["watch_hear"] = frames(
    c=f"""{_PLAIN} you hear (a|the) {{kind}}
{_PLAIN_IF} you hear (a|the|any) {{kind}}
{_PLAIN} (a|the) {{kind}} (is|starts) {{sound}}
{_TELL} {_WHEN} (you hear|you can hear|you notice the sound of|there is the sound of|your microphone hears) (a|the|my|any|some) {{kind}}
{_TELL} {_WHEN} (a|the|my|any) {{kind}} (makes noise|makes a sound|can be heard|is to be heard|becomes audible|is heard|starts making noise)
{_TELL} {_WHEN} (a|the|my) {{kind}} (is|starts|begins) {{sound}}
(listen|listen out|keep listening|keep an ear out|open your ears|keep your ears open) for (a|the|my|any) {{kind}} [and tell me]
(wait|listen) until you hear (a|the|my) {{kind}}
(watch|monitor|look out|keep watch) for the sound of (a|the|my) {{kind}}""",
    x=f"""(when|if|as soon as) you hear (a|the) {{kind}} {_PLAIN_TELL}
{_WHEN} you hear (a|the|my) {{kind}} {_TELL}
{_WHEN} (a|the|my) {{kind}} (makes noise|makes a sound|is {{sound}}|starts {{sound}}) {_TELL}
i (want|need|would like|'d like) to (know|be told|hear) {_WHEN} you hear (a|the|my) {{kind}}
i (want|need|would like) to (know|be told) {_WHEN} (a|the|my) {{kind}} (makes noise|is {{sound}}|starts {{sound}})""",
)

TEMPLATES["watch_see"] = frames(
    c=f"""{_PLAIN} you see (a|the) {{kind}}
{_PLAIN_IF} you see (a|the|any) {{kind}}
{_PLAIN} you see (a|the) {{color}} {{kind}}
{_TELL} {_WHEN} (you see|you can see|you spot|you notice|there is|you find|you detect|your camera sees) (a|the|my|any|some) {{kind}}
{_TELL} {_WHEN} (you see|you spot|you find|there is) (a|the|any) {{color}} {{kind}}
{_TELL} {_WHEN} (a|the|my|any) {{kind}} (appears|shows up|comes|arrives|comes into view|is in view|is there|is in sight|turns up|enters the room|comes in|passes by|is here|is visible)
{_TELL} {_WHEN} (a|the|any) {{color}} {{kind}} (appears|shows up|comes|comes into view|is in view|is there)
(watch|look out|keep watch|keep a lookout|be on the lookout|keep an eye out|keep watching|stay alert|keep looking|keep your eyes open) for (a|the|my|any) {{kind}} [and tell me]
(watch|look out|keep an eye out|keep watching) for (a|the|any) {{color}} {{kind}}
(wait|watch|look) until (you see|there is) {{a_kind}}""",
    x=f"""(when|if|as soon as) you see (a|the) {{kind}} {_PLAIN_TELL}
{_WHEN} you see (a|the|my) {{kind}} {_TELL}
{_WHEN} you see (a|the) {{color}} {{kind}} {_TELL}
{_WHEN} (a|the|my) {{kind}} (appears|comes|shows up|arrives) {_TELL}
i (want|need|would like|'d like) to (know|be told) {_WHEN} (you see|there is) (a|the|my) {{kind}}
i (want|need|would like) to (know|be told) {_WHEN} (a|the|my) {{kind}} (appears|comes|arrives|shows up)""",
)

TEMPLATES["watch_scan"] = frames(
    c=f"""{_TELL} {_WHEN} (a|the|my|any) {{kind}} (is|comes|gets) (near you|close to you|near|close|too close|in your way|next to you|nearer)
{_TELL} {_WHEN} (there is|you scan|you detect|you notice) (a|the|any) {{kind}} (near you|close to you|next to you|nearby|in your way)
{_TELL} {_WHEN} you (are|get|come) (near|close to|next to|beside) (a|the|my) {{kind}}""",
    x=f"""{_WHEN} (a|the|my) {{kind}} (is|comes|gets) (near you|close to you|close|next to you) {_TELL}
i (want|need|would like) to (know|be told) {_WHEN} (a|the|my) {{kind}} (is|comes) (near you|close to you|close)""",
)

# ruff: noqa: E501
"""English: what each order of the robot is called, and the things that it names.

A phrase begins with its verb, so that it can be put into any form ("turn on the lamp", "turning on
the lamp", "turned on the lamp"). `{d}` is the device, `{deg}`, `{dist}`, `{temp}` and `{thing}` are
filled in; the notation of choices is that of `agent/corpus/grammar.py`.
"""

from __future__ import annotations

from sensebind.agent.corpus.english_rules import SWITCH_OFF, SWITCH_ON

_SWITCH_ON_OFTEN = (
    "turn on {d}|turn {d} on|switch on {d}|switch {d} on|put {d} on|put on {d}|get {d} on"
)
_SWITCH_OFF_OFTEN = (
    "turn off {d}|turn {d} off|switch off {d}|switch {d} off|shut off {d}|shut {d} off|get {d} off"
)
_ON = f"({_SWITCH_ON_OFTEN})\n({_SWITCH_ON_OFTEN}|flick {{d}} on|pop {{d}} on|whack {{d}} on|throw on {{d}}|bring {{d}} on|turn {{d}} on again|get {{d}} lit up|fire {{d}} up|have {{d}} switched on|give {{d}} some power)\n({SWITCH_ON.replace('|hit {d}', '')})"
_OFF = f"({_SWITCH_OFF_OFTEN})\n({_SWITCH_OFF_OFTEN}|flick {{d}} off|pop {{d}} off|knock {{d}} off|click {{d}} off|take {{d}} off|turn {{d}} off again|shut {{d}} down)\n({SWITCH_OFF})"

PHRASES: dict[str, str] = {
    "lamp_on": f"""{_ON}
light {{d}}
light up (the room|this place|my room|the house)
brighten (the room|this room|this place|things) [up]
illuminate (the room|this room)
make (some|) light
give me (some|a bit of|a little|more) light
give us (some|a bit of|) light
make it (brighter|bright) in here
get some light in here
put some light on
get {{d}} (burning bright|glowing|shining|up and running)
let {{d}} (shine|glow|burn)
make {{d}} (shine|glow|light up)
(throw|shed|cast|put) some light [in here|on this|on]
(flip|throw) {{d}} on
bring {{d}} to life
get {{d}} (going|started|burning)""",
    "lamp_off": f"""{_OFF}
(kill|douse|extinguish|put out|switch out|blow out|dim|turn out|snuff out) {{d}}
make it (dark|darker) in here
darken (the room|this room)
make (the room|this room) dark""",
    "radio_on": f"""{_ON}
play (some music|music|the radio|a song|some tunes|something on the radio|a bit of music|some background music)
put on (some music|some tunes|a song|music)
start (the music|playing music|some music)
tune in to (a station|the radio|some music)
turn up {{d}}
give us some music
let me hear (some music|the radio)
make (some|a little) music
get {{d}} (playing|started|up and running)
set {{d}} (playing|going)
let {{d}} (play|run|sound)
make {{d}} (play|sing)
crank up (the music|the radio|some tunes)
(treat me to|entertain us with|start us off with) (some music|a song|the radio)
find (me|us) something to listen to on {{d}}""",
    "radio_off": f"""{_OFF}
(kill|cut|mute|silence|quit|pause|end|stop) {{d}}
(kill|cut|silence|mute|end|stop) (the|that|this) (noise|racket|din|song|sound)
stop playing (music|the radio)
stop (the|that|this) (music|song|radio|noise)
make {{d}} stop [playing]
make {{d}} quiet
(shut|hush|quieten) {{d}} up
shut up {{d}}
make {{d}} shut up
quieten {{d}} [down]
turn down {{d}}""",
    "fan_on": f"""{_ON}
get {{d}} (spinning|running|turning|moving|going|blowing)
start {{d}} (spinning|running|turning|)
spin up {{d}}
set {{d}} (running|going|spinning|in motion)
give me (some|a bit of|a little|) (air|wind|breeze|fresh air)
get (some air|a breeze|the air) (moving|going|in here)
move the air in here
make (a breeze|some wind)
ventilate (the room|this room)
let {{d}} (spin|run|blow|turn)
make {{d}} (spin|run|blow|turn)
get {{d}} up and running
circulate the air (in here|a bit|)""",
    "fan_off": f"""{_OFF}
(kill|cut|stop|end|halt) {{d}}
stop {{d}} (spinning|running|blowing|turning)
stop (the breeze|the wind|blowing|that wind)
make {{d}} stop [spinning|blowing]
bring {{d}} to a (stop|halt|standstill)
let {{d}} rest
keep {{d}} from (spinning|turning|blowing)
give {{d}} a rest""",
    "door_open": """(open|open) {d}
(open|open up|unlock|unlatch|unbolt|throw open|crack open|get|pull open|push open|swing open) {d}
(pull|push|swing|get|slide|throw|prop|have) {d} open
get {d} open (for me|for us|)
hold {d} open
open {d} (up|wide|a bit|a little|a crack|all the way)
let (me|us|him|her|them|the cat|the dog|my friend|the guests|the kids|grandma) (in|out|inside|outside)
answer the door
get {d}""",
    "door_close": """(close|shut|close|shut) {d}
(close|shut|lock|close up|lock up|slam|latch|bolt|seal|pull shut|push shut) {d}
(pull|push|swing|get|slide|slam|have|pull) {d} (shut|closed)
(close|shut|lock|pull) {d} (behind me|behind us|tight|tightly|firmly|properly|again|gently|quietly|softly)
pull {d} to
shut it behind (me|us)
(close|shut) {d} (behind you|after you|right now|nicely)
(swing|push|pull) {d} to
bring {d} to
make sure {d} is (shut|closed|locked)
see that {d} is (shut|closed)""",
    "thermostat_set": """set {d} (to|at) {temp}
set {d} to {temp}
(adjust|change|put|turn|bring|get|move|switch|dial|regulate|fix|program|tune) {d} to {temp}
(raise|increase|turn up|crank up|push|lift|bump) {d} [up] to {temp}
(lower|decrease|turn down|reduce|drop|bring down|take) {d} [down] to {temp}
turn {d} (up|down) to {temp}
make it {temp} [in here|here|warm|in the room]
(heat|warm|cool) (the room|this room|the house|the place|the flat|it) [up|down] to {temp}
(keep|hold|maintain|leave) (the room|it|the house|{d}) at {temp}
set the room to {temp}
give me {temp}
go (for|to) {temp} on the thermostat
set the (target|heating|room) temperature to {temp}
let it be {temp} [in here|]
(change|turn|move|take|bring|put) {d} from {temp} to {temp}
(go|come) from {temp} to {temp} with {d}
(bring|take|get|put) {d} (up|down) to {temp}
have it {temp} in here
(set|put) {d} to (a cosy|a comfortable|a nice|a cool|an even|exactly) {temp}
go (up|down) to {temp}""",
    "approach": """(go|drive|move|roll|walk|come|head|run|travel|navigate|steer|get) (to|over to|up to|towards|toward|near|next to|close to|right up to|closer to) {thing}
(approach|reach|visit|go see|get near|find and approach) {thing}
(stand|park|stop|stay|wait|position yourself|place yourself|sit) (next to|beside|near|by|in front of|before|at) {thing}
(bring|take|move|drive) yourself (to|over to|near|next to) {thing}
make your way (to|over to) {thing}
(go|drive|move|come|get) (closer|nearer|up close) to {thing}
go (and stand|and wait|and park) (by|beside|next to|near|in front of) {thing}
drive up to {thing}
(pull up|roll up|scoot over|scoot up|shuffle over|draw up|park yourself|pull over) (to|next to|beside|near|by|alongside) {thing}
(join|pay a visit to|have a closer look at|get yourself to|get over to) {thing}
go over there to {thing}
(head|make|aim) for {thing}
go where {thing} is
(take|get) yourself (over to|to|across to) {thing}
(roll|scoot|glide|trundle|wander|hop) (over|across|along) to {thing}
(come|go|drive|move) (over|across) to where {thing} (is|stands)
set off (for|to) {thing}
(come|drive|roll) up (close to|beside|to) {thing}""",
    "turn_left": """turn left
turn [to the|to your] left
(turn|rotate|spin|pivot|swing|face|look|swivel|twist|veer) [to the|to your] left
(turn|rotate|spin|pivot|swing|swivel) {deg} [to the] left
(turn|rotate|spin|pivot|swing|swivel) [to the] left [by] {deg}
(turn|rotate|pivot|spin) {deg} (counterclockwise|anticlockwise|counter-clockwise)
(turn|rotate|spin) (counterclockwise|anticlockwise|to your left side)
(make|do|take) a (left turn|left|turn to the left|quarter turn to the left|quarter turn left|{deg} turn to the left|{deg} left turn)
(turn|rotate) (yourself|your camera|your head|your body) [to the] left
(turn|rotate|swing|pivot) left [by] {num}
(turn|rotate) [by] {deg}""",
    "turn_right": """turn right
turn [to the|to your] right
(turn|rotate|spin|pivot|swing|face|look|swivel|twist|veer) [to the|to your] right
(turn|rotate|spin|pivot|swing|swivel) {deg} [to the] right
(turn|rotate|spin|pivot|swing|swivel) [to the] right [by] {deg}
(turn|rotate|pivot|spin) {deg} clockwise
(turn|rotate|spin) (clockwise|to your right side)
(make|do|take) a (right turn|right|turn to the right|quarter turn to the right|quarter turn right|{deg} turn to the right|{deg} right turn)
(turn|rotate) (yourself|your camera|your head|your body) [to the] right
(turn|rotate|swing|pivot) right [by] {num}
(turn|rotate) [by] (-|minus ){deg}""",
    "turn_around": """turn around
(turn|spin|rotate|swing|pivot|face|wheel) (around|round|about|right around|all the way around|the other way|half around|yourself around|yourself round)
(make|do|take) a (u-turn|u turn|half turn|180|one-eighty|full half turn|180 degree turn|hundred and eighty)
(turn|rotate|spin) [by] (180|one hundred eighty|a hundred and eighty) degrees
(look|face|turn to face) (behind you|the other way|the opposite direction|the wall behind you|backwards)
turn your back [to me|to us|]
turn halfway round
(turn|spin|rotate) (through|by) half a (turn|circle)
do (an about-turn|a half turn|half a turn)
make half a turn
(do|make|give me) a (180|one-eighty|one eighty|u-turn|full turnaround)""",
    "drive_ahead": """(drive|go|move|roll) (forward|forwards|ahead)
(drive|go|move|roll|walk|run|step|head|travel|come|proceed|advance|inch|creep) (forward|forwards|ahead|straight|straight ahead|straight on|onward) [a bit|a little|slowly|some]
(drive|go|move|roll|walk|come|travel|proceed) {dist} (forward|forwards|ahead|straight ahead|straight on)
(drive|go|move|roll|walk|come|travel|proceed) (forward|forwards|ahead|straight|straight ahead) [by|for|about|exactly] {dist}
(drive|go|move|roll|advance) {dist}
(advance|proceed) [by|] {dist}
(take|make) (a|one|another|two|three) (step|steps) (forward|ahead|forwards)
(scoot|shuffle|edge|nudge yourself|push on|press on|roll on|creep|inch) (forward|forwards|ahead|a bit forward|{dist} forward|forward {dist})
(move|come|drive|go) a (bit|little) (forward|ahead|further)
(go|move|drive|come|roll) (on|along|towards the wall ahead|towards me) [by|for] {dist}
go {dist} further [ahead|]
go straight for {dist}""",
    "drive_back": """(drive|go|move|roll) (back|backward|backwards)
(drive|go|move|roll|walk|step|travel|run|inch|creep) (back|backward|backwards|in reverse) [a bit|a little|slowly|some]
(drive|go|move|roll|walk|travel) {dist} (back|backward|backwards|in reverse)
(drive|go|move|roll|walk|travel) (back|backward|backwards|in reverse) [by|for|about|exactly] {dist}
back up [a bit|a little|by {dist}|{dist}]
(reverse|retreat|back off|back away|step back|withdraw|move back) [{dist}|by {dist}|a bit|a little|]
(take|make) (a|one|another|two|three) (step|steps) (back|backward|backwards)
(scoot|shuffle|edge|nudge yourself|creep|inch|roll) (back|backwards|a bit back|{dist} back|back {dist})
drive (-|minus ){dist}
give me (some|more) (space|room)
(reverse|back) (out|away) [by|] {dist}
(go|move|roll) {dist} (to the rear|the other way)""",
    "it_on": """(turn|switch|put|flip) (it|that|this|it back|that thing|them) on
(turn|switch) on (it|that|this)
turn it (back on|on again)
start it [again|up|]
get it going""",
    "it_off": """(turn|switch|put|shut|flip) (it|that|this|it back|that thing|them) off
(turn|switch|shut) off (it|that|this|that thing)
turn it (back off|off again)
stop (it|that)
shut it (off|down)
kill it""",
    "it_open": """open (it|that|it up|that one)
unlock (it|that)
open it again""",
    "it_close": """(close|shut|lock) (it|that|it up|that one)
close it again
lock it up""",
    "it_set": """(make|set) it [to|] {temp} [instead|rather|]
change it to {temp}
make that {temp}
set it to {temp} [again|instead|]""",
    "it_approach": """(go|drive|move|come|roll|walk|head|get) (to it|there|over there|closer to it|near it|up to it|next to it|towards it|over to it|to that one)
(approach|reach|visit|go near) (it|that|that one|them)""",
}
"""Actions of the robot; the key is what the reader calls them."""

BARE: dict[str, str] = {
    "lamp_on": """{d} on
(lamp|light|lights) (on|please)
on with {d}
{d} (should|must|needs to|has to|ought to) be (on|turned on|switched on|lit)
let there be light
more light [please]
(i|we) (need|want|would like|could use|'d like) (some|more|a bit of|the|) (light|light in here|light on|lamp on|lights on)
(i|we) (want|need|'d like|would like) {d} (on|to be on|switched on|turned on)
could (i|we) (get|have) {d} on [over here|in here|]
(can|may) (i|we) have {d} on
let's have {d} on
how about some light
i need to see, {d} on
{d} needs (turning|switching) on
(some|a bit of|a little|more) light [would be nice|would help|would be good|if you please|, thanks]
lights please
i can do with (some|more) light
it wants {d} on in here""",
    "lamp_off": """{d} off
(lights|light) (out|off)
off with {d}
no more light
{d} (should|must|needs to|has to) be (off|turned off|switched off|out)
(i|we) don't need {d} (anymore|any more|any longer|now)
(i|we) (want|need|'d like|would like) {d} (off|to be off|switched off|turned off)
could (i|we) (get|have) {d} off
{d} can (go off|go out|be turned off|be switched off) now
let's have {d} off
nobody needs {d} (now|anymore)
don't leave {d} on
{d} needs (turning|switching) off
{d} (isn't|is not|aren't) needed (anymore|any more|any longer|now)
no need for {d} (anymore|any more|any longer|now)
make it pitch black in here
that's enough light""",
    "radio_on": """{d} on
(radio|music) (on|please)
on with {d}
{d} (should|must|needs to|has to) be (on|turned on|playing)
(i|we) (want|need|would like|'d like|'d love|fancy|feel like) (some music|some tunes|a bit of music|to hear some music|to listen to the radio|to hear the radio|music|the radio on)
(can|could|may) (i|we) (have|get|hear) (some music|{d} on|a bit of music|some tunes|the radio)
let's (have|hear) (some music|{d} on|the radio|a bit of radio|some tunes)
how about some music
let's hear what's on [the radio|air|the air]
a (bit of|little) music please
(music|some music|a tune|a song|some tunes) (would be nice|would be good|would be great|would help|, if you please)
(i'm|i am|we are) in the mood for (music|some tunes|a song)
i could do with (some music|a song|the radio)
what's on the radio, let me hear it""",
    "radio_off": """{d} off
no more (music|radio)
enough (music|radio) [for today|for now|]
that's enough (music|radio|noise) [for today|for now|]
off with {d}
{d} (should|must|needs to|has to) be (off|turned off|silent|quiet)
(i|we) don't (want|need) {d} (anymore|any more|on|now)
(i|we) (want|need|'d like|would like) {d} (off|to be off|to stop|turned off)
(can|could) (i|we) (have|get) {d} off
{d} can (go off|be turned off|stop) now
(silence|quiet), please
{d}: off
{d} (isn't|is not) needed (anymore|any more|any longer|now)
no need for {d} (anymore|any more|any longer|now)
(i|we) don't want to (hear|listen to) {d} (anymore|any more|any longer)
don't leave {d} on""",
    "fan_on": """{d} on
fan (on|please)
on with {d}
{d} (should|must|needs to|has to) be (on|turned on|running|spinning)
(i|we) (need|want|would like|could use|'d like) (some|a bit of|more|) (air|fresh air|wind|breeze|ventilation)
(i|we) (want|need|'d like|would like) {d} (on|to be on|running|turned on)
(can|could|may) (i|we) have {d} on
let's have {d} on
how about (a breeze|the fan)
some (air|breeze|ventilation) please""",
    "fan_off": """{d} off
no more (fan|wind|air)
off with {d}
{d} (should|must|needs to|has to) be (off|turned off|stopped)
(i|we) don't (want|need) {d} (anymore|any more|on|now|any longer)
(i|we) (want|need|'d like|would like) {d} (off|to be off|to stop|turned off)
(can|could) (i|we) have {d} off
{d} can (go off|stop|be turned off|rest) now
enough (wind|air|breeze)
{d} (isn't|is not) needed (anymore|any more|any longer|now)
no need for {d} (anymore|any more|any longer|now)
don't leave {d} (on|running)
the fan has done its job""",
    "door_open": """door open
open up
{d} (should|must|needs to|has to) be (open|opened|unlocked)
{d} needs (opening|unlocking)
(i|we) (want|need|'d like|would like) {d} (open|opened|to be open)
(can|could) (i|we) have {d} open
(i|we) (want|need|would like|'d like|wanna|have) to (go out|go outside|get out|leave|come in|get in), {vp}
let's have {d} open
don't keep (him|her|them|us|me) waiting outside, {vp}""",
    "door_close": """door (closed|shut|close)
{d} (should|must|needs to|has to) be (closed|shut|locked)
{d} needs (closing|shutting|locking)
(i|we) (want|need|'d like|would like) {d} (closed|shut|to be closed|locked)
(can|could) (i|we) have {d} (closed|shut)
don't leave {d} (open|ajar)
let's have {d} (shut|closed)
keep (the cat|the dog|the cold|the heat|the noise) (in|out), {vp}
don't forget to (close|shut|lock) {d}""",
    "thermostat_set": """{d} [to|at|on|] {temp}
{d}: {temp}
(thermostat|temperature|heating): {temp}
{temp} on {d}
(could|can) (we|i) have it (at|) [a nice|a comfortable|] {temp} [in here|]
no, not {num}, {temp}
{temp} (please|in here please|would be nice|would be good|would be perfect)
(i|we) (want|need|would like|'d like|prefer) (it|it to be|the room at|the temperature at|the heating at|) {temp} [in here|here|in the room|]
{d} (should|must|needs to) be [set to|at|] {temp}
it should be {temp} in here
how about {temp}
let's (have|try|say|make it) {temp}
could (we|i) have {temp} [in here|]""",
    "approach": """(i|we) (want|need|'d like|would like) you (to go|to drive|to move|to be|over) (to|by|near|next to|at) {thing}
to {thing} [please]
over to {thing}
next stop {thing}
let's go (to|over to) {thing}
your (goal|target|destination) is {thing}
i (need|want|'d like) you (over|up|) (by|at|next to) {thing}
over to {thing} with you
off to {thing} [with you|]""",
    "turn_left": """left
to the left
(a|one) (quarter turn|turn) to the left
{deg} [to the] left
left by {deg}
i want you to (face|look) left
let's turn left""",
    "turn_right": """right turn
to the right
(a|one) (quarter turn|turn) to the right
{deg} [to the] right
right by {deg}
i want you to (face|look) right
let's turn right""",
    "turn_around": """about turn
about face
around
the other way round please
i want you to face the other way""",
    "drive_ahead": """forward [{dist}|]
(straight ahead|ahead|onward|forwards) [{dist}|]
{dist} (forward|ahead|straight ahead)
let's go forward
i want you {dist} further ahead""",
    "drive_back": """(back|backwards|backward|reverse) [{dist}|]
{dist} (back|backwards)
let's go back a bit
i want you {dist} further back
you are too close, {vp}""",
    "it_on": """(on|on again|on please|back on)
and now on""",
    "it_off": """(off|off again|off please|back off)
and now off""",
    "it_open": """open [again|please]""",
    "it_close": """(closed|close|shut) [again|please]""",
    "it_set": """(no|actually|rather|better|and now) {temp}
{temp} instead
better {temp}
let's say {temp}""",
    "it_approach": """there please
over there
to that one""",
}
"""Orders without a verb that could be put into another form, or with one that must not be."""

STATES: dict[str, str] = {
    "lamp_on": "on|lit|burning|shining|turned on|switched on",
    "lamp_off": "off|out|turned off|switched off|dark",
    "radio_on": "on|playing|turned on|switched on|running",
    "radio_off": "off|silent|turned off|switched off|mute",
    "fan_on": "on|running|spinning|turned on|going|blowing",
    "fan_off": "off|still|turned off|switched off|not running",
    "door_open": "open|wide open|unlocked|ajar|opened",
    "door_close": "closed|shut|locked|closed properly",
}

DEVICES: dict[str, str] = {
    "lamp": "(the|the|the|that|this|my|our|your) (lamp|light|lamp|light|lights|lamps|bulb|light bulb|lightbulb|ceiling light|floor lamp|table lamp|desk lamp|room light|house light|lighting|standing lamp|reading lamp|overhead light)|lamp|light|lights|the lights|the light|the lamp|the lamp|the light",
    "radio": "(the|the|the|that|this|my|our|your) (radio|radio|music|stereo|radio set|tunes|broadcast|sound system|radio station)|radio|music|the music|the radio|the radio|the radio",
    "fan": "(the|the|the|that|this|my|our|your) (fan|fan|ventilator|blower|cooling fan|ceiling fan|ventilation|room fan|electric fan|table fan|propeller)|fan|the fan|the fan|the fan",
    "door": "(the|the|the|that|this|my|our|your) (door|door|front door|entrance|house door|entry door|room door|entrance door|main door|doors)|door|the door|the door|the door",
    "thermostat": "(the|the|the|my|our) (thermostat|temperature|heating|heat|heater|room temperature|temp|radiator|climate control)|thermostat|temperature|the thermostat|the temperature|the heating",
}

PLACES = "in here|over there|in the room|here|in this room|over here|in the corner|by the wall|next to me|behind you|in front of you|for me|for us"

REMARKS: dict[str, str] = {
    "lamp_on": """it's [too|so|very|really|pretty|getting|a bit|quite|rather|pitch] dark [in here|here|now|outside]
i (can't|cannot|can hardly|can barely) see (a thing|anything|my hand|what i'm doing|the book|where i'm going)
i (want|would like|need|'m trying) to read [a book|something|my book|the paper]
the room is [too|so|very] (dark|dim|gloomy)
the sun (has gone down|is down|went down|has set)
i'm sitting in the dark
i keep bumping into things
i'm afraid of the dark""",
    "lamp_off": """it's [too|so|very|really|way too] bright [in here|here]
the (light|lamp) (hurts my eyes|is blinding me|is too bright|bothers me)
i (want|would like|need|'m going|'m about) to (sleep|go to bed|nap|go to sleep)
i'm [so|really|] (sleepy|tired)
it's (bedtime|time for bed|light enough outside|bright enough)
we're wasting (electricity|power|energy)
i can't sleep with (this light|the light on)
we're about to watch a film""",
    "radio_on": """it's [too|so|very|really] (quiet|silent) [in here|here]
i'm [so|really|a bit|] (bored|lonely)
this silence is (awful|killing me|unbearable|boring)
i (want|would like|feel like) to dance
i want to hear the news
the concert starts now""",
    "radio_off": """(the|that|this) (music|radio|song|noise) is [too|so|way too|very] (loud|annoying|awful|terrible)
it's [too|so|very] (loud|noisy) [in here|here]
i (can't|cannot) (hear myself think|concentrate|think|hear you|focus|work like this)
i'm (on the phone|trying to work|trying to study|in a meeting|taking a call)
i have a (headache|migraine)
i hate (this song|this music|this station)
the baby is (sleeping|asleep)""",
    "fan_on": """it's [too|so|very|really|pretty|quite|rather] (hot|stuffy|warm|humid|muggy|boiling) [in here|here|today]
i'm [so|too|very|really|] (hot|sweating|melting|boiling|roasting)
the air is [so|very|really|] (stale|stuffy|bad|thick)
there's no air in here
this heat is (killing me|unbearable|too much)
it's like an oven [in here]""",
    "fan_off": """it's [too|so|very] (windy|breezy|drafty) [in here|here]
(the|that) fan is [too|so|very] (loud|noisy|strong|annoying)
the fan is (blowing in my face|blowing my papers away|making me cold|getting on my nerves)
i'm (freezing|cold|chilly|shivering)
my papers are flying away
it's cool enough now""",
    "door_open": """(someone|somebody|a guest|the postman|my friend|grandma) is (at the door|knocking|ringing|outside|waiting outside)
(i'm|we're) (leaving|going out|heading out|locked out|at the door)
my hands are full
the (guests|visitors|kids) are here
the doorbell (rang|is ringing)
the (cat|dog) wants (out|in)""",
    "door_close": """there's a (draft|draught|cold breeze)
it's (drafty|cold|freezing) [with the door open|]
the (cat|dog) (will|could|might) (run away|escape|get out)
i want (some|more|a bit of) privacy
(the bugs|mosquitoes|flies) are coming in
it's (noisy|loud) outside
(everyone|everybody) is (in|inside|gone)
were you born in a barn
the door is [still|wide|] open""",
    "thermostat_set": """it's [too|so|very|really|a bit] (cold|chilly|freezing|cool|warm|hot) [in here|here]
i'm [so|really|a bit|] (cold|freezing|chilly|hot|warm)""",
    "approach": """i want to see it from close up
i can't reach it""",
    "turn_left": """there's something on your left""",
    "turn_right": """there's something on your right""",
    "turn_around": """there's something behind you
i'm behind you""",
    "drive_ahead": """you are too far away""",
    "it_on": """i changed my mind
on second thought""",
    "it_off": """i changed my mind
that's enough
on second thought""",
    "it_open": """i changed my mind""",
    "it_close": """i changed my mind""",
    "it_set": """that's too (warm|cold)
i changed my mind""",
    "it_approach": """i want a closer look""",
    "drive_back": """you're [way|] too close [to me|]
you are in my way
you're standing on my foot""",
}
"""Why somebody may want it: next to an order they are reasons, alone they are hints."""

HALF: dict[str, str] = {
    "thermostat_set": """(turn up|turn down|raise|lower|increase|reduce|adjust|change) {d} [a bit|a little|]
turn {d} (up|down) [a bit|a little|]
make it (warmer|cooler|colder|hotter|a bit warmer|a little cooler|less cold) [in here|]
(heat|warm|cool) (the room|the house|this place) [up|down|]
(set|fix|adjust) {d}
turn (on|off) (the heating|the heater)""",
    "lamp_on": """(open|do) {d}
(leave|keep) {d} (on|lit|burning)
{d} (can|may|should|must) (stay|remain) (on|lit)
(lamp|light|lights|the lamp|the light)
do something about the dark
(and|also|and also|what about|now|then) {d} [too|as well|please|also]""",
    "lamp_off": """(leave|keep) {d} (off|dark)
{d} (can|may|should|must) (stay|remain) (off|out|dark)""",
    "fan_on": """(leave|keep) {d} (on|running|spinning)
{d} (can|may|should|must) (stay|remain) (on|running)
(fan|the fan|ventilator)""",
    "fan_off": """(leave|keep) {d} off
{d} (can|may|should|must) (stay|remain) off""",
    "door_close": """(leave|keep) {d} (closed|shut|locked)
{d} (can|may|should|must) (stay|remain) (closed|shut|locked)
(the door|door)""",
    "radio_on": """turn up the volume
(leave|keep) {d} (on|playing|running)
{d} (can|may|should|must) (stay|remain) on
(radio|the radio|music)
(and|also|and also|now|then) {d} [too|as well|please|also]
change the station
play (jazz|the news|some mozart|my playlist|rock music|the next song)""",
    "radio_off": """lower the volume
(leave|keep) {d} (off|silent|quiet)
{d} (can|may|should|must) (stay|remain) off
turn {d} down a bit
keep it down""",
    "door_open": """(let|show) them in when you can
(leave|keep) {d} (open|ajar|unlocked)
{d} (can|may|should|must) (stay|remain) open
get the door""",
    "approach": """come (here|to me|closer|over here)
follow me
go (there|over there|to it)""",
    "drive_ahead": """(move|go)
keep going
come on""",
    "drive_back": """move out of the way
make room
go away""",
}
"""What is too little to be done: the robot asks."""

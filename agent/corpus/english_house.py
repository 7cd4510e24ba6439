# ruff: noqa: E501
"""English: door, thermostat and clock, and what follows on commands."""

from __future__ import annotations

from sensebind.agent.corpus.english_rules import frames

TEMPLATES: dict[str, list[str]] = {}

TEMPLATES["door_open"] = frames(
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
    x="""i('m| am) (stepping|popping|heading|going) out
there('s| is) (someone|somebody) (knocking|ringing|waiting) [let them in|open|at the door]
door please [i'm leaving]
(invite|let|show|ask) (them|him|her|our guest|my friends) in
i'd like to (get out|go out|come in|step outside|leave)
(get|make) the door (to open|open|unlocked)
can (he|she|they|my friend|the cat|the dog|i|we) (come in|go out|get in|get out) [please]
door open
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

TEMPLATES["door_close"] = frames(
    rule="door_close",
    c="""(keep|leave) (the cat|the dog|the cold|the wind|the noise|people|the kids|strangers|everyone|the heat|him|the bugs|the mosquitoes) (in|out|inside|outside)
don't let (the cat|the dog|anyone|anybody|the cold|the heat|the kids|people|the bird|strangers|him|the bugs|the warm air) (in|out|escape|get out|come in|get in|run away)
(secure|lock) (the house|the entrance|up|everything up)
lock up [the house|for the night|please]
shut it
close it [up|please]
pull it shut
stop the draft [from the door]""",
    x="""(close|shut|lock) (the door|it|that) behind (me|us|him|her|them)
(make|be) sure the door is (shut|closed|locked)
(get|make) the door (shut|closed|locked)
the door (stands|has been left|is standing) open [close it]
i don't want (anyone|anybody|the cat|visitors|flies) to (come in|get in|get out)
let's keep (the door closed|it closed|the cold outside)
door closed
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

TEMPLATES["thermostat_set"] = frames(
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
    x="""(bump|nudge|ramp|kick|dial) <heatw> [up|down|] to {temp} <deg>
a (cozy|nice|comfortable|cool|warm|pleasant) {temp} degrees [please]
{temp} degrees in (here|this room|the room) [please]
(temp|temperature|thermostat|heating) (at|on|is to be) {temp}
set temp [to] {temp}
make it a (cozy|nice|comfortable|cool|warm) {temp} [degrees]
thermostat {temp}
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

TEMPLATES["thermostat_get"] = frames(
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

TEMPLATES["thermostat_vague"] = frames(
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

TEMPLATES["time"] = frames(
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
    x="""do you happen to (know|have) (the time|what time it is)
time of day
(clock|watch) (check|says what|reading)
what does it say on the clock
time
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

TEMPLATES["state"] = frames(
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

TEMPLATES["also_lamp"] = [
    "(and|also|and also|what about|now|then|too) (the|) (lamp|light|lights) [too|as well|please|also]"
]

TEMPLATES["also_radio"] = [
    "(and|also|and also|what about|now|then) (the|) (radio|music) [too|as well|please|also]"
]

TEMPLATES["also_fan"] = [
    "(and|also|and also|what about|now|then) (the|) (fan|ventilator) [too|as well|please|also]"
]

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

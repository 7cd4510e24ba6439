# ruff: noqa: E501
"""English: questions about things: colour, presence, number, place."""

from __future__ import annotations

from sensebind.agent.corpus.english_rules import frames

TEMPLATES: dict[str, list[str]] = {}

TEMPLATES["color"] = frames(
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
    x="""what (colour|color) is (<front>|the one <front>|there)
color of (the|that|this) (object|thing|item) [please]
what (does its color look like|is its paint job)
what would you call (its|that|the) (color|colour|shade)
which of the colors is it
color
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

TEMPLATES["color_kind"] = frames(
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

TEMPLATES["see_is"] = frames(
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

TEMPLATES["see_color"] = frames(
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
TEMPLATES["hear_is"] = frames(
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

TEMPLATES["scan_is"] = frames(
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

TEMPLATES["count"] = frames(
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
    x="""how many {kinds} (are lying|are standing|are sitting|lie|stand|sit) (around|there|here|in the room)
how many {kinds} (can you make out|have you got|did you count|you got|could you count|do you think there are)
any idea how many {kinds} (there are|are there|we have)
(what's|what is) the {kind} count
total [number of] {kinds}
{kinds} [please] count (them|these)
i'd (love|like) to know how many {kinds} (there are|we have|we've got|you see)
how large is the number of {kinds}
number of {kinds} [<room>]
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

TEMPLATES["where"] = frames(
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
    x="""whereabouts is (the|my|a) {kind}
any idea where (the|my) {kind} (is|went|could be|has gone)
(have|do) you (any|an) idea where (the|my) {kind} (is|went|has gone)
my {kind} has (vanished|disappeared|gone missing|run away) [where is it|find it|help]
i (can't|cannot|can not) see (the|my) {kind} where is it
(tell|show) me the way to (the|my) {kind}
which corner is (the|my) {kind} in
is (the|my) {kind} more to the left or [to] the right
where {kind}
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

TEMPLATES["also_color"] = ["(and|what about|and what about|how about|and for) the {kind}"]

TEMPLATES["also_kind"] = ["(and|what about|and what about|how about|or|and any) {kinds}"]

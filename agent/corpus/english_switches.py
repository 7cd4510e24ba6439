# ruff: noqa: E501
"""English: lamp, radio and fan, on and off."""

from __future__ import annotations

from sensebind.agent.corpus.english_rules import frames

TEMPLATES: dict[str, list[str]] = {}

TEMPLATES["lamp_on"] = frames(
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
    x="""(get|make) (the lamp|the light|the lights) (shining|glowing|shine|glow|burn)
do something about (the dark|this darkness|the darkness)
we could use some light
the room (needs|could use) (some|more) light
hit the (lights|light switch)
lights up
(flip|press|push|throw|flick) the (light switch|lamp switch)
i'd like (to see something|to have light|some brightness)
bring (light|the light) [in here|into the room]
lamp on
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

TEMPLATES["lamp_off"] = frames(
    rule="lamp_off",
    c="""(kill|cut|douse|extinguish|put out|switch out|blow out|dim|dim out|turn out|snuff|snuff out|drop) <lampw>
make it dark [in here|here]
(darken|black out) (the room|this room|this place|it|here)
make (the room|this room|it) (dark|darker)
let it be dark
(leave|get) (us|me) in the dark
save (some|) (power|electricity|energy) and turn the (lamp|light|lights) off""",
    x="""(get|make) the (lamp|light) [to] (stop shining|go out|go off|go dark)
no need for (the light|the lamp|light|any light) [anymore|now]
pitch black please
i prefer (the dark|it dark|darkness)
let me (sleep|rest) in the dark
the (lamp|light) can go (off|out) [now]
stop (the lamp|the light|shining|wasting light)
lamp off
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

TEMPLATES["radio_on"] = frames(
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
    x="""i (fancy|crave|love|'d love) (a bit of|some|) (music|tunes)
let's hear what('s| is) on (the air|the radio|air)
(blast|pump|spin|crank) (some|up the|the) (music|tunes|beats)
music maestro
hook me up with some (music|tunes)
(get|have) the radio (play|playing|sing|singing)
a (song|tune|little music) (please|would be nice|would be great)
do you have [any|some] music
can we (have|get|hear) [some|] (music|tunes|radio)
radio on
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

TEMPLATES["radio_off"] = frames(
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
    x="""the (music|radio|song) can (stop|end|go) [now]
i've had enough (of the music|of the radio|of that noise|music)
that's enough (music|radio|noise) [for today|for now|now]
will you stop (that|the) (music|racket|noise|radio)
no more of that (music|noise|song)
get rid of (that|the|this) (noise|music|song|racket)
i don't want to (hear|listen to) (that|this|the music|the radio|it) [anymore|any more|any longer]
can you (make|get) (that|the) (radio|music|thing) [to] (stop|be quiet|shut up)
radio off
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

TEMPLATES["fan_on"] = frames(
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
    x="""i('m| am) (roasting|baking|cooking|dying of heat|dripping|suffocating) [in here]
it's (boiling|roasting|sweltering|like a sauna|like a furnace|baking) [in here]
let's (have|get) (a breeze|some air|some wind|the fan going)
(some|a bit of|a little) (cooling|ventilation|wind|breeze|air) [please|would be nice]
can we (have|get) (some|a bit of) (air|breeze|wind|ventilation)
set the fan (in motion|spinning|going)
fan on
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

TEMPLATES["fan_off"] = frames(
    rule="fan_off",
    c="""stop (blowing|the breeze|the wind|the air|that wind|fanning|ventilating|the air flow|the draft from the fan|cooling|spinning)
(kill|cut|end|stop) (the breeze|the wind|the air|the ventilation|the blowing|<fanw>)
make (the wind|the breeze|the blowing|the fan|the ventilator) stop
stop <fanw> from (spinning|blowing|running|turning)
let the (fan|ventilator) (stop|rest)
stop the (fan|propeller|ventilator|blades)""",
    x="""i('m| am) getting (cold|chilly|goosebumps|a stiff neck) from (that|the) (draft|fan|breeze|wind|air)
the fan (isn't|is not) (needed|necessary|wanted) [anymore|any more|any longer|now]
(the fan|it) is blowing my (hair|papers|notes) (around|away|everywhere|off)
let the fan (rest|be|stand still)
the fan has done its job
can we do without the (fan|wind|breeze)
no need for the (fan|wind|ventilator) [now|anymore]
fan off
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

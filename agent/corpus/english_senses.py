# ruff: noqa: E501
"""English: questions about what is seen, heard and near."""

from __future__ import annotations

from sensebind.agent.corpus.english_rules import frames

TEMPLATES: dict[str, list[str]] = {}

TEMPLATES["see"] = frames(
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
    x="""what (might|could|would) (that|this|it) be [<front>|over there]
what (is|'s) (up|straight|right|directly) ahead [of you]
what lies (ahead|before you|in front of you)
(name|tell me) whatever (is|stands|sits|you see) <front>
visual [contact] [with anything|please]
(got|have you got|do you have) (anything|something) in (view|sight|your sights|your view)
what (is|'s|have you got) in your sights
(spot|notice|recognize|observe) (anything|something) [there|<front>|interesting]
what (is that thing called|do you call that [thing]|do you make of that)
(paint me a picture|give me the lowdown|walk me through|fill me in on|brief me on) [of|on] what (you see|is <front>|is visible)
what (is|'s) (your|the) camera (pointed|aimed|directed|looking) at [<now>]
where (is|'s) your camera pointed at what
(anything|something) of interest [<front>|to see]
what do we (see|have) [here|there|<front>]
(robot|camera) (what is there|what's there|what do you have for me)
what (comes|appears|shows up) (in view|before your eyes|on your camera)
what is (standing|sitting|lying|placed|located) (there|<front>)
see
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

TEMPLATES["hear"] = frames(
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
    x="""what (is|'s|comes) (reaching|coming to|getting to|to) your ears
anything (reaching|coming to) your ears
listen for a (sec|second|moment|minute|bit) [and tell me what you hear|what is it|what's up]
what (is|'s) (the|this|that|all the|all that) (commotion|ruckus|fuss|hubbub|clamor|racket|buzz|beeping|ringing|humming|rumble) [about|in there|here]
who (is|'s) making (such|this|that|all that|all this) [a|] (commotion|ruckus|fuss|racket|noise|din)
(tell me about|describe) the (audio|sounds|noise|soundscape) [you get|around you]
(mic|microphone|ears) (what do you hear|what does it pick up|anything)
(is|does) (something|anything) (beeping|ringing|buzzing|humming|playing|sound|make noise) [there|here|in there]
(name|find|identify) the (source|origin) of (the|that) (sound|noise)
what (sort|kind) of (racket|noise|sound) is (this|that|going on)
what (is|'s) that (strange|weird|loud|funny|awful|nice) (sound|noise)
can you make out (the|any|that) (sound|sounds|noise)
hear
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

TEMPLATES["scan"] = frames(
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
    x="""(anything|something|stuff|things|objects|obstacles) <near> [that you (might|could) (hit|bump into|crash into)]
what are you (standing|sitting|parked|located|placed) (next to|beside|near|by|close to)
ping your (surroundings|environment|area) [and tell me what is (near|close|closest)]
(run|start|use|fire up|operate) the (scanner|lidar|scan|laser|radar) [please|now]
what (is|'s) in your (immediate|close|direct|) (vicinity|proximity|neighborhood|reach|path)
(who|what) is your (nearest|closest|) neighbor
collision (check|warning|danger|alert)
are you (clear|free) [of obstacles|to go|to move]
is the (coast|way|road) clear
what would you (hit|bump into|crash into|touch) [first|next]
what do you (almost|nearly|about to) touch
what (object|thing) (sits|stands|is) (nearest|closest|right) (to|next to|beside) you
what (is|'s) right (next to|beside|near|by) you
(is|are) there stuff <near>
scan
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

TEMPLATES["all"] = frames(
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
    x="""give me (a|the) (rundown|briefing|whole picture|big picture|full story|complete story) [of everything|of your sensors|please]
what do you (get|read|know) from all [of] your (sensors|senses)
describe it all
sights sounds and (obstacles|things near you)
(the whole|the full|the big) picture [please]
brief me [on everything|please]
how does the world (look and sound|appear|seem) to you
tell me what (you perceive|you sense|your senses say|is up around you) [in total|altogether|overall]
everything at once
(what|how) is it over there
tell me all about (your surroundings|the room around you|what you sense)
everything
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

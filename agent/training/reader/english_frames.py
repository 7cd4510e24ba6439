# ruff: noqa: E501
"""English: sentences around a phrase: orders, and everything that only looks like one.

`{vp}` is the phrase, `{ving}`, `{vpast}`, `{vpp}`, `{v3}` its forms, `{d}` its device, `{state}` what it
leads to. `{who}` is somebody, `{clause}` a condition, `{later}` a time, `{reason}` and `{remark}` why.
"""

from __future__ import annotations

RULES: dict[str, str] = {
    "hey": "hey|hey robot|robot|hi|hello|ok|okay|ok robot|so|well|um|uh|listen|right|alright|now|hello robot|excuse me|hey buddy|buddy|dear robot|yo|hey there|oh|ah|rover|hey {name}|{name}|my friend|good evening|good morning|sorry|one more thing|actually|and now|next|then|first|ok then|come on|good",
    "pol": "please|pls|plz|kindly|please|please",
    "can": "can you|could you|would you|will you|can u|could u|can you please|could you please|would you please|will you please|could you kindly|would you kindly|could you possibly|can you maybe|can you just|could you just|could you quickly|can you quickly",
    "ask": "i want you to|i need you to|i'd like you to|i would like you to|i'd love you to|i'd ask you to|i'm asking you to|you should|you may|you can|you might want to|you have to|you need to|you must|it's time to|time to|go|go and|go ahead and|please go ahead and|be so kind as to|be so kind and|be kind enough to|be a dear and|be a darling and|be a good robot and|do me a favor and|do me a favour and|would you be so kind as to|would you be so good as to|would it be possible for you to|could i ask you to|may i ask you to|can i ask you to|might i trouble you to|could i trouble you to|can i get you to|could i get you to|i order you to|your task is to|why don't you|let's|we should|we need to|it would be great if you could|it would be nice if you could|it'd be lovely if you could|i'd be glad if you could|i'd be grateful if you could|i'd appreciate it if you could|please be so good as to|mind you|quick,|hurry up and|just|simply|try to|see if you can|be nice and|make yourself useful and|feel free to|remember to|don't forget to|i'd say|everybody wants you to|we want you to|we'd like you to|kindly",
    "past": "i'd appreciate it if you|it would be great if you|it would be nice if you|i would be grateful if you|i'd be happy if you|i'd love it if you|i'd prefer it if you|would it be ok if you|it's time you|it's high time you|i'd be obliged if you|it would help if you|it would be lovely if you",
    "ing": "would you mind|do you mind|mind|how about|what about|i suggest|would you be so kind as to start|i recommend|thank you for|i'd appreciate you|can i bother you with",
    "tail": "please|pls|thanks|thank you|robot|now|right now|for me|will you|would you|won't you|could you|can you|ok|okay|at once|immediately|quickly|right away|if you would|if you please|if you don't mind|if you can|buddy|mate|my friend|dear|cheers|for us|asap|this instant|again|straight away|first|yeah|will ya|would ya|there's a good robot|thank you very much|thanks a lot|be quick|i beg you|for a moment|for a while|a moment please|gently|carefully|slowly|quietly",
}

ORDER = """{vp}
{vp}
{vp}
<pol> {vp}
<pol>, {vp}
{vp} <pol>
{vp}, <pol>
<can> {vp}
<can> {vp}
<can> {vp} <tail>
<can> {vp} {place}
<ask> {vp}
<ask> {vp}
<past> {vpast}
<ing> {ving}
{vp} <tail>
{vp}, <tail>
{vp} <tail> <tail>
{vp} {place}
{vp} {place}, <tail>
<hey> {vp}
<hey>, {vp}
<hey>, <can> {vp}
<hey> <can> {vp} <tail>
<hey>, <ask> {vp}
<hey>. {vp}
{bare}
{bare}
{bare} <tail>
{bare}, <tail>
<hey>, {bare}
<pol> {bare}
{remark}, {vp}
{remark}, <can> {vp}
{remark}. {vp}
{remark}. <can> {vp}
{remark}! {vp}
{remark} so {vp}
{remark}, so <can> {vp}
{remark} - {vp}
{remark} {vp} <pol>
{remark}, {bare}
{remark}. {bare}
{vp}, {remark}
{vp}. {remark}
{vp} because {remark}
<can> {vp}, {remark}
{bare}, {remark}
<can> {vp} because {remark}
{reason}, {vp}
{reason}. {vp}
{reason}, <can> {vp}
{reason}, so <ask> {vp}
{vp}, {reason}
{vp} so i can {averb}
{vp} so that we can {averb}
{vp} because {reason}
{vp} since {reason}
<can> {vp}, {reason}
{vp}, i said
i said {vp}
{vp}, {vp}
{vp} and then wait
{vp} until i say otherwise
yes, {vp}
yes please, {vp}
no, {vp}
ok do it, {vp}
what i want is for you to {vp}
what i need is {d} {state}
i want {d} {state}
i need {d} {state}
get {d} {state}
have {d} {state}
{d} {state} please
make sure {d} is {state}
see to it that {d} is {state}
i'd like {d} {state}
i would like {d} {state}, please
i'd rather have {d} {state}
let {d} be {state}
please get {d} {state} for me
can we get {d} {state}
can we have {d} {state} please
could i have {d} {state}"""

NEGATION = """don't {vp}
don't {vp}
dont {vp}
do not {vp}
do not {vp} <tail>
please don't {vp}
please do not {vp}
<hey>, don't {vp}
<hey> do not {vp}
never {vp}
never ever {vp}
don't you dare {vp}
don't even think (of|about) {ving}
{reason}, so don't {vp}
{remark}, but don't {vp}
{remark}. don't {vp}
don't {vp}, {remark}
don't {vp}, {reason}
don't {vp} because {reason}
don't {vp} yet
don't {vp} now
don't {vp} again
don't {vp} for {who}
don't {vp} anymore
(you|we) (don't need|needn't|do not need) to {vp}
(you|we) don't have to {vp}
you needn't {vp}
you need not {vp}
you needn't bother {ving}
don't bother {ving}
don't bother to {vp}
no need to {vp}
there's no need to {vp}
there is no (need|reason|point|use) (to {vp}|in {ving}) [yet|now|]
it's not necessary to {vp}
it isn't necessary to {vp}
i don't want you to {vp}
i do not want you to {vp}
i don't need you to {vp}
i wouldn't {vp} [if i were you|]
i didn't ask you to {vp}
i did not ask you to {vp}
i haven't asked you to {vp}
nobody asked you to {vp}
no one (asked|told) you to {vp}
who asked you to {vp}
i never (asked|told|said) [you|] to {vp}
i told you not to {vp}
i asked you not to {vp}
i'd ask you not to {vp}
i'd rather you didn't {vp}
i'd prefer you not to {vp}
i'd prefer it if you didn't {vp}
i'd be glad if you didn't {vp}
would you please not {vp}
could you please not {vp}
can you not {vp}
please try not to {vp}
try not to {vp}
be careful not to {vp}
make sure (not to {vp}|you don't {vp}|that you don't {vp}|nobody {v3})
see that you don't {vp}
you must not {vp}
you mustn't {vp}
you should not {vp}
you shouldn't {vp}
you may not {vp}
you can't {vp} [now|here|]
you are not (to {vp}|allowed to {vp}|supposed to {vp})
you're not supposed to {vp}
i forbid you to {vp}
i don't allow you to {vp}
i won't let you {vp}
under no circumstances [should you|may you|] {vp}
on no account {vp}
in no case {vp}
at no time {vp}
refrain from {ving}
avoid {ving}
abstain from {ving}
keep from {ving}
hold off (on|) {ving}
put off {ving}
leave off {ving}
(let's|let us) not {vp}
better not {vp}
you'd better not {vp}
best not to {vp}
it's better not to {vp}
it would be better not to {vp}
it'd be (wrong|a mistake|a bad idea|silly|dangerous|unwise) to {vp}
{ving} is (forbidden|not allowed|out of the question|a bad idea|not necessary|unnecessary|prohibited|not what i want|dangerous)
{ving} would be (a mistake|a bad idea|silly|wrong|dangerous)
no {ving} (please|today|now|for now|)
without {ving}
do (anything|everything|whatever you like) (but|except|but don't) {vp}
whatever you do, don't {vp}
forget (about|) {ving}
forget it, don't {vp}
cancel that, don't {vp}
wait, don't {vp}
no, don't {vp}
no no, please don't {vp}
no, i don't want you to {vp}
{vp}? no
{vp}? why would i want that
{vp}? what for
{vp}? not on your life
why bother {ving}
there'll be no {ving}
enough with {ving} all the time
{vp}? no way
{vp}? certainly not
{vp}? never
{vp}? better not
{vp} - not
{vp}... actually don't
{vp}, or rather don't
i changed my mind, don't {vp}
on second thought, don't {vp}
i don't think you should {vp}
i do not think it's a good idea to {vp}
i don't feel like {ving}
i hate {ving}
i refuse to {vp}
not {d}
not {d}, (please|thanks|thank you)
not {d} [again|now|today]
not that {d2}
leave {d} (alone|as it is|the way it is|be|in peace)
leave {d} (alone|as it is), <pol>
please leave {d} (alone|as it is|how it is|untouched)
{d} (stays|should stay|must stay|has to stay|is to stay|should remain|must remain|can stay) (as it is|the way it is|like that|how it is|untouched)
{d} is fine (as it is|the way it is|like that)
keep your (hands|wheels|fingers) off {d}
hands off {d}
(stay|keep) away from {d}
don't touch {d}
please don't touch {d}
nobody touches {d}
do nothing (with|to|about) {d}
don't worry about {d}
don't mess with {d}
forget about {d}
you can leave {d}
let {d} (be|alone)
{d} doesn't need to be {vpp1}
{d} does not have to be {vpp1}
{d} must not be {vpp1}
{d} shouldn't be {vpp1}
{d} should not be {state}
{d} needn't be {state}
i don't want {d} {state}
i do not want {d} to be {state}
i don't need {d} {state}
i don't want {d} {vpp1}
nobody wants {d} {state}
it's fine if {d} isn't {state}
it's okay, {d} doesn't have to be {state}
i'd rather {d} (wasn't|weren't|were not) {state}
i'd hate (for you to {vp}|it if you {vpast}|to see {d} {state}|to have {d} {state})
(nobody|no one) (is to|should|may|gets to|needs to) {vp}
who said (you|anyone) (should|could|was to|may) {vp}
i never said to {vp}
i said i (don't|did not|didn't) want {d} {state}
{d} (isn't|is not|aren't) to be {vpp1} [before midnight|today|until {clause}|by anyone|]
{d} (is|are) not to be {vpp1}
don't {vp} (until|before|unless) {clause}
not until {clause} should you {vp}
(quit|no more|enough of) {ving}
see to it that {d} (isn't|doesn't get|is never) {state}
make sure {d} (isn't|is not|doesn't get) {state}
the last thing (i want|we need|i need) is (for you to {vp}|{d} {state})
by no means {vp}
i'm against {ving}
think twice before {ving}
i'd think twice before {ving}
there will be no {ving}
do not, i repeat, do not {vp}
whatever happens, don't {vp}
(you can|you may) do anything, just don't {vp}
not the time for {ving}
spare yourself {ving}
skip {ving}
nope, don't {vp}
i can do without {d}
i'd do without {d} for now
it is (clear|agreed|understood) that nobody {v3}
let's not {vp} [just yet|again|now|today]
there's really no point in {ving}
{d} (was|were) {vpp1} by mistake, leave it like that"""

QUESTION = """is {d} {state}
is {d} {state} [now|already|still|right now|at the moment|yet]
is {d} still {state}
was {d} {state} [earlier|before|yesterday|last night|all night]
isn't {d} {state}
are (you sure|we sure) {d} is {state}
so {d} is {state}, is it
{d} is {state}, right
{d} is {state}, isn't it
{d} (has been|was) {state}, (hasn't it|wasn't it)
has {d} been {vpp1}
has {d} been {state} [all day|all night|for long|the whole time]
how long has {d} been {state}
since when is {d} {state}
why is {d} {state}
why isn't {d} {state}
why was {d} {state}
when was {d} {vpp1}
who {vpast}
who {vpast} [again|this time|last night]
who told you to {vp}
why did you {vp}
why didn't you {vp}
why do you {vp} [every time|all the time|so often]
why would (you|i|anyone) {vp}
when did you {vp}
when do you {vp}
when will you {vp}
when do we have to {vp}
did you {vp}
did you [already|just|really|] {vp}
did i {vp}
did (anyone|anybody|someone|{who}) {vp}
have you {vpp}
have you [already|ever|just] {vpp}
have i [already|] {vpp}
has {who} {vpp}
has (anyone|anybody|somebody) {vpp}
haven't you {vpp}
do you [usually|always|often|ever] {vp}
does {who} {vp}
do you know how to {vp}
do you know who {vpast}
do you know (if|whether) {d} is {state}
do you know why {d} is {state}
do you remember {ving}
do you like {ving}
do you want to {vp}
do you think (i should|we should|it's safe to|it's wise to) {vp}
do i (have|need) to {vp}
do we (have|need) to {vp}
should i {vp}
should i {vp} [now|myself|or not]
should we {vp}
shall i {vp}
shall we {vp}
may i {vp}
can i {vp}
can i {vp} [myself|from here|with my phone]
could i {vp} [myself|from here]
can (he|she|they|a robot|robots|{who}|people|anyone) {vp}
could {who} {vp}
are you (going|about|planning) to {vp}
are you {ving}
are you {ving} [now|right now|already]
were you {ving} [just now|]
is {who} {ving}
is it (safe|dangerous|wise|allowed|legal|easy|hard|expensive|bad) to {vp}
is it (true|correct) that {d} is {state}
how do (i|you|we) {vp}
how can i {vp}
how does one {vp}
how often do you {vp}
how many times did you {vp}
how much does it cost to {vp}
how long does it take to {vp}
how would you {vp}
how do you feel about {ving}
what happens (if|when) (i|you|we) {vp}
what does {ving} (cost|do|mean)
what is the (best way|point|reason) (to {vp}|of {ving})
what did {who} say about {ving}
where is {d}
where did you put {d}
what is {d}
what color is {d}
what kind of {d2} is (it|that)
which {d2} is {state}
whose {d2} is (it|that|this)
how many {d2}s are there
how does {d} work
how old is {d}
how loud is {d}
how (bright|big|heavy|far away|expensive) is {d}
what's (wrong with|the matter with|up with|behind|next to|on|under) {d}
what's the (state|status) of {d}
what (state|condition) is {d} in
what is {d} set to
what did you set {d} to
do you see {d}
(look at|watch|keep an eye on|find|count|show me|point at|recognize|think of|guess the price of) {d}
what would {who} do with {d}
can you see {d}
can you hear {d}
can you describe {d}
tell me (if|whether) {d} is {state}
tell me about {d}
check (if|whether) {d} is {state}
please check (if|whether) {d} is {state}
find out (if|whether) {d} is {state}
i (wonder|want to know|'d like to know|need to know) (if|whether) {d} is {state}
i (wonder|want to know) who {vpast}
i'm not sure (if|whether) {d} is {state}
any idea (if|whether) {d} is {state}
{d} {state}?
{d}?
is anything {state}
does {d} (work|exist|open|close|move|turn|make noise|need power)
is that {d} (i hear|i see|over there)
is there (a|another) {d2}
is {d} (broken|new|expensive|yours|mine|warm|loud|old|plugged in)
what about {d}
how is {d} doing
{who} asked (if|whether) {d} is {state}
do you prefer {ving} or {ving}
what time do you {vp}
which way do you turn
how far did you drive
(can|could) (a robot like you|robots like you|a machine like you|something like you|someone like you|machines like you|you robots|your kind|any robot|a thing like you|such a robot|small robots|most robots) [even|actually|really|also|] {vp}
can (a robot like you|something like you|your kind) {vp} [at all|on its own|too|]
(are|were) you [even|actually|really|already|ever|] (able|allowed|programmed|built|made|meant|designed|trained|equipped|permitted|authorised|clever enough|strong enough) to {vp} [on your own|by yourself|without help|at all|yesterday|]
do you have (the ability|permission|what it takes|the right|the means) to {vp}
do you [even|actually|really|] know how to {vp}
is there (a|any|some) way (for you|for a robot|for me|) to {vp}
is it (possible|even possible|allowed|permitted|okay for a robot) to {vp}
is {ving} (possible|allowed|something you can do|something you do|hard for you|one of your skills|bad for you|good for the {noun}|bad for the {noun}|dangerous|expensive|difficult)
how (well|fast|often|far|precisely|quickly|quietly|long|easily) (can|could) you {vp}
(can|could) {d} be {vpp1} (by voice|from here|at all|remotely|automatically|by a robot|without a key|by hand|by anyone)
who (can|could|may|is allowed to|is able to) {vp}
is it {d} (that is|that's|which is) {state}
which is {state}, {d} or the {noun}
what is {state}, {d} or the {noun}
does (anybody|anyone|somebody|{who}) know (if|whether|why|how long) {d} (is|was|has been) {state}
have (you|we|they) ever {vpp}
would you be able to {vp} [if i asked|if i wanted|at all|]
would it (hurt|matter|cost much|take long|be hard|be a problem) (to {vp}|if i {vpast}|if you {vpast})
what (happens|would happen) to the {noun} (if|when) (i|you|we) {vp}
why is {d} {state} (at this hour|on a day like this|all the time|when nobody is here)
did {who} (leave|have|find) {d} {state}
did you just {vp}
was it you who {vpast}
who (has|had) {vpp} [without asking|]
in which way did you {vp}
when did you last {vp}
do you {vp} (often|every day|at night|by yourself)
does it (cost|take|help|hurt) [much|] to {vp}
is {d} {state} or did (you|i|someone|{who}) {vp}
{d} is {state} already, right
has anyone {vpp} (today|yet|since lunch|)
what can you {vp} with
what are you able to {overb}"""

REPORT = """{who} {vpast}
{who} {vpast} [yesterday|last night|this morning|an hour ago|again|earlier|already|for me|just now]
{who} has {vpp}
{who} has (already|just) {vpp}
{who} had {vpp} [before i came|]
{who} says {he} {vpast}
{who} said {he} had {vpp}
{who} told me {he} had {vpp} [already|]
{who} told me to {vp}
{who} asked me to {vp}
{who} asked {who} to {vp}
{who} asked you to {vp} [yesterday|last week|]
{who} wants me to {vp}
{who} wanted {who} to {vp}
{who} wants to {vp}
{who} wanted to {vp} [but couldn't|yesterday|]
{who} likes to {vp}
{who} likes {ving}
{who} always {v3}
{who} {v3} (every morning|every evening|every day|at six|at night|when it's cold|on sundays)
{who} usually {v3}
{who} never {v3}
{who} often {vpast} [when we were young|]
{who} is {ving} [right now|]
{who} was {ving} [when i came in|]
{who} can {vp}
{who} could {vp}
{who} will {vp} [later|tomorrow|]
{who} is going to {vp}
{who} forgot to {vp}
{who} tried to {vp}
{who} refused to {vp}
{who} promised to {vp}
{who} should {vp}
{who} should have {vpp}
{who} thinks (i|we) should {vp}
{who} dreamed of {ving}
{who} is afraid of {ving}
i {vpast}
i {vpast} [yesterday|this morning|already|myself|an hour ago|for {who}|just now]
i (have|'ve) {vpp}
i (have|'ve) already {vpp}
i (will|'ll|am going to|'m going to) {vp} [myself|later|in a minute|]
i (can|could) {vp} [myself|]
i was (about|going|asked|told) to {vp}
let me {vp} [myself|first|]
let {who} {vp}
{who} is the one who {v3}
it was {who} who {vpast}
i was {ving} when {clausepast}
i used to {vp}
i always {vp} [at night|before bed|when i leave|]
i usually {vp}
i like {ving}
i love {ving}
i enjoy {ving}
i remember {ving}
i regret {ving}
i dreamed that (you|i|someone) {vpast}
i keep forgetting to {vp}
i forgot to {vp}
i wanted to {vp}
i should have {vpp}
i saw {who} {vpast1}
i heard {who} {vpast1}
i heard that {who} {vpast}
i heard that {d} is {state}
i thought {d} was {state}
i think {d} is {state}
i see {d} is {state}
i know {d} is {state}
i noticed that {d} was {state}
i believe {who} {vpast}
we {vpast} [yesterday|together|last night|]
we have {vpp}
we always {vp}
they say you can {vp}
they {vpast}
people {vp} [when it's late|all the time|]
you {vpast}
you just {vpast}
you have [already|just] {vpp}
you always {vp}
you should have {vpp}
you were {ving}
thanks for {ving}
thank you for {ving} [earlier|yesterday|]
sorry for {ving}
it was (nice|kind|good) of you to {vp}
{d} is {state}
{d} was {state} [yesterday|all night|when i came home|]
{d} has been {state} [for hours|all day|]
{d} has been {vpp1} [already|by {who}|]
{d} was {vpp1} [by {who}|yesterday|]
{d} (looks|is) (nice|old|new|beautiful|broken|expensive|dusty|ugly|great)
{d} is (in the corner|over there|next to the sofa|near the wall)
{d} (cost|costs) (ten|twenty|a hundred) euros
i (bought|sold|found|broke|fixed|painted|cleaned|lost|like|love|hate) {d}
{who} (bought|sold|found|broke|fixed|painted|cleaned|lost|likes|loves|hates) {d}
somebody {vpast}
someone has {vpp} [again|]
nobody {vpast}
everyone {vpast}
according to {who}, {d} is {state}
according to the (manual|rules|sign|news), you should {vp}
the (manual|instructions|rules|doctor|book) says to {vp}
the (manual|instructions|rules|doctor|book) (said|says) (i|you|we|one) should {vp}
in the (film|movie|book|story|game|show|video), the (robot|hero|girl|man) {v3}
in the (film|movie|book|story) they {vpast}
last (night|week|year|summer) {who} {vpast}
yesterday {who} {vpast}
yesterday {who} asked me to {vp}
every (morning|evening|night|sunday) {who} {v3}
once {who} {vpast}
when i was young, we {vpast}
the other day {who} {vpast}
on monday {who} {vpast}
my job is to {vp}
my hobby is {ving}
{ving} is (easy|fun|hard|boring|my job|important|expensive|healthy|good for you)
{ving} takes (time|a while|ages|five minutes)
it is (easy|hard|fun|nice) to {vp}
it's (funny|sad|strange) that {who} {vpast}
{who} wants {d} {state}
{who} likes {d} {state}
{who} left {d} {state}
{who} keeps (asking|telling|begging) me to {vp}
{who} hates (it when i {vp}|it when you {vp}|{ving})
{who} (told|asked|ordered|taught) the robot to {vp}
{who} (told|asked) {who} to {vp} [and to {vp2}|]
{d} (turned|switched|opened|closed|shut) itself [on|off|again|]
{d} (goes|went|keeps going) (on|off) by itself
{d} (comes|came) (on|off) on its own
somebody {vpast} while i (was asleep|slept|was out|was away|was cooking)
i was about to {vp} when {clausepast}
i just {vpast} [myself|two minutes ago|]
i've already {vpp} [myself|]
my (neighbour|neighbor|friend|brother|sister|cousin|boss)'s robot (can {vp}|{v3}|{v3} on its own|{vpast} yesterday)
they say {ving} (helps against {noun}|is good for the {noun}|saves money|is bad luck)
{ving} (helps against {noun}|saves energy|costs money|made it worse)
yesterday you {vpast} and {overbpast} the {noun}
you {vpast} (five minutes ago|a moment ago|this morning|and then nothing happened)
{who} {vpast}, so i {overbpast} the {noun}
{who} wanted {d} {state}, but i (left it|said no|forgot|didn't care)
{who} used to {vp} (for the cat|every evening|all the time)
the (technician|plumber|repairman|landlord|previous owner) {vpast}
according to {who}, (one should|you can|we have to) {vp}
{who} has to {vp} (at work|every night|by law)
at work {who} has to {vp}
{who} got paid to {vp}
{who} nearly broke {d} while {ving}
we had to {vp} because {clausepast}"""

CONDITION = """if {clause}, {vp}
if {clause} {vp}
if {clause}, please {vp}
if {clause}, <can> {vp}
if {clause} then {vp}
{vp} if {clause}
{vp} if {clause}, <tail>
<can> {vp} if {clause}
{bare} if {clause}
if {clause}, {bare}
{vp} only if {clause}
only {vp} if {clause}
only if {clause}, {vp}
(when|once|as soon as|whenever|the moment|every time|after|before|in case|next time|as long as) {clause}, {vp}
(when|once|as soon as|whenever|the moment|after|in case|next time|unless) {clause}, <can> {vp}
{vp} (when|once|as soon as|whenever|the moment|after|before|in case|unless|the next time|provided) {clause}
please {vp} (when|once|as soon as|after|in case|unless) {clause}
<can> {vp} (when|once|as soon as|after|in case|unless) {clause}
<hey>, {vp} (when|once|as soon as|in case) {clause}
unless {clause}, {vp}
should {clausebare}, {vp}
provided that {clause}, {vp}
in the event that {clause}, {vp}
in case {clause}, {vp}
suppose {clause}, then {vp}
otherwise {vp}
or else {vp}
{vp} {later}
{later}, {vp}
{later} {vp}
please {vp} {later}
<can> {vp} {later}
<hey>, {vp} {later}
{bare} {later}
wait until {clause} and [then|] {vp}
wait (five|ten|two|thirty) (minutes|seconds) and then {vp}
wait for {who} and then {vp}
you can {vp} (when|once|as soon as|after|if) {clause}
you may {vp} (when|once|as soon as|after|if) {clause}
i want you to {vp} (when|once|as soon as|after|if) {clause}
i'd like you to {vp} (when|once|as soon as|after|if|every time) {clause}
remind me to {vp} [later|tomorrow|]
remind me (when|if) {clause} to {vp}
let me know when to {vp}
tell {who} to {vp}
ask {who} to {vp}
be ready to {vp}
get ready to {vp}
in (an emergency|that case|case of fire), {vp}
from now on {vp} (every evening|every morning|when {clause})
{vp} (every|each) (evening|morning|day|night|hour|sunday)
{vp} at (six|seven|8|10 pm|midnight|noon|half past nine|quarter to five)
at (six|seven|8|10 pm|midnight|noon|half past nine|7:30), {vp}
depending on the weather, {vp}
if not, {vp}
if so, {vp}
if you see {who}, {vp}
if i (fall asleep|leave|come home late|don't answer|call you|say the word|clap), {vp}
when i (fall asleep|leave|come home|call you|say the word|clap|get up|say go), {vp}
when you (see|hear) (the {animal}|{who}|a noise|something), {vp}
{vp} when i (leave|come home|say so|say go|call|clap|give you a sign)
{vp} after (dinner|lunch|the film|work|the news|i leave)
{vp} before (dinner|i come home|bedtime|sunrise|the guests arrive)
after (dinner|lunch|the film|work|the news), {vp}
before (dinner|bedtime|sunrise|the guests arrive), {vp}
{vp} (the moment|the minute|the second|the instant|as soon as|each time|so long as|assuming|supposing|until|while|by the time) {clause}
(the minute|the instant|the second|each time|by the time|assuming|supposing|so long as|while|until) {clause}, {vp}
{vp} only (after|when|once|if) {clause}
{vp}, but only (when|after|if|once|as soon as) {clause}
{vp}, but not (yet|until {clause}|before {clause}|now)
{vp}, if and only if {clause}
if need be, {vp}
(ask|check with|tell|warn|call|consult) (me|{who}) before (you {vp}|{ving})
before (you {vp}|{ving}), (ask|check with|tell|warn|call|consult) (me|{who}) [first|]
always ask before you {vp}
(wait|pause) (a bit|a moment|until i nod) before {ving}
{vp} before {who} (comes|arrives|gets home|wakes up|notices)
before {who} (comes|arrives|gets home|wakes up), {vp}
{vp} after {who} has (left|gone|arrived|eaten)
after {who} has (left|gone|arrived|eaten), {vp}
once (i|we|they) have {vpp}, {overb} the {noun}
when i {vp}, {overb} the {noun}
on (sundays|mondays|weekends|weekdays|rainy days|holidays) {vp} [at eight|in the morning|]
{vp} on (sundays|mondays|weekends|weekdays|rainy days|holidays)
the next time {clause}, {vp}
next time {clause} {vp}
tell (ben|{who}) to {vp} and to {vp2}
every (hour|day|minute|five minutes|time {clause}) {vp}
every (hour|day|minute|ten minutes), {vp}
{vp} for (the cat|{who}) if {clause}
{vp} in case {clause}
{vp} as soon as {clause}"""

HYPOTHETICAL = """what if i (asked|told) you to {vp}
what if you {vpast}
what if {who} {vpast}
what would happen if (i|you|we|someone) {vpast}
what would you do if i (asked|told) you to {vp}
what would you say if i asked you to {vp}
what would it take for you to {vp}
suppose i (asked|told|wanted) you to {vp}
suppose you could {vp}
suppose i wanted {d} {state}
imagine you {vpast}
imagine (someone|{who}) {vpast}
imagine i asked you to {vp}
imagine that {d} is {state}
let's (pretend|imagine|say|assume|suppose) (i asked you to {vp}|you {vpast}|{d} is {state})
pretend (to {vp}|that {d} is {state})
assume {d} is {state}
would you {vp} if {clausepast}
would you ever {vp}
could you ever {vp}
would you like to {vp}
would you rather {vp} or {vp2}
would you know how to {vp}
would you be able to {vp} if {clausepast}
hypothetically, (could|would) you {vp}
theoretically, (could|would) you {vp}
in theory, could you {vp}
could you in (theory|principle) {vp}
could you {vp} if (you had to|you wanted to|i asked you to)
if i (asked|told) you to {vp}, (would|could) you
if i (asked|told) you to {vp}, what would you do
if i were you, i would {vp}
if you were a person, would you {vp}
if you could {vp}, would you
if only you could {vp}
if {clausepast}, would you {vp}
if {clausepast}, i would {vp}
if {clausepast}, you could {vp}
i might want you to {vp} later
i might {vp} later
i may ask you to {vp} [later|tomorrow]
i'm thinking (about|of) {ving}
i was thinking you could {vp} sometime
i wish you could {vp}
i wish {d} were {state}
i wish {d} was {state}
i wish {who} had {vpp}
i wish you would {vp} more often
i wish someone would {vp}
if only {d} were {state}
if only {who} would {vp}
how i wish {d} were {state}
it'd be (nice|lovely|great|a dream) to have {d} {state} (one day|some day|all the time|at home)
wouldn't it be (lovely|nice) to have {d} {state}
i hope {who} will {vp}
i hope {d} is {state}
i hope somebody {vpast}
i dream of {ving}
i wish i had {vpp}
maybe i should {vp}
maybe later you can {vp}
maybe (we|i) could {vp} tomorrow
perhaps {who} should {vp}
one day you will {vp}
some day you might {vp}
someday i'll teach you to {vp}
wouldn't it be (nice|great|funny|strange) if {d} {vpast0}
wouldn't it be funny if you {vpast}
it would be (funny|strange|terrible) if you {vpast}
i wonder (if|whether) you (could|would|can) {vp}
i wonder what would happen if you {vpast}
i wonder how it feels to {vp}
a good robot would {vp}
a clever robot would have {vpp}
you could have {vpp}
you might have {vpp}
are you able to {vp}
are you capable of {ving}
is it possible for a robot to {vp}
could a robot {vp}
is it possible that you {vpast}
what does it mean to {vp}
would {who} {vp}
guess what happens when you {vp}
practice {ving} in your head
think about {ving}
explain how to {vp}
tell me how to {vp}
show me how to {vp}
describe how you would {vp}
tell me a story about a robot that {v3}
tell me a joke about {d}
why did the robot {vp}? to get to the other side
knock knock, {vp}
what did {d} say to the {noun}
did you hear the one about the robot who {vpast}
how many robots does it take to {vp}
{d} walks into a bar
a robot {v3} and nobody laughs
{vp}, said the {noun} to the {noun}
{vp} or i'll {overb} the {noun}, just kidding
just kidding, don't {vp}
only joking about {ving}
write a poem about {ving}
(say|suppose|assume|imagine) {d} (were|was) {state}, (would|could|what would) {who} {overb}
(say|suppose) i {vpast}, would the {noun} {overb}
i could {vp}, i suppose
i (might|may|could) want you to {vp} (later|one day|some time)
what if we {vpast}
it'd be nice to have a {d2} that {overb3} by itself
it would be nice to own a robot that could {vp}
i wonder (whether|if) (i|we) should {vp}
i wonder if {ving} would help
maybe i'll {vp} (later|myself|tomorrow|)
perhaps i'll {vp} (later|myself|tomorrow|)
one could {vp}, of course
could you, (in theory|in principle|theoretically|hypothetically), {vp}
can you, (in theory|in principle|theoretically), {vp}
would it be an idea to {vp}
if it were up to me, i'd {vp}
if i {vpast}, would you mind
you would have to {vp}, wouldn't you
i was wondering how you would {vp}"""

QUOTATION = """"{vp}"
'{vp}'
“{vp}”
"{vp}" is what {who} said
the (sign|note|poster|label|letter|screen|button|text|message|sticker) (says|reads|said) "{vp}"
the (sign|note|poster|label|screen|button) on the wall (says|reads) "{vp}"
the (sign|note|poster|label|screen|button) says {vp}
there's a (sign|note|poster) that says {vp}
it says "{vp}" (here|on the box|on the door|in the manual)
it says {vp} (here|on the box|in the manual)
i read "{vp}" (on a sign|in a book|somewhere)
{who} said "{vp}"
{who} said, "{vp}"
{who} said: "{vp}"
{who} (shouted|yelled|whispered|wrote|replied|called|cried|screamed|texted) "{vp}"
{who} (shouted|yelled|whispered|wrote|replied|called|cried): {vp}!
{who} keeps saying {vp}
"{vp}", {who} (said|shouted|whispered|replied)
"{vp}!" {who} (shouted|cried|yelled) and (left|laughed|ran|slept)
he said {vp} and left
i said "{vp}" to {who}
i told {who}: "{vp}"
i never said "{vp}"
did {who} say "{vp}"
did you hear {who} say "{vp}"
why did {who} say "{vp}"
(translate|say|spell|write|type|read|pronounce|repeat|explain) "{vp}" [into french|in german|in chinese|for me|please|backwards|]
(translate|spell|write down|pronounce|type) {vp} [into french|in german|into spanish|]
translate this: {vp}
translate into (french|german|spanish|chinese|italian): {vp}
how do you (say|spell|write|pronounce|translate) "{vp}" [in french|in german|in chinese|]
how do you (spell|pronounce|write) {word}
how do you say {vp} in (french|german|chinese|italian|spanish)
what does "{vp}" mean
what does the (phrase|sentence|expression|order|command) "{vp}" mean
what is the meaning of "{vp}"
what's (french|german|chinese) for "{vp}"
(repeat after me|say after me|quote|read this|spell this|type this|write this down): {vp}
repeat after me: "{vp}"
say the words {vp}
say the sentence "{vp}"
the (word|words|phrase|sentence|command) "{vp}" (is|are|has|consists of) (short|two words|long|three words|funny|rude)
the (word|phrase|command|password|title|headline|caption) is "{vp}"
the command is called {word}
{word} is a (word|noun|strange word|nice word)
the word {word} (has|comes|means|rhymes)
my favo(|u)rite (song|book|film|movie|poem) is (called|named) ("{vp}"|{vp})
(the song|the book|a film|an episode) called "{vp}"
have you (read|seen|heard) "{vp}"
"{vp}" is a (song|book|film|nice title|good song)
play the song "{vp}"
search for "{vp}"
google "{vp}"
send {who} a message: {vp}
send {who} a message saying {vp}
text {who} that {d} is {state}
write {who} that you will {vp}
tell {who} "{vp}"
tell {who} that {d} is {state}
the (password|answer) is {vp}
line three reads: {vp}
quote: {vp}, end of quote
the teacher wrote "{vp}" on the board
on the radio they said "{vp}"
the parrot says "{vp}"
in the play, hamlet says "{vp}"
complete the sentence: {vp}
what rhymes with {word}
(the|today's) (headline|title|slogan|caption|motto|subject line) (was|is|reads) "{vp}"
say "i (will|am going to|want to) {vp}" (three times|out loud|slowly)
(his|her|their|your|my) (text|message|note|letter|last words) (says|said|read|just says|just said) {vp}
(his|her|their) (text|message|note) (says|said) "{vp}"
read (this|it) (out loud|aloud|to me): {vp}
let me read you (a line|something|this): "{vp}"
is "{vp}" (one word|two words|correct|polite|good english|grammatical|a sentence)
in the (play|opera|story|scene|joke) the (butler|king|witch|boy) says, "{vp}!"
the (butler|king|witch|boy|teacher|captain) says: "{vp}!"
how would you translate "{vp}"
what language is "{vp}"
count the letters in "{vp}"
"{vp}" has (three|four|two|five) words
(write|note|jot) down: {vp} [at noon|]
put this on the shopping list: {vp}
(add|append) "{vp}" to (the list|my notes)
the phrase {vp} (means nothing|is English|has two words)"""

CLAUSES = """it (rains|snows|gets dark|gets cold|gets hot|gets loud|gets late|is raining|is dark|is cold|is too hot|is late|is sunny|smells bad|starts raining|gets warmer|is windy|becomes dark|storms|thunders)
the (bell|phone|doorbell|alarm|timer|telephone) rings
(someone|somebody|anyone|anybody|{who}) (comes|knocks|rings|calls|arrives|leaves|shows up|comes home|wakes up|falls asleep|asks|is at the door|is here|is cold|says so|wants it|needs it|enters|complains|gets back|gets up|is hungry)
i (come home|leave|fall asleep|wake up|say so|ask you|call you|get up|go out|am back|am asleep|am gone|am cold|'m not back by six|clap my hands|say please|forget|get tired|am late|need it|want it|tell you)
you (see|hear|notice|find|spot|detect) (a dog|the cat|a noise|smoke|{who}|someone|something|the {noun}|a {noun})
you (are|get) (cold|bored|tired|ready|done|finished|here|there|asked)
the (sun|moon) (sets|rises|goes down|comes up|shines)
the (temperature|room) (drops|rises|falls below 18|is below 18|goes above 25|gets too warm|gets too cold)
the (kids|children|guests|neighbors|visitors) (sleep|are asleep|arrive|are here|leave|are gone|come|go to bed|complain|are quiet)
the (film|movie|music|news|concert|game|show|song) (starts|ends|is over|begins|stops)
the (lamp|radio|fan) is (on|off|broken|too loud)
the door is (open|closed|locked)
the {noun} {overb3}
a {noun} {overb3}
the {noun} is {adj}
{who} {overb3} the {noun}
nobody is (home|here|at home|in the room|looking)
there is (a fire|smoke|a noise|someone at the door|trouble|a {noun})
there's (no one here|nobody left|an emergency|a {noun})
dinner is ready
night falls
necessary
possible
you have time and it is dark"""

CLAUSES_BARE = """it (rain|get dark|get cold|get too hot|become dark|snow)
the temperature (drop below 18|rise above 25|fall)
(anyone|somebody|{who}) (come|knock|call|arrive|ask|complain)
i (fall asleep|be late|not come home|forget)
you (see|hear) (a dog|someone|anything|a {noun})"""

CLAUSES_PAST = """it (rained|snowed|got dark|got cold|was dark|was cold|were dark)
i (asked you|asked nicely|came home late|fell asleep|were cold|told you to|paid you|begged you|was away)
{who} (came|knocked|called|asked you to|came home|rang|arrived|were here)
someone (came|knocked|called|asked you to)
you (were cold|were human|had hands|had arms|could move|wanted to)
the {noun} {overbpast}"""

LATER = "in (five|ten|two|20|thirty|15|a few|about ten) minutes|in (an|one|two|half an|a couple of) (hour|hours)|in a (minute|moment|while|second|bit)|later|later today|later on|tomorrow|tomorrow morning|tonight|this evening|this afternoon|next week|next monday|on monday|on sunday|at night|at (six|seven|8|nine|10|noon|midnight|five o'clock|half past nine|10 pm|7 am|6:30)|at 8 (pm|am|o'clock|sharp)|after (dinner|lunch|work|midnight|that|the news|breakfast)|before (dinner|midnight|bedtime|lunch|i get home)|every (morning|evening|day|night|hour)|each night|by (six|noon|tomorrow)|some other time|sometime|one day|from six to eight|around (six|noon|ten)|once a day|twice a day|on weekdays|when you have time|when i say so"

WHO = "he|she|they|my (mother|father|sister|brother|wife|husband|son|daughter|boss|neighbor|neighbour|friend|aunt|uncle|grandmother|cousin|colleague|roommate|landlord|doctor|teacher|girlfriend|partner)|the (neighbor|neighbour|teacher|doctor|postman|plumber|electrician|cleaner|child|children|boy|girl|man|woman|guests|kids|nurse|guard|caretaker|manager|old lady|other robot|robot|technician|landlady|{noun})|mom|mum|dad|grandma|grandpa|granny|someone|somebody|{name}|{name}|{name}|our (son|daughter|dog|neighbor|cleaner|guest)|a (friend|man|woman|child|colleague|stranger|{noun})|everybody|everyone|nobody|one of us|mother|father|the people next door"

REASONS = """i('m| am) [so|very|really|a bit|] {adj}
it's [so|very|really|a bit|] {adj} [in here|here|today|]
we('re| are) {adj}
i (want|need|have) to {oint}
i('d like| would like) to {oint}
i('m| am) {overbing} [a|the|my|] {noun}
my (hands|arms|eyes|ears|feet) (are|feel) {adj}
i('m| am) (going to|about to|trying to) {oint}
we (want|need|have) to {oint}
my {noun} is {adj}
the {noun} is {adj}
i have a {noun}
{who} is (here|coming|waiting|sleeping|tired|cold|at the door|asleep|hungry)
i like it (that way|better|like that)
i feel {adj}
that's better for (me|my {noun}|us)
i've got a {noun}"""

NAMES = [
    "anna",
    "tom",
    "lisa",
    "john",
    "peter",
    "maria",
    "sam",
    "alex",
    "julia",
    "ben",
    "emma",
    "noah",
    "mia",
    "paul",
    "laura",
    "max",
    "sophie",
    "david",
    "sarah",
    "kate",
    "jack",
    "lucy",
    "harry",
    "olivia",
    "james",
    "emily",
    "oliver",
    "grace",
    "henry",
    "ella",
    "leo",
    "ruby",
    "george",
    "alice",
    "oscar",
    "hannah",
    "luke",
    "zoe",
    "finn",
    "clara",
    "felix",
    "nina",
    "otto",
    "greta",
    "hugo",
    "ida",
    "karl",
    "marta",
    "ivan",
    "olga",
    "yuki",
    "kenji",
    "mei",
    "chen",
    "ravi",
    "priya",
    "omar",
    "fatima",
    "ali",
    "aisha",
    "diego",
    "carmen",
    "luis",
    "rosa",
    "marco",
    "giulia",
    "pierre",
    "claire",
    "hans",
    "ingrid",
    "sven",
    "astrid",
    "bob",
    "bill",
    "jim",
    "joe",
    "mary",
    "jane",
    "susan",
    "linda",
    "barbara",
    "robert",
    "michael",
    "thomas",
    "charles",
    "daniel",
    "matthew",
    "mark",
    "steven",
    "andrew",
    "brian",
    "kevin",
    "gary",
    "eric",
    "jeff",
    "frank",
    "scott",
    "betty",
    "helen",
    "sandra",
    "donna",
    "carol",
    "ruth",
    "sharon",
    "michelle",
    "deborah",
    "jessica",
    "karen",
    "nancy",
    "rover",
    "robbie",
    "robo",
    "bolt",
    "chip",
    "pixel",
    "rusty",
    "sparky",
    "buddy",
    "dusty",
    "gizmo",
    "jarvis",
    "alexa",
    "siri",
    "hal",
    "wally",
    "bender",
    "marvin",
    "ziggy",
    "nova",
    "luna",
    "echo",
]

# ruff: noqa: E501
"""English: what the robot cannot do, and sentences that only share words with its orders."""

from __future__ import annotations

# Things that homes have and this robot does not control; `{noun}` is any noun at all.
UNKNOWN = (
    "dishwasher|washing machine|dryer|tumble dryer|oven|microwave|stove|cooker|hob|toaster|coffee machine|coffee maker"
    "|espresso machine|kettle|fridge|refrigerator|freezer|television|tv|tv set|telly|projector|dvd player|game console"
    "|playstation|xbox|computer|laptop|tablet|printer|scanner|router|wifi|modem|server|monitor|screen|keyboard|camera"
    "|webcam|phone|doorbell|intercom|alarm|alarm system|smoke detector|burglar alarm|siren|sprinkler|irrigation|lawn mower"
    "|pool pump|pump|water pump|boiler|water heater|shower|bathtub|tap|faucet|toilet|sink|bidet|jacuzzi|sauna|window"
    "|windows|window blinds|blinds|curtain|curtains|shutters|roller shutter|awning|skylight|garage|garage door|gate|garden gate|gate of the"
    " garden|car|car door|boot|trunk|bonnet|sunroof|cupboard|closet|wardrobe|drawer|cabinet|safe|box|chest|suitcase|bag"
    "|letterbox|mailbox|envelope|book|bottle|jar|can|tin|umbrella|oven door|fridge door|cat flap|trapdoor|elevator|lift"
    "|escalator|stairlift|vacuum cleaner|robot vacuum|hoover|air conditioner|air conditioning|ac|humidifier|dehumidifier"
    "|air purifier|heat pump|radiator valve|electric blanket|heating pad|hair dryer|iron|sewing machine|blender|mixer"
    "|food processor|juicer|rice cooker|slow cooker|air fryer|grill|barbecue|fireplace|chimney|candle|candles|torch"
    "|flashlight|lantern|fairy lights|christmas tree|christmas lights|aquarium|fish tank|aquarium light|terrarium"
    "|baby monitor|music box|record player|turntable|cd player|cassette player|amplifier|speakers|headphones|microphone"
    "|piano|guitar|drum machine|synthesizer|metronome|clock|alarm clock|stopwatch|timer|calculator|drone|3d printer"
    "|telescope|microscope|treadmill|exercise bike|massage chair|bed|recliner|wheelchair|toothbrush|razor|scale|bathroom"
    " scale|thermometer|barometer|weather station|generator|solar panels|battery charger|charger|power strip|socket"
    "|plug|fuse|fuse box|circuit breaker|main switch|power|electricity|gas|gas valve|water|water main|internet"
    "|bluetooth|hotspot|app|browser|email|website|spotify|netflix|youtube|lawn sprinkler|fountain|bird feeder|pet feeder"
    "|litter box|dog door|chicken coop|greenhouse|tractor|truck|bus|train|engine|motor|conveyor belt|crane|forklift"
    "|bilge pump|anchor|sail|parachute|rocket|missile|laser|x-ray machine|ventilator of the hospital|defibrillator"
    "|popcorn machine|ice machine|ice cream maker|bread maker|waffle iron|deep fryer|dough mixer|cement mixer|drill|saw"
    "|chainsaw|welder|compressor|lathe|soldering iron|glue gun|shredder|copier|fax|cash register|slot machine|jukebox"
    "|disco ball|fog machine|strobe|spotlight|stage lights|street lamp|street lights|traffic light|headlights|porch light"
    "|garden lights|outdoor light|hallway light|kitchen light|bathroom light|bedroom lamp|attic light|basement light"
    "|night light of the baby|garage light|fridge light|aquarium lamp|lava lamp|uv lamp|heat lamp|infrared lamp|bedside lamp"
    " upstairs|lamp in the kitchen|lamp in the garage|lamp upstairs|lamp in the garden|light in the bathroom|light in the"
    " hall|light in the cellar|lights outside|lights on the balcony|lamp at my office|neighbor's radio|neighbours' music"
    "|car radio|radio in the kitchen|radio in the bathroom|radio upstairs|clock radio|walkie-talkie|kitchen fan|extractor"
    " fan|extractor hood|exhaust fan|bathroom fan|fan in the bedroom|fan in the kitchen|fan heater|computer fan|cooker hood"
    "|bedroom door|bathroom door|kitchen door|cellar door|balcony door|patio door|back door of the car|barn door|shower"
    " door|stable door|door of the fridge|door of the oven|door of the washing machine|door of the cage|door of my car"
    "|door upstairs|door to the basement|door of the neighbors|oven temperature|water temperature|fridge temperature"
    "|temperature of the pool|temperature of the oven|temperature of the bath|temperature in the greenhouse|seat heating|underfloor heating in the bathroom|towel warmer"
)
SWITCHED = "turn on {u}|turn {u} on|switch on {u}|switch {u} on|turn off {u}|turn {u} off|switch off {u}|switch {u} off|start {u}|stop {u}|put {u} on|shut off {u}|shut down {u}|power up {u}|activate {u}|deactivate {u}|open {u}|close {u}|shut {u}|lock {u}|unlock {u}|open up {u}|fire up {u}|restart {u}|reboot {u}|pause {u}|mute {u}|turn up {u}|turn down {u}|set {u} to {num}|set {u} to {num} degrees|set {u} to {temp}|start {u} at {temp}|run {u} at {temp}|heat {u} to {temp}|turn {u} to {temp}|put {u} at {temp}|have {u} at {temp}|dim {u}|start up {u}|kill {u}|get {u} going|get {u} running|pull {u} shut|get {u} open|lower {u}|raise {u}|run {u}|flick {u} on|unplug {u}|plug in {u}|draw {u}|empty {u}|fill {u}|clean {u}|check {u}|fix {u}|program {u}|charge {u}|connect {u}"
TASKS = """{overb} {anyu}
{overb} {anyu}
{overb} the {noun}
{overb} the {noun}
{overb} a {noun}
{overb} my {noun}
{overb} (me|him|her|us) (a|the) {noun}
{overb} the {adj} {noun}
{overb} the {noun} {prep} the {noun}
(bring|fetch|get|buy|make|give|hand|order|find|show|send) me (a|the|some|my) {noun}
(bring|fetch|get|buy|make|give|hand|order) me (a coffee|a cup of tea|a glass of water|a sandwich|a beer|my glasses|my phone|the newspaper|some milk|breakfast|dinner)
(call|phone|text|email|message|ring|invite|wake|feed|wash|hug|kiss) ({who}|the police|a taxi|an ambulance|my boss|the dog|the cat)
(book|reserve) (a table|a flight|a hotel room|two tickets|a taxi|an appointment) [for {who}|for tomorrow|]
(cook|bake|fry|boil|grill|roast|warm up|reheat|chop|peel) (dinner|an egg|some rice|the soup|potatoes|some water|pasta|the {noun}|a cake)
(clean|wash|sweep|mop|tidy|dust|vacuum|scrub|polish|wipe) (the floor|the kitchen|the dishes|the windows|the table|my room|the car|up|the {noun})
(water|feed|mow|prune|plant|rake) (the plants|the flowers|the lawn|the garden|the fish|the tomatoes)
(play|let's play) (chess|a game|cards|football|hide and seek|the piano|the guitar|tennis)
(sing|dance|jump|swim|fly|climb|sleep|cry|laugh|sneeze|whistle|wave|clap|bow|sit down|lie down|roll over|kneel|nod|smile|wink)
(write|draw|paint|compose|print|scan|copy|sign|type) (a letter|a poem|a picture|an email|a report|my homework|this page|a {noun})
(read|show) me (the news|a book|my emails|a story|the weather|a recipe)
(set|start|cancel|stop) (an alarm|a timer|a reminder|the timer|the stopwatch|the alarm) [for six|for ten minutes|]
(pick up|grab|lift|carry|throw|kick|push|catch|take|hold|drop|put down|hide|move|turn over) (the ball|the box|the cup|the chair|the plant|my bag|the phone|the {noun}|{d})
(paint|clean|repair|fix|sell|buy|break|photograph|polish|dust|wrap|move|lift|hide|admire|decorate|replace|measure|unscrew|hit|kick|touch|hug|describe|insult|eat|burn|wash|examine|inspect|steal|return|carry|throw away|throw|draw|count|name) {d}
{overb} {d}
{overb} {d}
(go|drive|move|come|walk|run|head) (to|into|towards|through|past|around|over|under|behind) (the kitchen|the bathroom|the garden|the garage|the bedroom|the shop|work|school|the station|the basement|the balcony|bed|the neighbors|the {noun}|a {noun}|{place1})
(drive|take|bring|fly) me to (work|school|the airport|the station|paris|the hospital|the {noun}|{place1})
(go|come|walk) (upstairs|downstairs|outside|inside|home|away on holiday)
(turn|switch) (the volume|the brightness|the contrast|the pressure|the speed|the gas|the water|the bass) (up|down|on|off)
(turn|flip|roll|spin) the (page|pancake|tables|key|knob|wheel|mattress|steak|{noun}) [over|around|]
(raise|lower|lift) (the volume|your arm|your voice|the flag|the blinds|the bridge|the price|the {noun})
(delete|save|rename|upload|download|install|update|copy|encrypt|compile) (the file|my photos|the app|everything|your software|the {noun})
(translate|spell|define|explain|summarize|solve|calculate|compute|google|look up) (this|that|the word {noun}|the equation|quantum physics|{num} plus {num}|{noun})
(marry|love|kill|fight|attack|arrest|bite|chase|hunt|scare) (me|him|her|the {noun}|{who})
self-destruct
dance with {d}
(paint|colour) {d} (red|blue|green|white)
turn {d} (upside down|around|over|into a {noun}|to the wall|towards me)
(move|put|bring|carry) {d} (to the {noun}|to the kitchen|over here|away|outside|upstairs|closer)"""

# What people ask of tools that the generator does not know; the words are open, the shapes are not.
ERRANDS = """{overb} the {noun} {detail}
{overb} the {noun} {detail}
{overb} the {noun} {detail} {detail}
{overb} {detail}
{overb} it {detail}
{overb} it {detail} {detail}
{overb} {noun} {num} {detail}
{overb} {noun} {code}
{overb} the {adj} {noun} {detail}
{overb} all {noun}s
{overb} all the {noun}s {detail}
{overb} (every|each|the next|the last|the first|another|a new) {noun} [{detail}|]
{overb} a {noun} (called|named) {code} [{detail}|]
{noun} {overb}
{noun} (on|off|up|down)
(turn|switch) {noun} {code} (on|off)
(list|show|show me|give me|get|get me|tell me|fetch|display) [all|all the|the|my] {noun}s [{detail}|]
(list|show|show me|give me|get|get me|tell me|fetch|display) (the|my) {noun} [of {noun} {code}|{detail}|]
(set|change|raise|lower|increase|reduce|adjust) the {noun} [of the {noun}|] to {num} [{unit}|]
(set|change) the {noun} to {adj}
(add|create|make|delete|remove|rename|update|cancel|close|move|copy|start|stop|book|send|save|open|find|search|check|log|schedule|publish|upload|play) (a|the|my) {noun} {detail}
(find|search|look) for {noun} {detail}
(search|look up|find) {adj} {noun}s [in {Place}|]
(add|put) {num} {noun}s to the {noun}
(write|note|log) that the {noun} is {adj}
note: the {noun} is {adj}
(send|post|write) "the {noun} is {adj}" to {Name}
(send|text|tell|message) {Name} that the {noun} is {adj}
(take|make) a {noun} {detail}
how (many|much) {noun}s (are there|do i have|do we have|have we got|are left) [{detail}|]
how {adj} is the {noun} [{detail}|right now|]
what('s| is) the {noun} (of|for|in|at) {Place}
what('s| is) the {noun} of the {noun} [{code}|]
when does the {noun} {overb}
when is the next {noun} [to {Place}|from {Place}|]
where is [the|] {noun} {code}
which {noun}s are {adj}
is [the|] {noun} {code} {adj}"""
DETAILS = "for {num} {unit}|to {num} {unit}|at {num} {unit}|by {num} {unit}|by -{num} {unit}|for {num} {noun}s|for {num} people|with {num} {noun}s|from {Place} to {Place}|from {Place}|to {Place}|in {Place}|near {Place}|in {noun} {code}|in room {code}|on channel {code}|of {noun} {code}|number {num}|with the {noun}|with {adj} {noun}|every {num} {unit}|for {Name}|to {Name}|with {Name}|about {noun}|about the {adj} {noun}|on {day}|on level {num}|at {num} percent|as {noun}|in {adj} mode|using {noun}|{code}|slowly|twice|once|now|please|in {language}"
UNITS = "minutes|seconds|hours|degrees|percent|rpm|mm|cm|metres|kilograms|grams|litres|euros|days|watts|volts|times|°C|pages|copies|steps|kg|km|hz"

# Sentences that share words with orders; each on its own line.
LOOKALIKES = """turn over a new leaf
turn the page
turn the page please
turn to page ten
turn a blind eye
turn the other cheek
turn it into a swan
turn up the heat on them in the meeting
turn down the offer
she turned down the job
he turned left after the bank and got lost
it turned out fine
my turn
it's your turn
whose turn is it
take turns
the milk has turned sour
the leaves turn yellow in autumn
turn your homework in
open a bank account
open the book at page ten
open your mouth
open your eyes
open the bottle for me
open a can of tuna
open a window in the browser
open the file
open the discussion
open your mind
open question
she opened a shop
the shop opens at nine
the museum is open until six
we are open on sundays
keep an open mind
that opens doors for you
a door opens, another one closes
it opened the door to a new market
an open door policy
next door lives a dentist
he lives two doors down
knock on the neighbor's door
my door is always open for you
behind closed doors they decided it
close your eyes
close the deal
close friends are rare
that was a close call
the shop is close to the station
the end is close
we close at eight
stay close to me
it's close to midnight
shut your mouth
shut the book
shut your eyes
the factory shut down
lock the bike
lock your phone
light a candle
light the fire
light the fireplace
light music is nice
a light lunch would do
you light up my life
the light at the end of the tunnel
travel light
light blue suits you
the lamp is a nice shade of green
lighten up
it's light as a feather
in light of the facts
the traffic lights were red
he saw the light
bring it to light
that sheds light on the matter
the radio host was dull
my grandfather was a radio operator
radio waves are invisible
i heard it on the radio
the radio show starts at six
radio silence from her
i left my radio at work
my fans love me
he is a fan of football
i'm a big fan
i'm a fan of yours
fan mail arrived today
the fan club meets on friday
fan the flames
she fanned herself with a menu
a fan of cards
the crowd's fans cheered
temperature is a physical quantity
he runs a temperature
the child has a temperature
water boils at 100 degrees
she has two degrees in physics
turn 40 and life begins
i turned thirty last week
twenty degrees of freedom
it's 30 degrees outside
the temperature outside is 12 degrees
the oven reached 200 degrees
drive me crazy
you drive me up the wall
she drives a red car
he drove to berlin
i drive to work
drive carefully, mum
drive a hard bargain
what drives you
test drive
hard drive is full
copy it to the drive
my hard drive makes noise
go figure
go ahead, tell me a joke
go to sleep
go fish
let it go
here we go
there you go
go on, i'm listening
back in my day everything was better
i'll be back
my back hurts
back to the topic
welcome back
call me back
get back to me
come back tomorrow
come on
come to think of it, i'm hungry
forward this email to anna
i'm looking forward to it
look forward to it
fast forward the film
left over pizza is the best
there's nothing left
my left tooth hurts
i left my keys
he left yesterday
she left me
who's left
i am left-handed
you're right
that's right
right, i forgot
is that right
all right
my right knee hurts
human rights matter
right after lunch i sleep
turn right, said the navigation system, and he did
around here it's quiet
i've been around
see you around
what goes around comes around
move on with your life
she moved to spain
i'm moved to tears
that was a good move
approach life with a smile
winter approaches
her approach was good
a new approach to learning
the plane approaches the airport
on and off we meet
the deal is off
the meeting is on
i'm off
i'm off to bed
he's off his head
i have a day off
the alarm went off
take off your shoes
take your coat off
the plane takes off
put on your shoes
put your hat on
put on weight
put off the meeting
switch seats with me
switch to plan b
let's switch topics
switch sides
start a fire
start over
start a new game
start the meeting
stop and smell the roses
stop the presses
kill time
kill two birds with one stone
set the table
set the alarm
set sail
set a good example
set up a meeting
get on with it
get off my back
give me a break
give me five
make my day
make it snappy
make room for dessert
play it by ear
play dead
play with the cat
play chess with me
music is my life
this song reminds me of paris
what a nice song
i write songs
heat the soup
heat the oven
a heated debate
cool story
cool
be cool
cold pizza
i have a cold
warm up before you run
warm regards
the air in the mountains is fresh
on air
wind the clock
wind your watch
a breeze of an exam
quiet people have loud minds
dark chocolate is my favourite
in the dark about it
bright idea
a bright child
power to the people
knowledge is power
power nap
the lamp post
the lamp shade is dusty
a lampshade
the door handle is loose
the doormat says welcome
the doorbell is broken
the doorknob
the doorway to heaven
the thermostat was invented in 1883
the inventor of the radio was marconi
edison invented the light bulb
how many people does it take to change a light bulb
i need a new lamp
where can i buy a lamp
a lamp costs twenty euros
my lamp at home is nicer
our door at home squeaks
the red lamp is prettier
i like that chair
the dog is on the chair
the cat sleeps next to the radio
the ball is under the piano
a robot is a machine
robots will rule the world
are you happy
i'm hungry
i'm in love
good grief
oh my god
what the hell
no
yes
maybe
hm
never mind
whatever
as you like
it doesn't matter
i don't care
i don't know
i see
really
are you serious
you're funny
you are stupid
i hate mondays
what a day
long time no see
nice weather today
it's friday
have a nice day
cheers
bless you
congratulations
happy birthday
merry christmas
help yourself
after you
ladies first
turn on the charm
it all turns on how you look at it
everything turns on the weather
turn in early
i turned in at nine
she turned in her keys
going door to door
the door opener is out of stock
a revolving door
the lamplighter went home
moths love lamps
the light rail is late
light beer please
the northern lights
out like a light
red lights ahead on the motorway
the radio tower fell over
radio edit
the radio drama starts soon
on the radio they played it twice
fans went wild
the fans left the stadium
an old fan of hers
the fan belt broke
close to home
a close shave
open source is great
open season
open your heart
opening night is on friday
opening hours please
an opening in the fence
the opening of the shop
closing time
closing arguments
approach him politely
an approaching storm
drive safely home
a drive in the country
sunday drive
what drives the market
go easy on him
go nuts
going forward, let's be careful
moving forward as a team
straight forward question
back in five minutes
back in a minute
back to square one
behind your back
he backed out of the deal
i backed the wrong horse
left, right and centre
left behind
leave me alone
right on time
the right to vote
right of way
turn of the century
turn of phrase
a good turn deserves another
to every thing turn, turn, turn
turn the music stand
turn your phone to silent
turn it down a notch, young man
set in stone
set theory
a set of keys
set your mind on it
the sun set
degrees of freedom
a matter of degree
to what degree
third degree burns
keep calm
keep going, you write well
keep your fingers crossed
come what may
come off it
stay tuned
switch banks
a light switch costs three euros
switch hitter
light sleeper
put a lid on it
put up with it
shut the front door, really
shut out of the talks
let me in on the secret
let off steam
let sleeping dogs lie
lamp shopping is fun
heat wave
the heat of the moment
warm welcome
cool off a bit before you answer him
a cold front approaches
blow off steam
blow out the candles
air your opinion
wind down after work
start at the beginning
start from scratch
stop sign
stop it some more"""

# Plain statements and questions of random words: most of what people say is no order at all.
BABBLE = """the {adj} {noun} {overb3} the {noun}
a {noun} {overb3} a {adj} {noun}
{who} {overbpast} the {noun}
{who} {overbpast} {d}
{who} {overb3} {d}
the {noun} {overbpast} {d}
{d} {overbpast} the {noun}
{d} {overb3} [the {noun}|]
my {noun} is {adj}
{d} is {adj}
{d} is (a|the) {adj} {noun}
is the {noun} {adj}
is {d} {adj}
why is the {noun} {adj}
where is the {noun}
what is a {noun}
who {overbpast} the {noun}
does the {noun} {overb} the {noun}
did {who} {overb} the {noun}
do you {overb} {d}
i {overbpast} the {noun} {prep} the {noun}
i {overbpast} {d} {prep} the {noun}
i {overb} {d}
i want (a|the|my) {noun}
i want a {adj} {noun}
i need a {noun} for {d}
we {overb} every {noun}
{who} is {overbing} the {noun}
{who} is {overbing} {d}
{overbing} is {adj}
{noun}
{adj} {noun}
{noun} {noun}
the {noun} of the {noun}
the {noun} of {d}
the {d2} {noun}
a {d2} {noun} is {adj}
{noun} and {noun}
{d} and the {noun}
{d} {prep} the {noun}
the {noun} {prep} {d} is {adj}
how {adj} is the {noun}
how {adj}
what a {adj} {noun}
{name} {overb3} {name}
{name}
there is a {noun} {prep} {d}
there's a {noun} {prep} the {noun}
when does the {noun} {overb}
{overb} and {overb}
{adj}, {adj} and {adj}
there are {num} {noun}s
{num} {noun}s
{num}
{num} plus {num}
{d}
{d} {d}
the {noun} turns {adj}
the {noun} opens
the {noun} closes
the {noun} goes {adj}
the {noun} drives {prep} the {noun}
the {noun} is {num} degrees
{who} turned {num}"""

PREPOSITIONS = [
    "in",
    "on",
    "under",
    "behind",
    "near",
    "above",
    "beside",
    "with",
    "without",
    "from",
    "for",
    "about",
    "against",
    "between",
    "inside",
    "outside",
    "of",
]

# The same orders and other sentences in languages that the robot does not speak.
FOREIGN = """mach das licht an|schalte die lampe ein|mach bitte die lampe aus|licht aus|licht an bitte|öffne die tür|mach die tür zu|tür zu|schalte das radio ein|radio aus bitte|mach das radio leiser|schalte den ventilator aus|stell die temperatur auf 21 grad|fahr einen meter vorwärts|fahr zurück|dreh dich nach links|dreh dich um|komm her|geh zum stuhl|kannst du bitte die tür öffnen|die lampe ist an|wie spät ist es|was siehst du|halt die klappe|guten morgen roboter|heizung auf 20 grad|mach den ventilator an|bieg rechts ab|drehe dich um 90 grad nach rechts|fahre bitte zu dem ball
allume la lampe|éteins la lumière|ouvre la porte s'il te plaît|ferme la porte|allume la radio|éteins la radio|mets de la musique|allume le ventilateur|règle le thermostat sur 21 degrés|avance d'un mètre|recule|tourne à gauche|tourne à droite|fais demi-tour|va vers la chaise|quelle heure est-il|que vois-tu|est-ce que la lampe est allumée|n'ouvre pas la porte|bonjour robot|peux-tu éteindre la lampe|mets le chauffage à 20 degrés|approche-toi du chien|la porte est ouverte|coupe le son
enciende la luz|apaga la lámpara|abre la puerta por favor|cierra la puerta|enciende la radio|apaga la radio|pon música|enciende el ventilador|apaga el ventilador|pon el termostato a 22 grados|avanza un metro|retrocede|gira a la izquierda|gira a la derecha|date la vuelta|ve a la silla|qué hora es|qué ves|la puerta está abierta|no abras la puerta|hola robot|puedes abrir la puerta|sube la temperatura|acércate al perro|muévete hacia adelante
accendi la luce|spegni la lampada|apri la porta|chiudi la porta|accendi la radio|spegni la radio|metti un po' di musica|accendi il ventilatore|imposta il termostato a 20 gradi|vai avanti di un metro|torna indietro|gira a sinistra|gira a destra|che ore sono|cosa vedi|la lampada è accesa|non aprire la porta|ciao robot|vai alla sedia|fai un giro|puoi chiudere la porta
acende a luz|apaga a lâmpada|abre a porta|fecha a porta por favor|liga o rádio|desliga o rádio|liga o ventilador|desliga o ventilador|põe o termostato em 21 graus|anda para a frente um metro|vira à esquerda|vira à direita|que horas são|o que vês|não abras a porta|olá robô|vai até à cadeira|aumenta a temperatura
doe het licht aan|doe de lamp uit|open de deur|doe de deur dicht|zet de radio aan|zet de radio uit|zet de ventilator aan|zet de thermostaat op 20 graden|rijd een meter vooruit|draai naar links|draai naar rechts|hoe laat is het|wat zie je|de deur is open|doe de deur niet open|hallo robot|ga naar de stoel|kun je de lamp uitdoen
tänd lampan|släck ljuset|öppna dörren|stäng dörren|sätt på radion|stäng av radion|sätt på fläkten|ställ in termostaten på 21 grader|kör framåt en meter|sväng vänster|vad är klockan|vad ser du|öppna inte dörren|hej robot|tænd lyset|sluk lampen|åbn døren|luk døren|tænd radioen|slukk lyset|åpne døren|lukk døren|skru på radioen|skru av vifta|hva er klokka|sytytä valo|sammuta lamppu|avaa ovi|sulje ovi|laita radio päälle|käänny vasemmalle|mitä näet
włącz lampę|wyłącz światło|otwórz drzwi|zamknij drzwi|włącz radio|wyłącz radio|włącz wentylator|ustaw temperaturę na 21 stopni|jedź do przodu|skręć w lewo|która godzina|co widzisz|nie otwieraj drzwi|zapni lampu|zhasni světlo|otevři dveře|zavři dveře|zapni rádio|vypni rádio|nastav teplotu na 20 stupňů|zahni doleva|kolik je hodin|kapcsold fel a lámpát|nyisd ki az ajtót|csukd be az ajtót|kapcsold ki a rádiót|aprinde lumina|stinge lampa|deschide ușa|închide ușa|pornește radioul|oprește radioul|upali svjetlo|otvori vrata|zatvori vrata|ugasi radio
включи лампу|выключи свет|открой дверь|закрой дверь пожалуйста|включи радио|выключи радио|включи вентилятор|поставь температуру на 21 градус|проедь вперёд на метр|поверни налево|поверни направо|который час|что ты видишь|не открывай дверь|привет робот|подъезжай к стулу|увімкни світло|вимкни лампу|відчини двері|зачини двері|увімкни радіо|включи музыку|сделай потише
άναψε το φως|σβήσε τη λάμπα|άνοιξε την πόρτα|κλείσε την πόρτα|άνοιξε το ραδιόφωνο|lambayı aç|ışığı kapat|kapıyı aç|kapıyı kapat lütfen|radyoyu aç|radyoyu kapat|vantilatörü aç|sıcaklığı 21 dereceye ayarla|bir metre ileri git|sola dön|saat kaç|ne görüyorsun|kapıyı açma|nyalakan lampu|matikan lampu|buka pintu|tutup pintu|nyalakan radio|matikan kipas|belok kiri|bật đèn lên|tắt đèn đi|mở cửa ra|đóng cửa lại|bật radio|tắt quạt|rẽ trái|mấy giờ rồi
電気をつけて|電気を消して|ライトをつけてください|ドアを閉めて|ドアを開けて|ラジオをつけて|ラジオを消してください|扇風機を回して|温度を21度にして|一メートル前に進んで|左に曲がって|右を向いて|椅子のところへ行って|今何時ですか|何が見えますか|ドアを開けないで|明かりを消してくれる|ランプをつけてくれませんか|こんにちはロボット|窓を開けて|後ろに下がって
불을 켜 줘|불 꺼|문을 열어 줘|문 닫아|라디오 켜 줘|라디오 꺼|선풍기 켜|온도를 21도로 맞춰|앞으로 가|왼쪽으로 돌아|지금 몇 시야|뭐가 보여|문 열지 마|안녕 로봇|의자로 가
افتح الباب|أغلق الباب|شغل المصباح|أطفئ النور|شغل الراديو|كم الساعة|ماذا ترى|פתח את הדלת|סגור את הדלת|הדלק את האור|כבה את הרדיו|दरवाज़ा खोलो|दरवाज़ा बंद करो|बत्ती जलाओ|बत्ती बुझा दो|रेडियो चालू करो|पंखा बंद करो|เปิดประตู|ปิดไฟ|เปิดวิทยุ|washa taa|fungua mlango|zima redio|lucernam accende|ianuam claude|aperi ianuam|ŝaltu la lampon|fermu la pordon"""

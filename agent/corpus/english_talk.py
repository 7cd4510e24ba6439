# ruff: noqa: E501
"""English: greetings, thanks, and what the robot cannot do."""

from __future__ import annotations

from sensebind.agent.corpus.english_rules import frames

TEMPLATES: dict[str, list[str]] = {}

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

TEMPLATES["who"] = frames(
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

TEMPLATES["abilities"] = frames(
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

TEMPLATES["cannot"] = frames(
    c="""(fry|bake|grill|roast|cook) (me|us|) (an egg|some eggs|a steak|fish|potatoes|bread|cookies|pancakes)
(iron|fold|sew|mend|dry|pack) my (shirt|shirts|pants|clothes|socks|suitcase|laundry)
(massage|scratch|rub|tickle) my (back|feet|head|neck)
(teach|show) me (how to|to) (dance|cook|sing|draw|swim|code)
(lend|give) me (some money|ten dollars|a hug|a kiss|a high five|advice|a massage|a present)
(take|drive|fly) (me|us) to (paris|work|school|the moon|the airport|the station|the beach)
solve (this|the) (equation|puzzle|riddle|crossword)
(predict|guess) (my age|the future|a number|the weather|the score)
(park|charge|fuel|fix|repair) my (car|bike|laptop|phone|computer|watch)
(write|send) (me|him|her|my girlfriend|my boss) a (love letter|song|message|card|note)
(mow|rake|water) the (lawn|leaves|garden|grass|flowers)
(explain|tell me about) (quantum physics|the universe|love|history|politics|the weather|football|evolution)
(make|brew|cook|bring|fetch|get|give|pour|serve|hand|buy|order) (me|us|) (a|some|) (coffee|tea|sandwich|pizza|beer|breakfast|dinner|soup|cake|water|glass of water|drink|lunch|juice|snack|cup of coffee|cup of tea|ice cream|milk)
(tell|give) me a (joke|story|fairy tale|riddle|fun fact|secret|recipe|poem)
(tell me a joke|make me laugh|say something funny|tell jokes)
(sing|dance|whistle|jump|fly|swim|run|do a backflip|cook|cry|laugh|dance for me|sing me a song|rap|roll over|do a trick|wave|clap|sleep)
(write|compose|draw|paint|design) (me|) (a|an) (poem|letter|email|story|essay|picture|song|program|novel|portrait|python script|report for school|book)
(clean|wash|sweep|mop|tidy|vacuum|dust) (the kitchen|the floor|the dishes|my room|the house|the car|the windows|up|the table|the bathroom|the carpet|my clothes)
(feed|walk|pet|wash|catch|brush|groom) (the|my) (dog|cat|bird|fish|hamster)
(call|phone|text|message|email|ring) (my mom|my mother|mom|dad|the police|the doctor|my friend|my boss|anna|an ambulance|a taxi|my wife|someone|john)
(book|reserve|order) (a flight|a table|a taxi|a hotel|tickets|a ticket|an uber|a room|me a cab)
(turn on|turn off|switch on|switch off|start|stop) the (tv|television|oven|dishwasher|washing machine|computer|coffee machine|stove|toaster|heating pump|shower|alarm|sprinkler|microwave|fridge|projector|camera)
(open|close|shut) the (window|windows|fridge|garage|curtains|blinds|drawer|box|book|bottle|cupboard|shutters|roof|safe|bag)
(drive|go|move|roll|walk|come|run|bring me) (to the kitchen|to me|here|upstairs|to the bedroom|to the door|to the table|outside|home|to the garden|to bed|with me)
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

TEMPLATES["unknown"] = [
    "{gibberish}",
    "{gibberish} {gibberish}",
    "{gibberish} {gibberish} {gibberish}",
]

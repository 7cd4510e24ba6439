"""Words of tools and of people as a retriever compares them: stems, and classes of common verbs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|\d+(?:\.\d+)?|[㐀-鿿]")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[_\-./]+")
STOP_WORDS = frozenset(
    [
        "a",
        "an",
        "the",
        "this",
        "that",
        "these",
        "those",
        "my",
        "your",
        "our",
        "his",
        "her",
        "its",
        "their",
        "me",
        "you",
        "i",
        "we",
        "he",
        "she",
        "they",
        "it",
        "us",
        "them",
        "of",
        "to",
        "in",
        "on",
        "off",
        "at",
        "for",
        "with",
        "by",
        "from",
        "as",
        "into",
        "onto",
        "and",
        "or",
        "but",
        "if",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "am",
        "do",
        "does",
        "did",
        "can",
        "could",
        "would",
        "will",
        "shall",
        "should",
        "may",
        "might",
        "must",
        "please",
        "pls",
        "just",
        "now",
        "so",
        "very",
        "really",
        "some",
        "any",
        "all",
        "there",
        "here",
        "what",
        "which",
        "who",
        "how",
        "why",
        "much",
        "many",
        "one",
        "give",
        "get",
        "let",
        "have",
        "has",
        "had",
        "want",
        "need",
        "like",
        "robot",
        "hey",
        "hi",
        "hello",
        "ok",
        "okay",
        "thanks",
        "thank",
        "not",
        "no",
        "yes",
        "up",
        "down",
        "out",
        "over",
        "about",
        "than",
        "then",
        "too",
        "also",
        "more",
        "most",
        "such",
        "only",
        "own",
        "same",
        "it's",
        "i'd",
        "i'm",
        "don't",
        "what's",
        "whats",
        "use",
        "used",
        "using",
        "e",
        "g",
        "i.e",
        "etc",
        "other",
        "another",
        "each",
        "per",
        "via",
        "if",
        "whether",
        "optional",
        "default",
        "required",
        "returns",
        "return",
        "whose",
        "them",
        "itself",
        "specified",
        "called",
        "named",
        "moment",
        "bit",
        "right",
        "want",
        "wants",
        "got",
        "gonna",
        "thing",
        "go",
        "going",
        "ahead",
        "kindly",
        "still",
        "already",
        "yet",
        "quickly",
        "today",
        "there's",
        "where's",
        "how's",
        "who's",
        "i've",
        "let's",
        "given",
        "specific",
        "current",
        "currently",
    ]
)
"""Words that say nothing of what a tool does. On and off are compared apart; see `WAYS`."""

# Verbs that tools and people use for each other; a retriever's stems know no synonyms.
_CLASSES = (
    "show list display view read tell print fetch look see check inspect report retrieve",
    "find search lookup locate seek query google",
    "add create make new insert register write append note attach put",
    "remove delete erase drop clear discard cancel",
    "set change adjust update modify edit configure",
    "start begin launch run activate enable execute trigger",
    "stop end halt quit deactivate disable abort finish",
    "send post message email mail text submit notify write",
    "move go drive travel navigate jog fly",
    "close shut lock",
    "open unlock",
    "book reserve order buy",
    "raise lift increase higher",
    "lower decrease reduce",
    "pause suspend hold",
    "resume continue unpause",
    "measure weigh sense",
    "photo picture image photograph snapshot screenshot",
    "temperature temp hot warm cold heat degrees",
    "light lamp bulb lights",
    "speed fast slow velocity",
    "height high altitude tall",
    "weight weigh heavy mass",
    "depth deep",
    "level full empty amount",
    "status state condition",
    "when time hour hours clock",
    "where location position place",
    "play listen hear",
    "empty drain",
    "fill refill",
    "home return dock",
    "water irrigate sprinkle",
    "navigate visit browse open",
    "route direction directions way path",
    "where coordinates geocode address location",
    "post publish share announce tell say write",
    "copy duplicate clone",
    "download pull fetch",
    "upload push",
    "turn rotate spin",
    "grab grip grasp hold pick",
    "release drop loosen",
    "clean wash wipe rinse",
    "price cost costs fee charge",
    "people person persons guests passengers visitors",
    "battery charge power",
    "wake alarm",
    "remind reminder",
    "repeat again redo",
    "finish done complete ready",
    "error fault warning problem",
    "forecast weather",
    "rename title name call",
    "loud volume noise quiet",
    "bright brightness dim",
    "far distance range",
    "remaining left",
    "folder directory dir",
    "large big size huge small",
    "lift elevator",
    "website site web page url link",
    "picture photo image camera",
    "tv television",
    "garbage trash waste rubbish",
    "car vehicle automobile",
    "song track tune music",
    "playlist album",
    "skip next following",
    "previous last before",
    "task job todo item work",
    "appointment event meeting schedule calendar agenda",
    "note memo entry comment",
    "person user member account profile customer",
    "log logs history journal record",
    "reset restore default",
    "restart reboot relaunch",
    "calibrate adjust zero",
    "lift raise hoist",
    "arm robot manipulator",
    "tank reservoir container",
    "blind blinds shutter shutters curtain curtains",
    "valve tap",
    "pump circulate",
    "heater heating heat warm",
    "cooler cooling cool chill",
    "scene mood preset",
    "colour color hue",
    "mode setting program programme",
    "quantity amount number count",
    "check verify test inspect",
    "estimate calculate compute work",
    "convert translate change",
    "measure reading sensor value",
    "humidity moisture damp wet",
    "pressure bar",
    "voltage volts battery",
    "parcel package delivery shipment",
    "stock inventory",
    "ticket booking reservation",
    "bill invoice payment pay",
    "money balance funds cash",
    "doctor nurse",
    "medicine drug medication dose",
    "dose portion serve dispense",
    "feed food meal",
    "cut trim mow",
    "spray sprinkle water irrigate",
    "brew make prepare cook",
    "fetch bring collect pick",
    "deliver carry transport bring take",
    "park dock home",
    "hover hold stay",
    "land descend touchdown",
    "takeoff launch lift ascend",
    "align point aim slew",
    "track follow",
    "zoom magnify enlarge",
    "focus sharpen",
    "capture take snap shoot record",
    "mute silence quiet",
    "shuffle random",
    "repeat loop",
    "archive store save keep backup",
    "merge combine join",
    "divide split",
    "branch fork",
    "deploy release publish",
    "scale resize replicas",
    "assign give delegate",
    "label tag mark",
    "tick complete finish done mark",
    "due deadline",
    "ban block forbid",
    "allow permit enable approve",
    "deny refuse reject decline",
    "login sign",
    "word term phrase",
    "street road address",
    "town city place",
    "rain precipitation shower forecast weather",
    "wind breeze gust",
    "sunrise sunset dawn dusk",
    "fast quick quickly",
    "lane line row",
    "shelf rack",
    "floor level storey",
    "guest visitor",
    "room suite",
    "towel towels",
    "bed mattress",
    "head headrest backrest back",
    "leg legs foot feet",
    "fish feeding",
    "plant plants crop",
    "soil ground earth",
    "lamp light spotlight",
    "door gate barrier hatch",
    "cover lid cap",
    "window pane",
    "fan ventilation ventilator air",
    "speaker volume sound audio",
    "voice speech speak say",
    "message text note",
    "channel room group",
    "reaction emoji",
    "thread reply",
    "sheet table spreadsheet",
    "row record line",
    "column field",
    "schema structure layout columns",
    "database db",
    "sql query select",
    "diff difference differences changes",
    "commit save",
    "stage add",
    "checkout switch",
    "topic topics channel",
    "subscribe listen",
    "parameter param setting",
    "waypoint point",
    "mission route plan",
    "altitude height",
    "heading course bearing",
    "throttle speed",
    "roast roasting bean beans",
    "departure departures leave depart",
    "arrival arrivals arrive come",
    "transition move change",
    "withdraw remove cancel delete",
    "ticket issue bug",
    "key entry",
    "shelve store",
    "dispense serve give vend",
    "overdue late",
    "renew extend prolong",
    "borrow lend loan checkout",
    "fold unfold retract",
    "tilt lean incline angle",
    "blow fan",
    "drive run motor",
    "reverse back backwards",
    "soften brighten lighten",
    "exposure shutter",
    "slew point move goto",
    "harvest pick reap",
    "sow plant seed",
    "plough plow till",
    "patrol round tour",
    "clean vacuum sweep hoover tidy",
    "spot stain",
    "dustbin bin container",
    "mop wet",
    "copy copies duplicate",
    "scan scanner digitize",
    "ink toner cartridge",
    "page sheet paper",
    "refund repay",
    "cart basket",
    "discount coupon voucher",
    "nearby near around close",
    "elevation altitude height",
    "translate translation",
    "summarize summary sum",
    "random any",
    "joke funny",
)
WAYS = (
    (
        frozenset(
            [
                "on",
                "start",
                "activate",
                "enable",
                "open",
                "begin",
                "raise",
                "up",
                "increase",
                "lock",
                "resume",
                "arm",
            ]
        ),
        frozenset(
            [
                "off",
                "stop",
                "deactivate",
                "disable",
                "close",
                "shut",
                "end",
                "lower",
                "down",
                "decrease",
                "unlock",
                "pause",
                "disarm",
            ]
        ),
    ),
)
"""Directions that exclude each other."""


def stem(word: str) -> str:
    """An English word without its endings; a light form of Porter's (1980) first steps."""
    for ending, least in (
        ("ations", 3),
        ("ation", 3),
        ("ingly", 3),
        ("ings", 3),
        ("ing", 3),
        ("edly", 3),
        ("ies", 2),
        ("ied", 2),
        ("ers", 3),
        ("er", 3),
        ("est", 3),
        ("ed", 3),
        ("es", 3),
        ("ly", 3),
        ("e", 3),
        ("s", 3),
    ):
        if word.endswith(ending) and len(word) - len(ending) >= least:
            if ending == "s" and word.endswith("ss"):
                continue
            word = word[: -len(ending)] + ("y" if ending in ("ies", "ied") else "")
            if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiouls":
                word = word[:-1]
            break
    return word[:-1] + "i" if len(word) > 3 and word.endswith("y") else word


_CLASS_OF: dict[str, set[int]] = {}
for _number, _row in enumerate(_CLASSES):
    for _word in _row.split():
        _CLASS_OF.setdefault(stem(_word), set()).add(_number)


def same_class(one: str, other: str) -> bool:
    """Whether two stems belong to one class of common words."""
    return bool(_CLASS_OF.get(one, set()) & _CLASS_OF.get(other, set()))


_PHRASES = tuple(
    (re.compile(rf"\b{said}\b", re.I), meant)
    for said, meant in (
        (r"look(?:ing)? for", "search for"),
        (r"look up", "search for"),
        (r"get rid of", "delete"),
        (r"throw away", "delete"),
        (r"take away", "remove"),
        (r"take off", "takeoff"),
        (r"set up", "create"),
        (r"put up", "create"),
        (r"write down", "write"),
        (r"tick off", "complete"),
        (r"cross off", "complete"),
        (r"call off", "cancel"),
        (r"hold on", "pause"),
        (r"carry on", "resume"),
        (r"turn (up|down)", r"set \1"),
        (r"(?:spin|rev|ramp) up", "start"),
        (r"(?:spin|wind) down", "stop"),
        (r"check out", "checkout"),
        (r"sign up", "register"),
        (r"switch(?:ing)? to", "set"),
        (r"how (?:large|big)", "size"),
        (r"how (?:warm|hot|cold)", "temperature"),
        (r"how long", "time duration"),
        (r"how (?:far)", "distance"),
        (r"how (?:fast)", "speed"),
        (r"how (?:high|tall)", "height"),
        (r"how (?:deep)", "depth"),
        (r"how (?:heavy)", "weight"),
        (r"how (?:full)", "level"),
        (r"how (?:bright)", "brightness"),
        (r"how (?:loud)", "volume"),
        (r"how (?:much does .{1,30} cost|expensive)", "price"),
        (r"how (?:is|are) (.{1,30}?) (?:doing|going)", r"status \1"),
        (r"what(?:'s| is) the time", "time"),
        (r"what time is it", "time"),
    )
)


def plainly(text: str) -> str:
    """A text with phrasal verbs as single ones: "look for" is "search for".

    Args:
        text: What a person says.
    """
    for pattern, meant in _PHRASES:
        text = pattern.sub(meant, text)
    return text


def words_of(text: str) -> list[str]:
    """Words of a text or of an identifier, in small letters; Chinese by the character."""
    text = unicodedata.normalize("NFKC", text).replace("’", "'")
    return _WORD.findall(_CAMEL.sub(" ", text).lower())


def stems_of(text: str) -> list[str]:
    """Stems of the words of a text that say something; numbers are none."""
    return [
        stem(word)
        for word in words_of(text)
        if word not in STOP_WORDS
        and not word[0].isdigit()
        and (len(word) > 1 or not word.isascii())
    ]


def trigrams(word: str) -> frozenset[str]:
    """Character trigrams of a word with its ends marked."""
    marked = f"<{word}>"
    return frozenset(marked[at : at + 3] for at in range(len(marked) - 2))


def alike(one: str, other: str) -> float:
    """How much two stems share: 1 if they are the same, Dice's coefficient of trigrams if not."""
    if one == other:
        return 1.0
    if same_class(one, other):
        return 0.8
    if min(len(one), len(other)) < 4:
        return 0.0
    if one.startswith(other) or other.startswith(one):
        return 0.75
    ours, theirs = trigrams(one), trigrams(other)
    return 0.7 * 2 * len(ours & theirs) / (len(ours) + len(theirs))


def opposed(said: Iterable[str], named: Iterable[str]) -> bool:
    """Whether words name one direction and a tool the other: "on" and `spindle_off`."""
    ours, theirs = set(said), set(named)
    for one, other in WAYS:
        if ours & one and theirs & other and not (ours & other or theirs & one):
            return True
        if ours & other and theirs & one and not (ours & one or theirs & other):
            return True
    return False

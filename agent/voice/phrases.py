"""What people say to a robot: sentences that follow from its tools, its objects and its streams.

A tool's name says most of it: of `lamp_on` follow "turn on the lamp" and "switch the lamp on", of
`door_open` "open the door", of `thermostat_set` with a whole number "set the thermostat to twenty
two degrees", of any other its words ("lock front door"). What a robot's own tools are asked with
stands in a table. An argument that is free text cannot be expected: `voice: {sentences}` adds what
people say then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sensebind.agent.voice.grammar import Grammar
from sensebind.agent.voice.written_out import number_words

Tool = Mapping[str, Any]
"""Name, risk and JSON schema of a tool, as `AttachedRobot.tools` returns them."""

_MOST_NUMBERS = 101  # values of an argument that are listed; others cannot be said
_MOST_OBJECTS = 200
_LEAD = "[please|robot|hey robot|can you|could you]"
_SWITCHES = {
    "on": ["(turn|switch) on the {0}", "(turn|switch) the {0} on"],
    "off": ["(turn|switch) off the {0}", "(turn|switch) the {0} off"],
    "open": ["open the {0}"],
    "close": ["(close|shut) the {0}"],
    "lock": ["lock the {0}"],
    "unlock": ["unlock the {0}"],
    "start": ["start the {0}"],
    "get": ["what is the {0} set to", "what is the {0}"],
    "status": ["what is the status of the {0}"],
}
_OF_TOOLS = {
    "clock": ["what time is it [now]", "what is the time"],
    "detect": [
        "where is (the|my) <object>",
        "how many <objects> (do you see|are there)",
    ],
    "find": ["find (the|my) <object>"],
    "recall": ["when did you last (see|hear) (the|a) <object>"],
    "watch_add": ["tell me when you (see|hear) (a|the) <object>"],
    "watch_list": ["what are you watching for"],
    "drive": [
        "(drive|go|move) (forward|ahead|back|backwards) [<metres>]",
        "(drive|go|move) <metres> (forward|ahead|back|backwards)",
    ],
    "turn": ["turn (left|right) [<degrees> degrees]", "turn around"],
    "approach": ["(go|drive) to the <object>"],
    "go_to": [],
    "read": ["read (that|this|the sign)"],
    "codes": ["read the code"],
    "teach": [],
    "stop": [],
}
_ALWAYS = (
    "what (do|can) you (see|hear|scan) [now]",
    "what is (near|close to|in front of|around) you",
    "what do you (perceive|notice)",
    "(do you see|is there) (a|an|the) <object>",
    "do you hear (a|an|the) <object>",
    "what color is (it|the <object>)",
    "describe what you see",
    "(hello|good morning|good evening) [robot]",
    "who are you",
    "(thank you|thanks) [robot]",
)
_STOPS = (
    "[robot|please|no] (stop|halt|wait|freeze|cancel|never mind) [please|robot|now]",
    "stop (it|moving|the robot)",
    "stop stop [stop]",
    "no",
)
_METRES = (
    "half a meter",
    "(a|one) meter",
    "(two|three|four|five|six|seven|eight|nine|ten) meters",
    "(one|two|three) and a half meters",
    "(zero|one|two|three) point five meters",
)
_DEGREES = (10, 20, 30, 40, 45, 50, 60, 70, 80, 90, 100, 120, 135, 150, 180, 270, 360)
"""More than robots are asked for: a number that is missing is heard as one that is there."""
PAUSING = "(pause|mute|turn off|switch off) (the|your) {0}"
"""What pauses a stream. Nothing that is heard resumes one: a television could open a camera."""


@dataclass(frozen=True, slots=True)
class Phrases:
    """What may be said to a robot.

    Attributes:
        tools: Its tools.
        objects: What it knows, in words.
        streams: Its streams that can be paused, by what people call them.
        spoken: Names of the tools whose calls may be approved by voice.
        more: Templates of the robot's file.
    """

    tools: Sequence[Tool] = ()
    objects: Sequence[str] = ()
    streams: Sequence[str] = ()
    spoken: frozenset[str] = frozenset()
    more: Sequence[str] = field(default=())

    def grammar(self) -> Grammar:
        """Return all sentences.

        Raises:
            InputError: A sentence of the robot's file cannot be read.
        """
        sentences, rules = self.templates()
        for one in self.more:
            Grammar([one], rules)  # so that an error shows what stands in the file
        return Grammar(sentences, rules)

    def templates(self) -> tuple[list[str], dict[str, str]]:
        """Return the templates of all sentences, and the rules that they refer to."""
        objects = [one for one in map(plain_words, self.objects) if one][:_MOST_OBJECTS]
        rules = {
            "object": "|".join(dict.fromkeys(objects)) or "thing",
            "objects": "|".join(dict.fromkeys(map(plural, objects))) or "things",
            "metres": "|".join(_METRES),
            "degrees": "|".join(map(number_words, _DEGREES)),
            "number": "|".join(map(number_words, range(_MOST_NUMBERS))),
        }
        asked = [*_ALWAYS, *(one for tool in self.tools for one in sentences_of(tool)), *self.more]
        sentences = [f"{_LEAD} {one} [please]" for one in asked]
        sentences += _STOPS
        sentences += [PAUSING.format(one) for one in map(plain_words, self.streams) if one]
        for tool in self.tools:
            if tool["name"] in self.spoken and tool.get("risk") != "move":
                sentences += [f"yes {one}" for one in sentences_of(tool)]
        return sentences, rules

    def tool(self, name: str) -> Tool | None:
        """Return a tool by name; None if there is none."""
        return next((one for one in self.tools if one["name"] == name), None)

    def paused_by(self, text: str) -> str:
        """Return which stream a sentence pauses; "" if none.

        Args:
            text: Words in small letters.
        """
        for one in self.streams:
            if (said := plain_words(one)) and Grammar([PAUSING.format(said)]).accepts(text):
                return one
        return ""


def sentences_of(tool: Tool) -> list[str]:
    """Return templates of what a tool is asked with; empty where nothing can be expected.

    Args:
        tool: With name and schema.
    """
    name = str(tool["name"])
    if name in _OF_TOOLS:
        return _OF_TOOLS[name]
    given = _argument(tool)
    if given is None:
        return []
    return [f"{one}{f' ({given})' if given else ''}" for one in _actions(name)]


def wordings(tool: Tool, arguments: Mapping[str, Any]) -> list[str]:
    """Return in which words a call can be confirmed, the plainest first.

    Args:
        tool: With name and schema.
        arguments: Of the call.

    Returns:
        Sentences; empty where the call cannot be said unambiguously.
    """
    name = str(tool["name"])
    if name in _OF_TOOLS:
        return []
    actions = [said for one in _actions(name) for said in _choices(one)]
    if not arguments:
        return actions
    if len(arguments) != 1 or _argument(tool) in (None, ""):
        return []
    [value] = arguments.values()
    if isinstance(value, bool) or (isinstance(value, int) and not 0 <= value < 10**6):
        return []
    said = number_words(value) if isinstance(value, int) else plain_words(str(value))
    if not said:
        return []
    degrees = " degrees" if isinstance(value, int) and _is_temperature(tool) else ""
    full = [f"{one} {said}{degrees}" for one in actions]
    return full + ([f"{one} {said}" for one in actions] if degrees else [])


def plain_words(text: str) -> str:
    """Return a text as words in small letters; "" where it holds anything that has none."""
    text = " ".join(re.sub(r"(?<=[a-z])(?=[A-Z])|[_\-\s]+", " ", text).casefold().split())
    return text if re.fullmatch(r"[a-z']+(?: [a-z']+)*", text) else ""


def plural(noun: str) -> str:
    """Return the plural of an English noun, by rule."""
    if re.search(r"(s|x|z|ch|sh)$", noun):
        return f"{noun}es"
    if re.search(r"[^aeiou]y$", noun):
        return f"{noun[:-1]}ies"
    return f"{noun}s"


def _actions(name: str) -> list[str]:
    """What asks for a tool of this name, without its arguments."""
    words = plain_words(name).split()
    if not words:
        return []
    *what, verb = words
    if what and verb in _SWITCHES:
        return [one.format(" ".join(what)) for one in _SWITCHES[verb]]
    if what and verb == "set":
        return [f"set the {' '.join(what)} to"]
    first, *rest = words
    return [f"{first} {' '.join(rest)}", f"{first} the {' '.join(rest)}"] if rest else [first]


def _argument(tool: Tool) -> str | None:
    """What follows on the words of a tool's name: "" for nothing, None where it cannot be said."""
    schema = tool.get("schema") or {}
    properties = schema.get("properties") or {}
    required = [one for one in schema.get("required") or () if one in properties]
    if not required:
        return ""
    if len(required) > 1:
        return None
    values = _values(properties[required[0]])
    if not values:
        return None
    degrees = " [degrees]" if _is_temperature(tool) else ""
    return f"({'|'.join(values)}){degrees}"


def _values(schema: Mapping[str, Any]) -> list[str]:
    """The values of an argument in words; empty where they cannot be listed."""
    if "enum" in schema:
        said = [plain_words(str(one)) for one in schema["enum"]]
        return said if all(said) else []
    low, high = schema.get("minimum"), schema.get("maximum")
    if schema.get("type") != "integer" or low is None or high is None:
        return []
    if low < 0 or high - low >= _MOST_NUMBERS:
        return []
    return [number_words(one) for one in range(int(low), int(high) + 1)]


def _is_temperature(tool: Tool) -> bool:
    names = (tool.get("schema") or {}).get("properties") or {}
    return any("temperature" in str(one) or "degrees" in str(one) for one in names)


def _choices(template: str) -> Iterable[str]:
    """Every sentence of a template whose choices do not nest, the first of each choice first."""
    found = re.search(r"\(([^()]*)\)", template)
    if found is None:
        yield " ".join(template.split())
        return
    for one in found[1].split("|"):
        yield from _choices(template[: found.start()] + one + template[found.end() :])

"""Constrained decoding: whatever the model prefers, a call is valid and text is text."""

import json
import random

import jsonschema
import pytest
import torch
from fixtures.tiny_checkpoint import tiny_tokenizer

from sensebind.agent.llm.constrained_decoding import (
    MAX_PARALLEL,
    CallFormat,
    Grammar,
    GrammarEngine,
    GrammarLogitsProcessor,
    chosen_tools,
    parse_call,
    parse_calls,
)
from sensebind.errors import ConfigurationError, InputError
from sensebind.tools.json_schema import bound_schema, problem

TOKENIZER = tiny_tokenizer()
ENGINE = GrammarEngine(TOKENIZER, vocab_size=512)  # logits wider than the vocabulary


def token_id(token: str) -> int:
    found = TOKENIZER.convert_tokens_to_ids(token)
    assert isinstance(found, int)
    return found


def decode(tokens: list[int]) -> str:
    text = TOKENIZER.decode(tokens)
    assert isinstance(text, str)
    return text


EOS = token_id("</s>")


def tool(name: str, parameters: dict) -> dict:
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


DETECT = tool(
    "detect",
    {
        "type": "object",
        "properties": {"kind": {"type": "string", "enum": ["ball", "dog"]}},
        "required": ["kind"],
    },
)
CLOCK = tool("clock", {"type": "object", "properties": {}})
HARD = tool(
    "hard",
    {
        "type": "object",
        "$defs": {
            "Node": {
                "type": "object",
                "properties": {
                    "label": {"type": "string"},
                    "next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
                },
                "required": ["label"],
            }
        },
        "properties": {
            "text": {"type": "string"},
            "short": {"type": "string", "maxLength": 5, "pattern": "^[a-z]+$"},
            "number": {"type": "number"},
            "share": {"type": "number", "minimum": 0, "maximum": 1},
            "count": {"type": "integer", "exclusiveMinimum": 3},
            "flags": {"type": "array", "items": {"type": "boolean"}},
            "node": {"$ref": "#/$defs/Node"},
            "either": {"oneOf": [{"const": 1}, {"type": "null"}]},
            "maybe": {"type": ["string", "null"]},
            "anything": {},
        },
        "required": ["text", "number", "share", "count", "node", "anything"],
    },
)


def sample(grammar: Grammar, seed: int, limit: int = 4000) -> list[int]:
    """Random tokens from the grammar, as a model with random weights would choose them."""
    generator = random.Random(seed)
    state, tokens = grammar.start(), []
    while not state.finished:
        allowed = torch.nonzero(state.mask()).flatten().tolist()
        token = generator.choice(allowed)
        assert state.advance(token)
        if not state.finished:
            tokens.append(token)
        assert len(tokens) < limit, "the grammar does not end"
    return tokens


@pytest.mark.parametrize("seed", range(25))
def test_any_sampled_call_is_valid(seed: int) -> None:
    tools = [DETECT, CLOCK, HARD]
    text = decode(sample(ENGINE.compile(tools, "any"), seed))
    call = parse_call(text, ENGINE.style, tools)
    assert text.startswith("<|call|>")
    assert call.error == ""


def test_text_or_call_are_both_reachable_and_never_mixed() -> None:
    grammar = ENGINE.compile([DETECT])
    call_id = token_id("<|call|>")
    first = grammar.start().mask()
    assert first[call_id] and first[token_id("I")]
    state = grammar.start()
    assert state.advance(token_id("I"))
    after = state.mask()
    assert not after[call_id]
    special = [i for t, i in TOKENIZER.get_added_vocab().items() if t != "</s>"]
    assert not after[special].any()
    assert after[EOS]
    assert not first[EOS], "an empty reply is no reply"


def test_tool_choice_name_none_any() -> None:
    call_id = token_id("<|call|>")
    named = ENGINE.compile([DETECT, CLOCK], "clock")
    assert decode(sample(named, 0)) == '<|call|>{"name":"clock","arguments":{}}'
    assert ENGINE.compile([DETECT], "any").start().mask().nonzero().flatten().tolist() == [call_id]
    assert not ENGINE.compile([DETECT], "none").start().mask()[call_id]
    assert not ENGINE.compile([]).start().mask()[call_id]
    with pytest.raises(InputError, match="fits no bound tool"):
        ENGINE.compile([DETECT], "fly")
    with pytest.raises(InputError, match="bound: none"):
        chosen_tools([], "any")


def test_marker_that_is_no_special_token_cannot_start_text() -> None:
    engine = GrammarEngine(tiny_tokenizer(call_start=None))
    assert engine.style == CallFormat()
    state = engine.compile([CLOCK], "none").start()
    assert not state.mask()[token_id("{")]
    text = decode(sample(engine.compile([CLOCK], "any"), 1))
    assert json.loads(text) == {"name": "clock", "arguments": {}}
    literal = GrammarEngine(tiny_tokenizer(call_start="Tool: "))
    state = literal.compile([CLOCK], "none").start()
    for token in TOKENIZER.encode("Tool:", add_special_tokens=False):
        assert state.advance(token)
    assert not state.mask()[TOKENIZER.encode(" ", add_special_tokens=False)[0]]


def test_chinese_text_is_always_whole_characters() -> None:
    state = ENGINE.compile([]).start()
    for token in TOKENIZER.encode("我", add_special_tokens=False)[:-1]:
        assert state.advance(token)
    assert not state.mask()[EOS]


def test_after_a_call_only_the_end_may_come() -> None:
    state = ENGINE.compile([CLOCK], "any").start()
    for token in TOKENIZER.encode(
        '<|call|>{"name":"clock","arguments":{}}', add_special_tokens=False
    ):
        assert state.advance(token)
    assert state.mask().nonzero().flatten().tolist() == [EOS]
    assert state.advance(EOS) and state.finished


def test_several_calls_where_they_are_allowed() -> None:
    grammar = ENGINE.compile([CLOCK], "any", parallel=True)
    counts = set()
    for seed in range(12):
        calls = parse_calls(decode(sample(grammar, seed)), ENGINE.style, [CLOCK])
        assert not any(call.error for call in calls)
        counts.add(len(calls))
    assert 1 < max(counts) <= MAX_PARALLEL


@pytest.mark.parametrize("budget", [50, 80])
def test_a_call_ends_within_its_budget(budget: int) -> None:
    tools = [DETECT, HARD]
    grammar = ENGINE.compile(tools, "any")
    budget += grammar.ending
    for seed in range(5):
        generator, state = random.Random(seed), grammar.start()
        tokens: list[int] = []
        while not state.finished:
            allowed = state.mask(budget - len(tokens)).nonzero().flatten().tolist()
            tokens.append(generator.choice(allowed))
            state.advance(tokens[-1])
        assert len(tokens) <= budget
        assert parse_call(decode(tokens[:-1]), ENGINE.style, tools).error == ""


def test_an_answer_of_a_schema() -> None:
    schema = {"type": "object", "properties": {"n": {"enum": [1, 2]}}, "required": ["n"]}
    assert json.loads(decode(sample(ENGINE.compile(schema=schema), 0)))["n"] in (1, 2)


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "number", "multipleOf": 0.1}, 0.3, 0.35),
        ({"type": "array", "uniqueItems": True, "items": {"enum": [1, 2]}}, [1, 2], [1, 1]),
        ({"type": "string", "pattern": "^a+$"}, "aa", "ab"),
        ({"$ref": "http://127.0.0.1:9/schema"}, None, 1),
    ],
)
def test_values_are_checked(schema: dict, good: object, bad: object) -> None:
    assert problem(bad, schema)
    if "$ref" not in schema:  # nothing is fetched, so nothing satisfies it
        assert not problem(good, schema)


def test_a_hostile_pattern_does_not_hang() -> None:
    assert problem("a" * 200 + "b", {"pattern": "^(a|a)*(a|a)*(a|aa)+$"})


def test_unique_choices_are_written_out() -> None:
    bounded = bound_schema(
        {"type": "array", "uniqueItems": True, "minItems": 1, "items": {"enum": ["a", "b"]}}
    )
    assert bounded["enum"] == [["a"], ["b"], ["a", "b"]]
    loose = bound_schema({"type": "array", "uniqueItems": True, "items": {"type": "string"}})
    assert loose["maxItems"] == 1


def test_processor_masks_each_row_by_its_own_grammar() -> None:
    grammars = [ENGINE.compile([CLOCK], "any"), ENGINE.compile([])]
    processor = GrammarLogitsProcessor(grammars, prompt_length=2)
    prompt = torch.tensor([[1, 3], [1, 3]])
    scores = processor(prompt, torch.zeros(2, 512))
    call_id = token_id("<|call|>")
    assert scores[0].isfinite().nonzero().flatten().tolist() == [call_id]
    assert scores[1, call_id] == float("-inf")
    with pytest.raises(InputError, match="beams"):
        processor(torch.ones(4, 3, dtype=torch.long), torch.zeros(4, 512))


def test_bounded_schema_is_never_wider() -> None:
    schema = HARD["function"]["parameters"]
    bounded = bound_schema(schema)
    assert bounded["properties"]["text"]["maxLength"] > 0
    assert bounded["properties"]["count"]["minimum"] == 4  # inclusive, a step further
    assert "$ref" not in json.dumps(bounded)
    jsonschema.Draft202012Validator.check_schema(bounded)


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"$ref": "#/$defs/missing"}, "does not hold"),
        ({"$ref": "#"}, "circle"),
        (
            {
                "$defs": {
                    "N": {
                        "type": "object",
                        "properties": {"n": {"$ref": "#/$defs/N"}},
                        "required": ["n"],
                    }
                },
                "$ref": "#/$defs/N",
            },
            "without an end",
        ),
        ({"type": "nonsense"}, "unknown type"),
        ({"anyOf": [{"$ref": "#"}]}, "without an end|more than"),
        (
            {
                "$defs": {
                    f"L{i}": {
                        "type": "object",
                        "properties": {k: {"$ref": f"#/$defs/L{i + 1}"} for k in "abcdefgh"},
                    }
                    for i in range(7)
                }
                | {"L7": {"type": "null"}},
                "$ref": "#/$defs/L0",
            },
            "more than 5000 parts",
        ),
        ({"properties": 3}, "malformed"),
    ],
)
def test_hostile_schemas_are_refused(schema: dict, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        bound_schema(schema)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("<|call|>{", "not valid JSON"),
        ('<|call|>["detect"]', "not an object"),
        ('<|call|>{"name":"fly","arguments":{}}', "no tool called fly"),
        ('<|call|>{"name":"detect","arguments":{"kind":"sun"}}', "'sun' is not one of"),
    ],
)
def test_bad_calls_are_named(text: str, error: str) -> None:
    assert error in parse_call(text, ENGINE.style, [DETECT]).error


@pytest.mark.parametrize("names", [(), ("room",), ("room", "roof", "size")])
@pytest.mark.parametrize("least", [0, 1])
def test_a_name_in_a_map_cannot_become_too_long_to_end(names: tuple[str, ...], least: int) -> None:
    """A model that writes letters for ever must be stopped within the name, not by its budget."""
    scores = {
        "type": "object",
        "properties": {name: {"type": "string"} for name in names},
        "additionalProperties": {"type": "integer"},
        "minProperties": least,
    }
    parameters = {"type": "object", "properties": {"m": scores}, "required": ["m"]}
    tool = {"type": "function", "function": {"name": "note", "parameters": parameters}}
    engine = GrammarEngine(tiny_tokenizer(), vocab_size=512)
    state = engine.compile([tool], "any").start()
    style, tokens = engine.style, engine._tokenizer
    for token in tokens.tokenize_str(f'{style.start}{{"name":"note","{style.arguments}":{{"m":{{"'):
        assert state.advance(token)
    [letter] = tokens.tokenize_str("r")
    written = 0
    while state.mask()[letter]:
        assert state.advance(letter)
        written += 1
        assert written <= 64
    allowed = state.mask().nonzero()[:, 0].tolist()
    assert written == 64 and allowed
    assert all(str(TOKENIZER.decode([token])).startswith('"') for token in allowed)

"""What a grammar may say is valid by the schema that was given, and most of what is valid, sayable.

Values are held to the grammar itself, compiled by llguidance from the bounded schema.
"""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llguidance import LLMatcher, LLTokenizer

from sensebind.errors import ConfigurationError
from sensebind.tools.json_schema import bounded, problem

TOKENIZER = LLTokenizer("byte")
STYLE = {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}
TEXT, WHOLE = {"type": "string"}, {"type": "integer"}


def compiled(schema: Any) -> LLMatcher:
    """The grammar of a schema."""
    style = {**bounded(schema).schema, "x-guidance": STYLE}
    matcher = LLMatcher(TOKENIZER, LLMatcher.grammar_from_lark(f"start: %json {json.dumps(style)}"))
    assert not matcher.is_error(), matcher.get_error()
    return matcher


def says(schema: Any, value: Any, start: LLMatcher | None = None) -> bool:
    """Whether the grammar of a schema lets a value through, as it is written."""
    matcher = (start or compiled(schema)).deep_copy()
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    tokens = TOKENIZER.tokenize_str(text)
    return matcher.try_consume_tokens(tokens) == len(tokens) and matcher.is_accepting()


def thing(properties: dict[str, Any], required: list[str] | None = None, **more: Any) -> dict:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
        **more,
    }


CASES = {
    "map": ({"type": "object", "additionalProperties": TEXT}, [{"a": "b"}, {}], [{"a": 1}]),
    "free object": ({"type": "object"}, [{"a": 1}, {"a": ["x"]}], ["x"]),
    "map with a least size": (
        {"type": "object", "additionalProperties": WHOLE, "minProperties": 1},
        [{"k": 1}],
        [{}],
    ),
    "names by pattern": (
        {"type": "object", "patternProperties": {"^r_": WHOLE}, "additionalProperties": False},
        [{"r_1": 1}],
        [{"r_1": "x"}, {"a": 1}],
    ),
    "names by two patterns that overlap": (
        {"type": "object", "patternProperties": {"^a": WHOLE, "b$": {"minimum": 5}}},
        [{"ab": 7}],
        [{"ab": 2}, {"ab": "x"}],
    ),
    "names by propertyNames": (
        {"type": "object", "propertyNames": {"maxLength": 2}},
        [{"ab": 1}],
        [{"abc": 1}],
    ),
    "named and further": (
        thing({"a": WHOLE}, additionalProperties=TEXT),
        [{"a": 1, "b": "x"}],
        [{"a": 1, "b": 2}],
    ),
    "tuple": (
        {"type": "array", "prefixItems": [TEXT, WHOLE], "items": False},
        [["a", 2], ["a"], []],
        [[2, "a"], ["a", 2, 3]],
    ),
    "tuple of draft 7": (
        {"type": "array", "items": [{"type": "number"}] * 2, "minItems": 2, "maxItems": 2},
        [[1.5, 2]],
        [["a", None], [1]],
    ),
    "siblings of oneOf": (
        thing({"id": WHOLE}, oneOf=[thing({"a": TEXT}), thing({"b": TEXT})]),
        [{"id": 1, "a": "s"}],
        [{"a": "s"}, {"id": 1, "a": "s", "b": "s"}],
    ),
    "allOf": ({"allOf": [{"type": "integer", "minimum": 5}, {"minimum": 1}]}, [7], [2]),
    "allOf of a property": (
        {"allOf": [thing({"n": {"type": "integer", "minimum": 5}}), thing({"n": {"maximum": 9}})]},
        [{"n": 7}],
        [{"n": 1}, {"n": 10}],
    ),
    "reference with siblings": (
        {"$ref": "#/$defs/n", "maximum": 100, "$defs": {"n": {"type": "integer", "maximum": 10}}},
        [6],
        [50],
    ),
    "oneOf of ranges": (
        {"oneOf": [{"type": "integer", "maximum": 10}, {"type": "integer", "minimum": 5}]},
        [2, 11],
        [7],
    ),
    "not a word": (
        {"type": "string", "not": {"enum": ["admin", "add"]}},
        ["", "a", "adm", "admins", "x", "ad"],
        ["admin", "add"],
    ),
    "not a number": ({"type": "integer", "not": {"const": 3}, "minimum": 0}, [2, 4], [3]),
    "not required": (thing({"a": TEXT}, [], **{"not": {"required": ["a"]}}), [{}], [{"a": "x"}]),
    "if": (
        thing(
            {"k": {"enum": ["a", "b"]}, "v": TEXT},
            ["k"],
            **{"if": {"properties": {"k": {"const": "a"}}}, "then": {"required": ["v"]}},
        ),
        [{"k": "b"}, {"k": "a", "v": "x"}],
        [{"k": "a"}],
    ),
    "dependentRequired": (
        thing({"a": TEXT, "b": TEXT}, [], dependentRequired={"a": ["b"]}),
        [{"b": "x"}, {"a": "x", "b": "y"}, {}],
        [{"a": "x"}],
    ),
    "contains": (
        {"type": "array", "items": WHOLE, "contains": {"const": 1}},
        [[1, 2], [2, 3, 1]],
        [[2], []],
    ),
    "at most two": (
        {"type": "array", "items": WHOLE, "contains": {"const": 1}, "maxContains": 2},
        [[1], [1, 1, 2]],
        [[1, 1, 1], []],
    ),
    "enum by type": ({"type": "string", "enum": ["a", None, 3]}, ["a"], [3, None]),
    "exclusive bounds": (
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.5},
        [0.25, 0.4999],
        [0, 0.5, 0.0],
    ),
    "exclusive in draft 4": ({"type": "integer", "minimum": 1, "exclusiveMinimum": True}, [2], [1]),
    "narrow range": ({"type": "number", "exclusiveMinimum": 0, "maximum": 0.0002}, [0.00015], [0]),
    "anchor": ({"$ref": "#lamp", "$defs": {"l": {"$anchor": "lamp", "const": 1}}}, [1], [2]),
    "recursion": (
        {
            "$ref": "#/$defs/t",
            "$defs": {
                "t": thing(
                    {"v": WHOLE, "c": {"type": "array", "items": {"$ref": "#/$defs/t"}}}, ["v"]
                )
            },
        },
        [{"v": 1, "c": [{"v": 2}]}],
        [{"c": []}],
    ),
    "unevaluated": (
        {**thing({"a": WHOLE}), "allOf": [thing({"b": WHOLE}, [])], "unevaluatedProperties": False},
        [{"a": 1, "b": 2}],
        [{"a": 1, "c": 2}],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_valid_can_be_said_and_nothing_else(name: str) -> None:
    schema, valid, invalid = CASES[name]
    assert not bounded(schema).later
    for value in valid:
        assert not problem(value, schema) and says(schema, value), value
    for value in invalid:
        assert problem(value, schema) and not says(schema, value), value


@pytest.mark.parametrize(
    ("low", "high", "steps"),
    [(0, 25, {}), (-25, 25, {}), (-125, -50, {}), (50, 75, {"multipleOf": 0.05}), (-7, 3333, {})],
)
def test_numbers_between_bounds_can_be_written_with_fewer_digits_than_a_bound(
    low: int, high: int, steps: dict[str, float]
) -> None:
    schema = {"type": "number", "minimum": low / 100, "maximum": high / 100, **steps}
    start = compiled(schema)
    for hundredths in range(low - 30, high + 30):
        value = hundredths / 100 if hundredths % 100 else hundredths // 100
        assert says(schema, value, start) is not bool(problem(value, schema)), value


def test_a_number_that_is_excluded_stays_out_where_it_begins_like_a_bound() -> None:
    schema = {"type": "number", "minimum": 0, "maximum": 0.125, "not": {"const": 0.1}}
    assert [value for value in (0.1, 0.12, 0.11, 0.125) if says(schema, value)] == [
        0.12,
        0.11,
        0.125,
    ]


@pytest.mark.parametrize(
    ("schema", "keyword"),
    [
        ({"type": "string", "pattern": "(?=.*a)b"}, "pattern"),
        ({"type": "string", "not": {"pattern": "^a"}}, "not"),
        ({"type": "array", "uniqueItems": True, "items": WHOLE, "minItems": 2}, "uniqueItems"),
        ({"type": "object", "additionalProperties": WHOLE, "minProperties": 2}, "minProperties"),
        ({"type": "number", "not": {"multipleOf": 3}}, "not"),
    ],
)
def test_what_no_grammar_says_is_named(schema: dict[str, Any], keyword: str) -> None:
    assert bounded(schema).later == {keyword}


@pytest.mark.parametrize(
    "schema",
    [
        False,
        {"allOf": [TEXT, WHOLE]},
        {"enum": []},
        {"type": "integer", "minimum": 2, "maximum": 1},
        thing({"a": False}),
        {"type": "array", "minItems": 3, "maxItems": 2},
    ],
)
def test_nothing_is_refused_by_name(schema: Any) -> None:
    with pytest.raises(ConfigurationError, match="nothing satisfies"):
        bounded(schema)


def test_names_by_pattern_that_other_keywords_limit_are_checked_afterwards() -> None:
    schema = {
        "type": "object",
        "patternProperties": {"^r_": WHOLE},
        "propertyNames": {"maxLength": 4},
        "additionalProperties": False,
        "minProperties": 1,
    }
    assert "propertyNames" in bounded(schema).later
    assert says(schema, {"r_1": 1}) and not says(schema, {"a": 1}) and not says(schema, {})
    assert not problem({"r_1": 1}, schema) and problem({"r_long": 1}, schema)


def test_what_no_grammar_was_found_for_is_not_called_impossible() -> None:
    with pytest.raises(ConfigurationError, match=r"can be written as a grammar .*number"):
        bounded({"type": "number", "exclusiveMinimum": 2e15})
    with pytest.raises(ConfigurationError, match="nothing satisfies the schema"):
        bounded({"type": "number", "minimum": 2, "maximum": 1})


@pytest.mark.parametrize(
    ("choices", "same", "apart"),
    [
        ([1, 1.0, "a"], [1, 1.0], [1, "a"]),
        ([True, 1], [1, 1], [True, 1]),
        ([0, False, 0.0], [0, 0.0], [0, False]),
        ([[1], [1.0], [True]], [[1], [1.0]], [[1], [True]]),
        ([{"a": 1}, {"a": 1.0}, {}], [{"a": 1}, {"a": 1.0}], [{"a": 1}, {}]),
    ],
)
def test_unique_items_differ_as_json(choices: list[Any], same: list[Any], apart: list[Any]) -> None:
    """JSON Schema core, 4.2.2: 1 is 1.0, and neither is true."""
    schema = {"type": "array", "items": {"enum": choices}, "uniqueItems": True}
    assert says(schema, apart) and not says(schema, same)
    assert problem(same, schema) and not problem(apart, schema)
    assert not any(problem(one, schema) for one in bounded(schema).schema["enum"])


def test_lists_that_python_holds_for_equal_do_not_hide_equal_ones() -> None:
    assert problem([[1], [True], [1]], {"uniqueItems": True})
    assert not problem([[1], [True], [0], [False]], {"uniqueItems": True})


@pytest.mark.parametrize("keyword", ["const", "enum"])
@pytest.mark.parametrize("draft", ["draft-04", "draft-06", "draft-07", "2020-12"])
def test_values_are_compared_as_json(keyword: str, draft: str) -> None:
    stem = "https://json-schema.org/draft/" if draft == "2020-12" else "http://json-schema.org/"
    schema: dict[str, Any] = {"$schema": f"{stem}{draft}/schema"}
    if (keyword, draft) == ("const", "draft-04"):
        return  # it has no such keyword
    for listed, equal, other in (
        (1, 1.0, True),
        (False, False, 0),
        ([1], [1.0], [True]),
        ({"a": [0]}, {"a": [0.0]}, {"a": [False]}),
    ):
        schema[keyword] = listed if keyword == "const" else [listed]
        assert not problem(equal, schema) and problem(other, schema)


def test_a_named_draft_is_followed() -> None:
    draft7 = "http://json-schema.org/draft-07/schema#"
    alone = {
        "$schema": draft7,
        "$ref": "#/definitions/n",
        "maximum": 1,
        "definitions": {"n": {"type": "integer", "maximum": 9}},
    }
    assert not problem(5, alone) and says(alone, 5)  # what stands next to $ref is ignored there
    newer = {**alone, "$schema": "https://json-schema.org/draft/2020-12/schema"}
    assert problem(5, newer) and not says(newer, 5)
    assert problem("a\n", {"pattern": "^a$"})  # ECMA-262: `$` is the end


NUMBERS = st.integers(-20, 20)
LEAVES = st.one_of(
    st.fixed_dictionaries({"type": st.sampled_from(["integer", "string", "boolean", "null"])}),
    st.fixed_dictionaries({"minimum": NUMBERS}),
    st.fixed_dictionaries({"maximum": NUMBERS, "type": st.just("integer")}),
    st.fixed_dictionaries({"enum": st.lists(NUMBERS, min_size=1, max_size=3)}),
    st.fixed_dictionaries({"required": st.just(["a"])}),
)
SCHEMAS = st.recursive(
    LEAVES,
    lambda one: st.one_of(
        st.fixed_dictionaries({"not": one}),
        st.fixed_dictionaries({"oneOf": st.lists(one, min_size=1, max_size=2)}),
        st.fixed_dictionaries({"allOf": st.lists(one, min_size=1, max_size=2)}),
        st.fixed_dictionaries({"if": one, "then": one, "else": one}),
        st.fixed_dictionaries({"properties": st.fixed_dictionaries({"a": one})}),
        st.fixed_dictionaries({"items": one, "type": st.just("array")}),
    ),
    max_leaves=3,
)
VALUES = [None, True, 0, 3, -7, 25, "", "x", [], [0], [3, "x"], {}, {"a": 0}, {"a": "x"}]


@settings(max_examples=25, deadline=None)
@given(SCHEMAS)
def test_no_schema_is_wider_in_silence(schema: dict[str, Any]) -> None:
    try:
        found = bounded(schema)
    except ConfigurationError:
        return
    if not found.later:
        start = compiled(schema)
        assert [v for v in VALUES if problem(v, schema) and says(schema, v, start)] == []

"""Checks of values against JSON Schema, and what a schema's dialect changes in its meaning.

A schema that names its dialect in `$schema` is read by that draft. One that names none is read as
draft 2020-12, together with the older forms that people still write: lists in `items`,
`additionalItems`, `dependencies`, and booleans in `exclusiveMinimum` and `exclusiveMaximum`.
References are looked up in the schema and in JSON Schema's own meta-schemas; nothing is fetched.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import jsonschema
import regex
from jsonschema.validators import extend
from jsonschema_specifications import REGISTRY
from referencing import Specification
from referencing import jsonschema as drafts
from referencing.exceptions import Unresolvable

from sensebind.tools.json_schema.equality import json_key

PATTERN_SECONDS = 0.2
MAX_ARGUMENTS = 64 * 1024  # characters of a call's arguments, as JSON

_Errors = Iterator[jsonschema.ValidationError]


@dataclass(frozen=True, slots=True)
class Dialect:
    """A draft of JSON Schema.

    Attributes:
        validator: Class of jsonschema that checks values.
        specification: How `referencing` finds ids and anchors.
        reference_alone: Whether keywords next to `$ref` are ignored (draft 7 and older).
        tuples: Whether a list in `items` is a tuple (2019-09 and older, or no draft named).
    """

    validator: Any
    specification: Specification[Any]
    reference_alone: bool
    tuples: bool


def dialect_of(schema: Any) -> Dialect:
    """Returns the dialect that a schema names; the lenient one if it names none that is known."""
    named = schema.get("$schema") if isinstance(schema, Mapping) else None
    if isinstance(named, str):
        for identifier, dialect in _DIALECTS.items():
            if named.rstrip("#") == identifier:
                return dialect
    return _LENIENT_OLD if _old_forms(schema) else _LENIENT


def is_number(value: Any) -> bool:
    """Whether a value is a number of JSON; booleans are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def problem(value: Any, schema: Mapping[str, Any] | bool) -> str:
    """Says what is wrong with a value, in a few words; empty if it satisfies the schema."""
    dialect = dialect_of(schema)
    try:
        _shape_checker(schema, dialect).check_schema(schema)
        error = next(dialect.validator(schema, registry=REGISTRY).iter_errors(value), None)
    except jsonschema.SchemaError as bad:
        return f"the schema itself is wrong: {bad.message[:160]}"
    except RecursionError:
        return "the schema refers to itself without an end"
    except Unresolvable as bad:
        return f"the schema refers to something that it does not hold: {str(bad)[:160]}"
    if error is None:
        return ""
    if error.schema is False:
        error.message = "it must not be given"
    where = ".".join(str(part) for part in error.absolute_path)
    return f"{where + ': ' if where else ''}{error.message[:160]}"


def wrong_arguments(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Says why a tool cannot be called with some arguments; empty if it can.

    Args:
        arguments: Of a model, or of a person who has edited its call.
        schema: The tool's own schema, not the one that a grammar was made of.
    """
    size = len(json.dumps(arguments, ensure_ascii=False, default=str))
    if size > MAX_ARGUMENTS:
        return f"{size} characters of arguments are more than {MAX_ARGUMENTS}"
    return problem(arguments, schema)


def _shape_checker(schema: Any, dialect: Dialect) -> Any:
    """The draft whose meta-schema the schema must satisfy."""
    if dialect is not _LENIENT_OLD:
        return dialect.validator
    exclusive = "exclusive" in _old_forms(schema)
    return jsonschema.Draft4Validator if exclusive else jsonschema.Draft7Validator


def _old_forms(node: Any, depth: int = 0) -> set[str]:
    """Which older forms a schema uses; `exclusive` are boolean bounds."""
    found: set[str] = set()
    if depth > 64:
        return found
    if isinstance(node, Mapping):
        if isinstance(node.get("items"), list) or isinstance(node.get("dependencies"), Mapping):
            found.add("items")
        if isinstance(node.get("exclusiveMinimum"), bool) or isinstance(
            node.get("exclusiveMaximum"), bool
        ):
            found.add("exclusive")
        for child in node.values():
            found |= _old_forms(child, depth + 1)
    elif isinstance(node, list):
        for child in node:
            found |= _old_forms(child, depth + 1)
    return found


# --- patterns ------------------------------------------------------------------------------------


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> Any:
    """A pattern as ECMA-262 means it: `$` is the end, not the place before a last line break."""
    text, at, inside = [], 0, False
    while at < len(pattern):
        one = pattern[at]
        if one == "\\":
            text.append(pattern[at : at + 2])
            at += 2
            continue
        inside = (one == "[" or inside) and one != "]"
        text.append(r"\Z" if one == "$" and not inside else one)
        at += 1
    return regex.compile("".join(text))


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern is found in a text, within `PATTERN_SECONDS`.

    Raises:
        ValueError: The pattern is not a regular expression, or took too long.
    """
    try:
        return bool(_compiled(pattern).search(text, timeout=PATTERN_SECONDS))
    except (TimeoutError, regex.error) as error:
        raise ValueError(f"the pattern {pattern[:80]!r} cannot be used: {error}") from error


# --- keywords that jsonschema checks otherwise than we need --------------------------------------


def _multiple_of(_: Any, step: Any, value: Any, __: Any) -> _Errors:
    """Exact on decimals: 0.3 is a multiple of 0.1, whatever their floats say."""
    if is_number(value) and Fraction(str(value)) % Fraction(str(step)):
        yield jsonschema.ValidationError(f"{value} is not a multiple of {step}")


def _pattern(_: Any, pattern: str, value: Any, __: Any) -> _Errors:
    """With a time limit: a hostile pattern can take for ever."""
    if not isinstance(value, str):
        return
    try:
        if not matches(pattern, value):
            yield jsonschema.ValidationError(f"{value!r} does not match {pattern!r}")
    except ValueError as error:
        yield jsonschema.ValidationError(str(error))


def _pattern_properties(validator: Any, patterns: Any, value: Any, _: Any) -> _Errors:
    if not validator.is_type(value, "object"):
        return
    for pattern, schema in patterns.items():
        for name, one in value.items():
            try:
                if matches(pattern, name):
                    yield from validator.descend(one, schema, path=name, schema_path=pattern)
            except ValueError as error:
                yield jsonschema.ValidationError(str(error))


def _additional_properties(validator: Any, additional: Any, value: Any, node: Any) -> _Errors:
    if not validator.is_type(value, "object"):
        return
    named, patterns = node.get("properties", {}), node.get("patternProperties", {})
    for name, one in value.items():
        try:
            if name in named or any(matches(pattern, name) for pattern in patterns):
                continue
        except ValueError as error:
            yield jsonschema.ValidationError(str(error))
            continue
        if additional is False:
            yield jsonschema.ValidationError(f"{name!r} is not one of its properties")
        else:
            yield from validator.descend(one, additional, path=name)


def _unique_items(validator: Any, unique: Any, value: Any, _: Any) -> _Errors:
    """As JSON: jsonschema 4.26 sorts lists by Python's order, in which [1] is [true]."""
    compared = value if unique is True and validator.is_type(value, "array") else ()
    if len(set(map(json_key, compared))) < len(compared):
        yield jsonschema.ValidationError(f"{value!r} has equal items")


_OURS = {
    "uniqueItems": _unique_items,
    "multipleOf": _multiple_of,
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
}


def _items(validator: Any, items: Any, value: Any, node: Any) -> _Errors:
    """A list in `items` is a tuple; anything else is for what follows `prefixItems`."""
    if not validator.is_type(value, "array"):
        return
    if isinstance(items, list):
        for index, (one, schema) in enumerate(zip(value, items, strict=False)):
            yield from validator.descend(one, schema, path=index, schema_path=index)
        return
    for index in range(len(node.get("prefixItems", ())), len(value)):
        if items is False:
            yield jsonschema.ValidationError(f"expected at most {index} items")
            return
        yield from validator.descend(value[index], items, path=index)


def _additional_items(validator: Any, additional: Any, value: Any, node: Any) -> _Errors:
    items = node.get("items")
    if validator.is_type(value, "array") and isinstance(items, list):
        for index in range(len(items), len(value)):
            yield from validator.descend(value[index], additional, path=index)


def _dependencies(validator: Any, dependencies: Any, value: Any, _: Any) -> _Errors:
    if not validator.is_type(value, "object"):
        return
    for name, needed in dependencies.items():
        if name not in value:
            continue
        if isinstance(needed, list):
            for other in needed:
                if other not in value:
                    yield jsonschema.ValidationError(f"{name!r} needs {other!r}")
        else:
            yield from validator.descend(value, needed, schema_path=name)


def _bound(keyword: str) -> Any:
    low = keyword.endswith("inimum")
    plain = "minimum" if low else "maximum"

    def check(_: Any, bound: Any, value: Any, node: Any) -> _Errors:
        exclusive = keyword != plain
        if isinstance(bound, bool):  # `exclusiveMinimum: true`, the form of draft 4
            bound, exclusive = (node.get(plain) if bound else None), True
        if not is_number(value) or not is_number(bound):
            return
        within = value > bound if low else value < bound
        if not within and (exclusive or value != bound):
            sign = (">" if low else "<") + ("" if exclusive else "=")
            yield jsonschema.ValidationError(f"{value} is not {sign} {bound}")

    return check


_OLD_FORMS = {
    "items": _items,
    "additionalItems": _additional_items,
    "dependencies": _dependencies,
    **{one: _bound(one) for one in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")},
}


def _dialect(base: Any, specification: Specification[Any], **flags: bool) -> Dialect:
    return Dialect(extend(base, _OURS), specification, **flags)


_OLD = {"reference_alone": True, "tuples": True}
_DIALECTS: dict[str, Dialect] = {
    "http://json-schema.org/draft-03/schema": _dialect(
        jsonschema.Draft3Validator, drafts.DRAFT3, **_OLD
    ),
    "http://json-schema.org/draft-04/schema": _dialect(
        jsonschema.Draft4Validator, drafts.DRAFT4, **_OLD
    ),
    "http://json-schema.org/draft-06/schema": _dialect(
        jsonschema.Draft6Validator, drafts.DRAFT6, **_OLD
    ),
    "http://json-schema.org/draft-07/schema": _dialect(
        jsonschema.Draft7Validator, drafts.DRAFT7, **_OLD
    ),
    "https://json-schema.org/draft/2019-09/schema": _dialect(
        jsonschema.Draft201909Validator, drafts.DRAFT201909, reference_alone=False, tuples=True
    ),
    "https://json-schema.org/draft/2020-12/schema": _dialect(
        jsonschema.Draft202012Validator, drafts.DRAFT202012, reference_alone=False, tuples=False
    ),
}
_ANY = {"reference_alone": False, "tuples": True}
_LENIENT = Dialect(
    extend(jsonschema.Draft202012Validator, {**_OURS, **_OLD_FORMS}), drafts.DRAFT202012, **_ANY
)
_LENIENT_OLD = Dialect(  # `referencing` fails on a list in `items` of draft 2020-12
    extend(
        jsonschema.Draft201909Validator,
        {
            "prefixItems": jsonschema.Draft202012Validator.VALIDATORS["prefixItems"],
            **_OURS,
            **_OLD_FORMS,
        },
    ),
    drafts.DRAFT201909,
    **_ANY,
)

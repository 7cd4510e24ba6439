"""Schemas of an OpenAPI document as JSON Schema 2020-12 that stands by itself."""

from collections.abc import Iterator, Mapping
from typing import Any

from sensebind.errors import InputError
from sensebind.tools.json_schema.references import POINTERS, look_up, registry_of

_STEPS = 8  # references that lead to references
# Keywords whose values are schemas: by name, in a list, or one.
_BY_NAME = frozenset(
    {"properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"}
)
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_ONE = frozenset(
    {
        "items",
        "additionalProperties",
        "not",
        "if",
        "then",
        "else",
        "contains",
        "propertyNames",
        "additionalItems",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
# Of these, what is said of the same value, and not of one inside of it.
_SAME_BY_NAME = frozenset({"dependentSchemas", "dependencies"})
_DROPPED = frozenset(
    {
        "title",
        "example",
        "examples",
        "xml",
        "externalDocs",
        "discriminator",
        "nullable",
        "readOnly",
        "writeOnly",
        "deprecated",
    }
)


class Document:
    """An OpenAPI document whose references are followed; each is looked up once.

    Attributes:
        root: The document.
    """

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root = root
        registry, base = registry_of(root, POINTERS)
        self._resolver = registry.resolver(base)
        self._known: dict[str, Any] = {}

    def look_up(self, reference: str, what: str) -> Any:
        """Returns what a reference leads to.

        Args:
            reference: Value of a `$ref`.
            what: Where it stands, for errors.

        Raises:
            InputError: It leads out of the document, or nowhere in it.
        """
        if reference not in self._known:
            if not reference.startswith("#"):
                raise InputError(
                    f"the API document's {what} refers to {reference[:120]}, outside of the "
                    "document: bundle it into one file"
                )
            try:
                self._known[reference] = look_up(self._resolver, reference).contents
            except LookupError as error:
                raise InputError(
                    f"the API document's {what} refers to {reference[:120]}, which it does not hold"
                ) from error
        return self._known[reference]

    def pointed(self, node: Any, what: str) -> Mapping[str, Any]:
        """Follows `$ref` to a component, a few steps at most.

        Args:
            node: An object of the document.
            what: What it is, for errors.

        Raises:
            InputError: Something is not an object, lies outside of the document, or references go
                in a circle.
        """
        for _ in range(_STEPS):
            if not isinstance(node, Mapping):
                raise InputError(f"the API document's {what} is or refers to what is not an object")
            if "$ref" not in node:
                return node
            node = self.look_up(str(node["$ref"]), what)
        raise InputError(f"the API document's references go in a circle at {what}")


class SchemaReader:
    """Copies schemas out of a document for one operation.

    What they refer to is collected in `definitions`. OpenAPI 3.0's own forms are rewritten:
    `nullable`, and booleans in `exclusiveMinimum` and `exclusiveMaximum`; what stands next to a
    `$ref` is ignored there. Properties that are `readOnly` are the answer's (OpenAPI 3.0.4,
    "readOnly"; JSON Schema validation 2020-12, 9.4): nothing satisfies them, also where another
    schema of the same object is open, and `required` does not count for them. `writeOnly` says
    nothing of requests.

    Attributes:
        definitions: Name to schema, for `$defs`.
        what: Name of the operation, for errors.
    """

    def __init__(self, document: Document, what: str) -> None:
        """Reads nothing yet.

        Args:
            document: OpenAPI 3 document.
            what: Name of the operation, for errors.
        """
        self.definitions: dict[str, Any] = {}
        self._document = document
        self.what = what
        self._old = str(document.root.get("openapi", "")).startswith("3.0")
        self._names: dict[tuple[str, frozenset[str] | None], str] = {}

    def resolved(self, node: Any) -> Any:
        """Follows the references of a schema itself, not those within it."""
        if isinstance(node, bool):
            return node
        if isinstance(node, Mapping) and "$ref" in node:
            if self._old or node.keys() <= {"$ref", "description", "title", "summary"}:
                target = self._document.look_up(str(node["$ref"]), self.what)
                if isinstance(target, bool):
                    return target
            else:
                return node
        return self._document.pointed(node, self.what)

    def read_followed(self, node: Any) -> Any:
        """Returns a schema as `read` does, with its own reference followed.

        Raises:
            InputError: As `read`.
        """
        target = self.resolved(node)
        found = self.read(target)
        reference = str(node["$ref"]) if isinstance(node, Mapping) and "$ref" in node else ""
        inherited = self._inherited(reference, target) if target is not node else []
        return {"allOf": [found, *inherited]} if inherited else found

    def read(self, node: Any, above: frozenset[str] | None = frozenset()) -> Any:
        """Returns a schema as JSON Schema.

        Args:
            node: Of the document.
            above: Properties of the same value that other schemas hold to be the answer's. None
                within `not` and `if`, which are asked of a value and say nothing of it.

        Raises:
            InputError: It is not a schema, or refers to what is not there.
        """
        if isinstance(node, bool):
            return node
        if not isinstance(node, Mapping):
            raise InputError(f"{self.what} has a schema that is not an object: {str(node)[:60]}")
        answers = None if above is None else above | self._answers(node)
        inner = None if above is None else frozenset[str]()
        if "$ref" in node and self._old:
            return {"$ref": self._reference(str(node["$ref"]), answers)}
        found: dict[str, Any] = {}
        for key, value in node.items():
            if key in _DROPPED or str(key).startswith("x-"):
                continue
            if key == "$ref":
                found[key] = self._reference(str(value), answers)
            elif key == "properties" and isinstance(value, Mapping):
                found[key] = {
                    name: False
                    if answers is not None and self._read_only(one)
                    else self.read(one, inner)
                    for name, one in value.items()
                }
            elif key in _BY_NAME and isinstance(value, Mapping):
                found[key] = {
                    name: one
                    if isinstance(one, list)
                    else self.read(one, answers if key in _SAME_BY_NAME else inner)
                    for name, one in value.items()
                }
            elif key in _LISTS and isinstance(value, list):
                same = answers if key != "prefixItems" else inner
                found[key] = [self.read(one, same) for one in value]
            elif key in _ONE and isinstance(value, Mapping):
                same = answers if key in ("then", "else") else inner
                found[key] = self.read(value, None if key in ("not", "if") else same)
            elif key in _ONE and isinstance(value, list):
                found[key] = [self.read(one, inner) for one in value]
            elif value is not None or key in ("const", "default"):
                found[key] = value
        self._discriminated(node, found)
        if answers and isinstance(found.get("required"), list):
            found["required"] = [one for one in found["required"] if one not in answers]
        return self._of_openapi_3_0(node, found) if self._old else found

    def _discriminated(self, node: Mapping[str, Any], found: dict[str, Any]) -> None:
        """Makes the property of a Discriminator Object name the schema that it stands for.

        That is so for options of `oneOf` and `anyOf`, and for what has the schema with the
        discriminator in its `allOf` (OpenAPI 3.0.4 and 3.1.1, "Discriminator Object").
        """
        for union in ("oneOf", "anyOf"):
            rule, options = node.get("discriminator"), node.get(union)
            if not isinstance(rule, Mapping) or not isinstance(options, list):
                continue
            found[union] = [
                {"allOf": [read, one]} if (one := self._named(rule, option)) else read
                for option, read in zip(options, found[union], strict=True)
            ]

    def _inherited(self, reference: str, node: Any) -> list[dict[str, Any]]:
        """What discriminators say of a component: its own, and those of schemas in `allOf`."""
        if not isinstance(node, Mapping):
            return []
        found = [self._kinds(reference, node)]
        for base in node.get("allOf") or ():
            if not isinstance(base, Mapping) or "$ref" not in base or base["$ref"] == reference:
                continue
            rule = self._document.pointed(base, self.what).get("discriminator")
            if isinstance(rule, Mapping):
                found.append(self._named(rule, {"$ref": reference}))
        return [one for one in found if one]

    def _kinds(self, reference: str, node: Mapping[str, Any]) -> dict[str, Any] | None:
        """Names of all components that have one with a discriminator in their `allOf`."""
        rule = node.get("discriminator")
        if not isinstance(rule, Mapping) or "oneOf" in node or "anyOf" in node:
            return None
        stem = reference.rpartition("/")[0]
        components = self._document.look_up(stem, self.what)
        mapping = rule.get("mapping") or {}
        given = {str(target).rpartition("/")[2] for target in mapping.values()}
        names = [str(key) for key in mapping]
        for name, one in components.items() if isinstance(components, Mapping) else ():
            parts = one.get("allOf") if isinstance(one, Mapping) else None
            if name not in given and any({"$ref": reference} == part for part in parts or ()):
                names.append(str(name))
        field = str(rule.get("propertyName"))
        if field in self._answers(node):
            return None
        return {"properties": {field: {"enum": names}}, "required": [field]} if names else None

    def _named(self, rule: Mapping[str, Any], option: Any) -> dict[str, Any] | None:
        """The schema of an object whose property names a component; None if it is not one."""
        if not isinstance(option, Mapping) or "$ref" not in option:
            return None
        reference, field = str(option["$ref"]), str(rule.get("propertyName"))
        name = reference.rpartition("/")[2]
        if field in self._answers(option):
            return None  # a request does not say it
        own = self._document.pointed(option, self.what).get("properties") or {}
        pinned = own.get(field)
        if isinstance(pinned, Mapping) and ("const" in pinned or "enum" in pinned):
            return {"required": [field]}  # it says itself what it is called
        mapping = rule.get("mapping") or {}
        names = [str(key) for key, target in mapping.items() if str(target) in (reference, name)]
        return {"properties": {field: {"enum": names or [name]}}, "required": [field]}

    def _of_openapi_3_0(self, node: Mapping[str, Any], found: dict[str, Any]) -> dict[str, Any]:
        for bound, flag in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
            if isinstance(found.get(flag), bool) and found.pop(flag) and bound in found:
                found[flag] = found.pop(bound)
        if node.get("nullable") is not True:
            return found
        plain = not any(key in found for key in ("enum", "const", *_LISTS, "not"))
        if plain and isinstance(found.get("type"), str):
            return {**found, "type": [found["type"], "null"]}
        if "enum" in found and found.keys() <= {"type", "enum", "description", "default"}:
            kept = {key: value for key, value in found.items() if key != "type"}
            return {**kept, "enum": [*[v for v in found["enum"] if v is not None], None]}
        return {"anyOf": [found, {"type": "null"}]}

    def _read_only(self, node: Any) -> bool:
        """Whether a property is the answer's; also by a `$ref` or an `allOf` of it."""
        return any(one.get("readOnly") is True for one in self._parts(node))

    def _answers(self, node: Any) -> frozenset[str]:
        """Properties of an object that are the answer's, by any schema that it consists of."""
        return frozenset(
            str(name)
            for one in self._parts(node)
            for name, field in (one.get("properties") or {}).items()
            if self._read_only(field)
        )

    def _parts(self, node: Any) -> Iterator[Mapping[str, Any]]:
        """A schema, and those that hold for the same value: `$ref` and `allOf`, each once."""
        todo, met = [node], set[int]()
        while todo:
            one = todo.pop()
            if not isinstance(one, Mapping) or id(one) in met:
                continue
            met.add(id(one))
            if "$ref" in one:
                todo.append(self._document.look_up(str(one["$ref"]), self.what))
                if self._old:  # its siblings are ignored
                    continue
            yield one
            todo += one.get("allOf") or ()

    def _reference(self, reference: str, answers: frozenset[str] | None) -> str:
        key = reference, answers
        if key not in self._names:
            stem = "".join(c if c.isalnum() or c in "_-" else "_" for c in reference.split("/")[-1])
            name, number = stem or "root", 2
            while name in self._names.values():
                name, number = f"{stem}_{number}", number + 1
            self._names[key] = name
            self.definitions[name] = True  # while it is read, it may refer to itself
            node = self._document.look_up(reference, self.what)
            read, inherited = self.read(node, answers), self._inherited(reference, node)
            self.definitions[name] = {"allOf": [read, *inherited]} if inherited else read
        return f"#/$defs/{self._names[key]}"

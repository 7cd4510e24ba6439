"""How the parameters of an OpenAPI operation are written: `style`, `explode` and `content`.

The forms are those of RFC 6570, to which the OpenAPI specification refers (versions 3.0.4 and
3.1.1, "Style Values" and "Style Examples"), and `deepObject`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from sensebind.errors import InputError

PLACES = ("path", "query", "header", "cookie")
_DEFAULT_STYLE = {"path": "simple", "query": "form", "header": "simple", "cookie": "form"}
_STYLES = {
    "path": ("simple", "label", "matrix"),
    "query": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
    "header": ("simple",),
    "cookie": ("form",),
}
_DELIMITERS = {"spaceDelimited": "%20", "pipeDelimited": "%7C"}
_ENCODED = re.compile("(%[0-9A-Fa-f]{2})")
_RESERVED = "-._~:/?@!$'()*,;"  # kept with `allowReserved`; what divides a query stays encoded


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of an operation.

    Attributes:
        argument: Name of the tool's argument.
        name: Name in the request.
        place: `path`, `query`, `header` or `cookie`.
        style: One of OpenAPI's styles; `json` or `text` for a parameter with `content`.
        explode: Whether each item, or each property, is written by itself.
        reserved: Whether reserved characters are left as they are (`allowReserved`).
    """

    argument: str
    name: str
    place: str
    style: str
    explode: bool
    reserved: bool = False

    def pairs(self, value: Any) -> list[tuple[str, str]]:
        """Returns the encoded names and values of a query or of cookies; none for null.

        Raises:
            InputError: The style has no form for the value.
        """
        if value is None:
            return []
        key = quote(self.name, safe="-._~")
        if self.style in ("json", "text"):
            return [(key, self._quoted(_content(self.style, value)))]
        if self.style == "deepObject":
            if not isinstance(value, Mapping):
                raise InputError(f"{self.argument} must be an object")
            return [
                (quote(f"{self.name}[{name}]", safe="-._~"), self._scalar(one))
                for name, one in value.items()
                if one is not None
            ]
        delimiter = "," if self.explode else _DELIMITERS.get(self.style, ",")
        if isinstance(value, Mapping):
            parts = [
                (quote(str(name), safe="-._~"), self._scalar(one))
                for name, one in value.items()
                if one is not None
            ]
            if self.explode:
                return parts
            return [(key, delimiter.join(one for part in parts for one in part))] if parts else []
        if isinstance(value, list):
            items = [self._scalar(one) for one in value]
            if self.explode:
                return [(key, one) for one in items]
            return [(key, delimiter.join(items))] if items else []
        return [(key, self._scalar(value))]

    def segment(self, value: Any) -> str:
        """Returns what stands in the place of `{name}` in a path.

        Raises:
            InputError: The style has no form for the value, or a path none.
        """
        written = "" if value is None or value in ("", [], {}) else self._segment(value)
        if value in (".", "..") or written in ("", ".", ".."):  # these are other places
            raise InputError(f"{self.argument} cannot be {value!r}")
        return written

    def _segment(self, value: Any) -> str:
        if self.style in ("json", "text"):
            return self._quoted(_content(self.style, value))
        joint = "=" if self.explode else ","
        if isinstance(value, Mapping):
            items = [
                quote(str(name), safe="-._~") + joint + self._scalar(one)
                for name, one in value.items()
            ]
        else:
            items = [self._scalar(one) for one in (value if isinstance(value, list) else [value])]
        many = isinstance(value, Mapping | list)
        match self.style:
            case "label":
                return "." + ("." if self.explode else ",").join(items)
            case "matrix":
                name = quote(self.name, safe="-._~")
                if many and self.explode:
                    named = items if isinstance(value, Mapping) else [f"{name}={i}" for i in items]
                    return "".join(f";{one}" for one in named)
                return f";{name}={','.join(items)}"
        return ",".join(items)

    def header(self, value: Any) -> str:
        """Returns the value of a header, which is not percent-encoded.

        Raises:
            InputError: The style has no form for the value, or a header none.
        """
        if self.style in ("json", "text"):
            text = _content(self.style, value)
        elif isinstance(value, Mapping):
            joint = "=" if self.explode else ","
            text = ",".join(f"{name}{joint}{self._plain(one)}" for name, one in value.items())
        elif isinstance(value, list):
            text = ",".join(self._plain(one) for one in value)
        else:
            text = self._plain(value)
        if not text.isascii() or not text.isprintable():
            raise InputError(f"{self.argument} cannot be sent in a header: {text[:60]!r}")
        return text

    def _plain(self, value: Any) -> str:
        if isinstance(value, Mapping | list):
            raise InputError(
                f"{self.argument}: style {self.style} has no form for a value inside of a value"
            )
        return scalar(value)

    def _scalar(self, value: Any) -> str:
        return self._quoted(self._plain(value))

    def _quoted(self, text: str) -> str:
        if not self.reserved:
            return quote(text, safe="-._~")
        # OpenAPI 3.0.4 and 3.1.1, `allowReserved`: what is percent-encoded passes, too.
        parts = _ENCODED.split(text)
        return "".join(
            part if at % 2 else quote(part, safe=_RESERVED) for at, part in enumerate(parts)
        )


def scalar(value: Any) -> str:
    """Returns a value as text: `true`, `0.00001` (never `1e-05`), `3` for 3.0, `null`."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        text = format(Decimal(repr(value)), "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    return json.dumps(value, ensure_ascii=False)


def _content(style: str, value: Any) -> str:
    if style == "json":
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return scalar(value)


def read_parameter(node: Mapping[str, Any], argument: str) -> tuple[Parameter, Any]:
    """Reads a Parameter Object (references followed); returns it and its schema.

    Raises:
        InputError: Its style or content cannot be written.
    """
    name, place = str(node.get("name")), str(node.get("in"))
    if place not in PLACES:
        raise InputError(f"parameter {name} is in {place!r}, which is none of {', '.join(PLACES)}")
    if content := node.get("content"):
        media, of = next(iter(content.items()))
        kind = str(media).split(";")[0].strip().lower()
        if kind == "application/json" or kind.endswith("+json"):
            style = "json"
        elif kind.startswith("text/"):
            style = "text"
        else:
            raise InputError(f"parameter {name} is {media}, which cannot be written")
        schema = (of or {}).get("schema", True)
        return Parameter(argument, name, place, style, False), schema
    style = str(node.get("style") or _DEFAULT_STYLE[place])
    if style not in _STYLES[place]:
        raise InputError(f"parameter {name} has style {style}, which a {place} does not have")
    explode = node.get("explode")
    explode = style == "form" if explode is None else explode is True
    reserved = place == "query" and node.get("allowReserved") is True
    return Parameter(argument, name, place, style, explode, reserved), node.get("schema", True)

"""What the writers of one type need of the writer of whole schemas."""

from collections.abc import Sequence
from typing import Any, Protocol

from sensebind.tools.json_schema.facts import Facts, Part
from sensebind.tools.json_schema.normal_form import NormalForm


class Context(Protocol):
    """Bounds schemas.

    Attributes:
        normal: Writes schemas as alternatives.
        later: Takes keywords that are not enforced.
        cut: Takes words of what may be possible and is left out.
    """

    normal: NormalForm
    later: set[str]
    cut: set[str]

    def bound(self, parts: Sequence[Part], depth: int) -> dict[str, Any] | None:
        """Bounds schemas that hold together; None if nothing satisfies them."""
        ...

    def valid(self, value: Any, part: Part) -> bool:
        """Whether a value satisfies a schema."""
        ...


def looked_at_inside(facts: Facts, keyword: str, serial: int) -> bool:
    """Whether a schema inside of this one looks at all that is left."""
    return any(keyword == other and serial in scope[:-1] for other, _, scope in facts.unevaluated)

"""The one helper beside the error tree."""

import pytest

from sensebind.errors import ONE_LINE, one_line


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("a plain message"), "a plain message"),
        (ValueError("  first\n\tsecond \r\n third\n"), "first second third"),
        (ValueError(), "ValueError"),
        (EOFError(" \n "), "EOFError"),
        (KeyError("name"), "'name'"),
        (ValueError("x" * ONE_LINE), "x" * ONE_LINE),
        (ValueError("x" * (ONE_LINE + 1)), "x" * ONE_LINE + "…"),
    ],
)
def test_an_error_becomes_one_line(error: Exception, line: str) -> None:
    assert one_line(error) == line

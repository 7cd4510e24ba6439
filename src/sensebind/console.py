"""Where text is printed that may be coloured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


def console(stderr: bool = False, **options: Any) -> Console:
    """Return a console for text that may be coloured. Markup in what is printed is read.

    Other than rich's own it raises BrokenPipeError where the reader has gone, as `print` does.

    Args:
        stderr: Print to standard error.
        **options: Of rich's `Console`; by default nothing is highlighted, and long lines are not
            broken.
    """
    from rich.console import Console

    class Plain(Console):
        def on_broken_pipe(self) -> None:
            raise  # rich ends the process here, also that of a robot

    return Plain(stderr=stderr, **{"highlight": False, "soft_wrap": True, **options})

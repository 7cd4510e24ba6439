"""SenseBind: a streaming agent for assistant robots."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    __version__: str


def __getattr__(name: str) -> str:
    """Looks the version up when it is asked for; a command that does not print it need not wait."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("sensebind")
    except PackageNotFoundError:  # run from a source tree that was never installed
        return "0+unknown"

"""SenseBind: a streaming agent for assistant robots."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("sensebind")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"

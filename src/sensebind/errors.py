"""The error tree. Every message names what is wrong, where, and what to do about it.

No message shows a login: addresses in it are cleaned when the error is made.
"""

import errno

from sensebind.credentials import without_credentials

ONE_LINE = 300
"""Most characters of a library's error that a message of ours quotes."""
_PASSING = frozenset(
    {
        errno.EADDRINUSE,
        errno.EAGAIN,
        errno.EBUSY,
        errno.EDQUOT,
        errno.EINTR,
        errno.EIO,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.ENOSPC,
    }
)
_CHAIN = 16  # errors that led to an error, of which the numbers are looked at


class SenseBindError(Exception):
    """Base of all errors that SenseBind raises on purpose.

    Attributes:
        retryable: Whether the same call may succeed later without anybody changing anything.
    """

    retryable: bool = False

    def __init__(self, *args: object) -> None:
        super().__init__(
            *(without_credentials(one) if isinstance(one, str) else one for one in args)
        )


class InputError(SenseBindError):
    """Something given from outside (a file, an array, a flag, a message) cannot be used."""


class ConfigurationError(SenseBindError):
    """A configuration does not fit itself, the machine, or the checkpoint."""


class CheckpointError(SenseBindError):
    """A checkpoint is missing, damaged, or does not fit its configuration."""


class MissingDependencyError(SenseBindError):
    """An optional package or system library is not installed; the message names the extra."""


class SourceError(SenseBindError):
    """A source gave no usable observation."""

    retryable = True


class UnusableSourceError(SourceError):
    """A source cannot be opened, however often one tries: no such file, topic or stream."""

    retryable = False


class EndedError(SourceError):
    """A source has handed out everything that it had, such as a file at its end."""

    retryable = False


class UnfamiliarError(SourceError):
    """What a sensor perceives is of no kind that the weights know: nothing can be said of it."""


class StaleError(SourceError):
    """The newest observation or percept is older than the caller allows."""


class BusError(SenseBindError):
    """The percept bus cannot be used as asked (a port in use, a refused address)."""


class MessageError(BusError):
    """A message on the bus is malformed; it is counted and dropped."""


class ToolError(SenseBindError):
    """A tool could not do what it was asked; the model is told the message."""


class BlockedError(ToolError):
    """A movement ended before its end, as something is in the way; another way may be free."""


class LanguageModelError(SenseBindError):
    """A language model's server did not answer as it should; the next question may fare better."""

    retryable = True


class UnusableModelError(LanguageModelError):
    """A language model that cannot be used as it is: no server, a refused key, no such model."""

    retryable = False


class StorageError(SenseBindError):
    """Something could not be written or read back from disk; nothing half-written is left."""

    retryable = True


def one_line(error: BaseException) -> str:
    """Return what a library's error says as one line, to be quoted in a message of ours.

    Args:
        error: Any; one that says nothing is named by its type.

    Returns:
        Its words with single spaces between, no line break, at most `ONE_LINE` characters and an
        ellipsis where there were more.
    """
    lines = without_credentials(str(error))  # a secret may reach to the end of its line
    text = without_credentials(" ".join(lines.split())) or type(error).__name__
    return text if len(text) <= ONE_LINE else f"{text[:ONE_LINE]}…"


def is_passing(error: BaseException) -> bool:
    """Whether an error comes from a lack that may be over a moment later.

    Descriptors, memory or room on a disk are used up, an address is still in use by a process that
    is ending, a device answers with an input/output error. Nothing in a configuration is wrong
    then, and the same call may succeed when it is made again.

    Args:
        error: Any; the errors that it was raised from, or while handling, count as well.
    """
    one: BaseException | None = error
    for _ in range(_CHAIN):
        if one is None:
            return False
        if getattr(one, "errno", None) in _PASSING:
            return True
        one = one.__cause__ or one.__context__
    return False

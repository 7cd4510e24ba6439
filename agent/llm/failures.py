"""What a provider's client raises, as one of our errors with one line that says what to do.

Providers' packages share no base class. What they have in common is looked at: a `status_code`, and
the standard library's and the HTTP clients' names along the chain of causes.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensebind.errors import LanguageModelError, SenseBindError, UnusableModelError, one_line

_UNREACHABLE = frozenset({"ConnectError", "ConnectionRefusedError", "gaierror", "ConnectTimeout"})
_DROPPED = frozenset(
    {
        "RemoteProtocolError",
        "ReadError",
        "WriteError",
        "CloseError",
        "ConnectionResetError",
        "BrokenPipeError",
        "IncompleteRead",
        "IncompleteReadError",
        "ChunkedEncodingError",
    }
)
_LATE = frozenset({"ReadTimeout", "WriteTimeout", "PoolTimeout", "APITimeoutError", "TimeoutError"})
_FATAL = {
    401: "the key was refused: check the provider's environment variable",
    403: "the key may not use this model",
    404: "there is no such model at this address",
}
_PASSING = {
    408: "the server gave up waiting",
    413: "the request is too large",
    429: "too many requests, or the quota is used up",
}


def explained(error: BaseException, model: str) -> LanguageModelError:
    """Return what went wrong at a model's server.

    Args:
        error: What the client raised.
        model: Name of the model, for the message.

    Returns:
        `UnusableModelError` where the next question will fare no better: no server there, a key
        that is refused, no such model. `LanguageModelError` for what passes.
    """
    name = f"the language model {model}" if model else "the language model"
    chain = list(_chain(error))
    for one in chain:
        if isinstance(one, LanguageModelError):
            return one
        status = _status(one)
        if status is None:
            continue
        said = _said(one)
        if why := _FATAL.get(status):
            return UnusableModelError(f"{name}: {why} (HTTP {status}: {said})")
        why = _PASSING.get(status, "its server failed" if status >= 500 else "refused")
        return LanguageModelError(f"{name}: {why} (HTTP {status}: {said})")
    names = {kind.__name__ for one in chain for kind in type(one).__mro__}
    deepest = one_line(chain[-1])
    if names & _UNREACHABLE:
        return UnusableModelError(
            f"{name} cannot be reached: {deepest}; check that its server runs, and base_url"
        )
    if names & _LATE:
        return LanguageModelError(f"{name} did not answer in time: {deepest}")
    if names & _DROPPED or "APIConnectionError" in names:
        return LanguageModelError(f"{name}: the connection was lost: {deepest}")
    if isinstance(error, SenseBindError):
        return LanguageModelError(str(error))
    return LanguageModelError(f"{name} failed: {one_line(error)}")


def _status(error: BaseException) -> int | None:
    for value in (
        getattr(error, "status_code", None),
        getattr(getattr(error, "response", None), "status_code", None),
    ):
        if isinstance(value, int) and 400 <= value < 600:
            return value
    return None


def _said(error: BaseException) -> str:
    """What the server said, without the rest of what it sent."""
    body = getattr(error, "body", None)
    if isinstance(body, dict):
        inner = body.get("error", body)
        message = inner.get("message") if isinstance(inner, dict) else inner
        if isinstance(message, str) and message.strip():
            return one_line(Exception(message))
    return one_line(error)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and its causes, the outermost first."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)

"""The agent: `from sensebind.agent import Assistant, ChatSenseBind`.

Names are imported when they are first used, so that a command line that needs none of them is
quick.
"""

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sensebind.agent.approval import Decision, Policy, Request
    from sensebind.agent.assistant import Assistant
    from sensebind.agent.events import TurnRecord
    from sensebind.agent.llm.chat_model import ChatSenseBind
    from sensebind.agent.llm.factory import make_llm
    from sensebind.agent.threads import Dialogs

_HOMES = {
    "Assistant": "assistant",
    "ChatSenseBind": "llm.chat_model",
    "Decision": "approval",
    "Dialogs": "threads",
    "Policy": "approval",
    "Request": "approval",
    "TurnRecord": "events",
    "make_llm": "llm.factory",
}

__all__ = [
    "Assistant",
    "ChatSenseBind",
    "Decision",
    "Dialogs",
    "Policy",
    "Request",
    "TurnRecord",
    "make_llm",
]


_RENAMED = {"make_brain": "make_llm"}
"""Old name to new one, for one release."""


def __getattr__(name: str) -> Any:
    if (new := _RENAMED.get(name)) is not None:
        message = f"sensebind.agent.{name} is now called {new}"
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        name = new
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])

"""Who may do what: `from sensebind.agent.approval import Decision, Policy, Request`.

Names are imported when they are first used: requests and decisions are for clients of a running
robot, too, which have neither LangChain nor PyTorch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sensebind.agent.approval.audit import AuditLog, read_audit
    from sensebind.agent.approval.governor import Governor
    from sensebind.agent.approval.policy import Policy
    from sensebind.agent.approval.rates import Rates
    from sensebind.agent.approval.requests import Approver, Decision, NotWaiting, Request
    from sensebind.agent.approval.store import Approvals

_HOMES = {
    "Approvals": "store",
    "Approver": "requests",
    "AuditLog": "audit",
    "Decision": "requests",
    "Governor": "governor",
    "NotWaiting": "requests",
    "Policy": "policy",
    "Rates": "rates",
    "Request": "requests",
    "read_audit": "audit",
}

__all__ = [
    "Approvals",
    "Approver",
    "AuditLog",
    "Decision",
    "Governor",
    "NotWaiting",
    "Policy",
    "Rates",
    "Request",
    "read_audit",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])

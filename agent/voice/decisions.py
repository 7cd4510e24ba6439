"""What is said aloud to a call that waits for a person.

A voice approves nothing that moves, and nothing that `policy: {spoken}` does not list. For the rest
a yes is not enough: who approves repeats the action, "yes, open the door", and does not say so
within two seconds after the robot has spoken. So nothing that merely holds a yes approves, and a
television that says one drives nothing. The robot's own process checks the policy again.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from sensebind.agent.approval.requests import Decision, Request
from sensebind.agent.stop_words import is_stop
from sensebind.agent.voice.phrases import Phrases, wordings
from sensebind.agent.voice.written_out import written_out

QUIET_SECONDS = 2.0
"""After the robot's own speech, in which nothing that is heard approves."""
_BY = "voice"
_YES = ("yes", "yes please")
_NO = frozenset({"no", "nope", "no thanks", "no thank you", "don't", "do not", "cancel"})
_NO_CHINESE = frozenset({"不", "不要", "不行", "别"})
_APOSTROPHES = str.maketrans({mark: "'" for mark in "’‘ʼ`´′＇‛"})


def may_be_spoken(requests: Sequence[Request], phrases: Phrases) -> bool:
    """Whether a voice may approve these calls, and there are words for it.

    Args:
        requests: What waits.
        phrases: What may be said to the robot.
    """
    return len(requests) == 1 and bool(_wordings(requests[0], phrases))


def question_of(requests: Sequence[Request], phrases: Phrases) -> str:
    """Return what the robot asks aloud about calls that wait.

    Args:
        requests: What waits.
        phrases: What may be said to the robot.
    """
    if may_be_spoken(requests, phrases):
        action = _wordings(requests[0], phrases)[0]
        doubt = f"{requests[0].question} " if requests[0].question else ""
        return f"{doubt}Shall I {action}? Wait two seconds, then say: yes, {action}."
    said = [_described(one, phrases) for one in requests]
    return f"I may not {' or '.join(said)} on a spoken word. Decide at the page or the terminal."


def decision_of(
    text: str, quiet: float, requests: Sequence[Request], phrases: Phrases
) -> list[Decision] | None:
    """Return what a spoken answer decides about calls that wait.

    Args:
        text: What was understood.
        quiet: Seconds from the end of the robot's own speech to the beginning of the answer.
        requests: What waits.
        phrases: What may be said to the robot.

    Returns:
        A decision for each request; None where the answer decides nothing.
    """
    said = _plain(text)
    if said in _NO or said in _NO_CHINESE:
        return [Decision("reject", request=one.id, by=_BY, spoken=True) for one in requests]
    if quiet < QUIET_SECONDS or is_stop(text) or not may_be_spoken(requests, phrases):
        return None
    if said in {f"{yes} {one}" for yes in _YES for one in _wordings(requests[0], phrases)}:
        return [Decision("approve", request=requests[0].id, by=_BY, spoken=True)]
    return None


def _wordings(request: Request, phrases: Phrases) -> list[str]:
    """In which words a voice can approve a call; empty where it may not."""
    tool = phrases.tool(request.tool)
    if tool is None or request.tool not in phrases.spoken or tool.get("risk") == "move":
        return []
    return wordings(tool, request.arguments)


def _described(request: Request, phrases: Phrases) -> str:
    """A call in words, for a question."""
    tool = phrases.tool(request.tool)
    if tool is not None and (said := wordings(tool, request.arguments)):
        return said[0]
    given = ", ".join(f"{name} {value}" for name, value in request.arguments.items())
    return written_out(f"{request.tool.replace('_', ' ')} {given}".strip())


def _plain(text: str) -> str:
    """A text in small letters, without marks, with single spaces."""
    text = unicodedata.normalize("NFKC", text).casefold().translate(_APOSTROPHES)
    text = "".join(one for one in text if unicodedata.category(one) not in ("Cf", "Mn", "Cc"))
    return " ".join(re.sub(r"[^\w']|_", " ", text).split())

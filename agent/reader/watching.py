"""What words say of watches that there are: which they are, and that one is to end.

The network knows a new watch ("tell me when a dog barks"). That the robot is watching is said with
the verb itself: it is asked for, or taken back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from langchain_core.tools import BaseTool

from sensebind.agent.corpus import chinese
from sensebind.agent.corpus.phrasing import article
from sensebind.agent.grounding.names import things
from sensebind.agent.reader.intent import Proposal

LIST, REMOVE = "watch_list", "watch_remove"
_WATCH = re.compile(
    r"\bwatch(?:es|ing)?\b|\b(?:look|listen)(?:ing)? out\b|\blookout\b|\balerts?\b"
    r"|\b(?:keep|keeping|have|having) an? (?:eye|ear)\b|留意|盯着|监视|守着|提醒",
    re.I,
)
_WHICH = re.compile(
    r"^\W*(?:so |and |hey )?(?:what|which)\b(?=.*\byou\b)|\b(?:watches|alerts)\b|什么|哪", re.I
)
_ENDS = re.compile(
    r"\b(?:stop|cancel|end|drop|remove|delete|forget|quit|no (?:longer|need)|needn't"
    r"|do(?:n't| not)|never)\b|别|不用|不要|不必|不再|取消|停止|删",
    re.I,
)
_ADDS = re.compile(r"\b(?:tell|let me know|warn|inform)\b.*\b(?:when|if|once|as soon)\b", re.I)


def about_watches(words: str, tools: Sequence[BaseTool]) -> Proposal | None:
    """Returns the call that reads or ends watches; None where words are about something else.

    Args:
        words: What a person says.
        tools: What can be called.
    """
    names = {tool.name for tool in tools}
    if not _WATCH.search(words) or _ADDS.search(words):
        return None
    kinds = things(words)
    if REMOVE in names and kinds and _ENDS.search(words):
        return Proposal(REMOVE, {"what": article(kinds[0])}, whole=True)
    if LIST in names and not kinds and _WHICH.search(words):
        return Proposal(LIST, {}, whole=True)
    return None


def watching_said(tool: str, result: str, what: str, language: str) -> str:
    """Returns what the robot watches for, or no longer does, as a tool's result has it.

    Args:
        tool: `watch_list` or `watch_remove`.
        result: What it answered.
        what: Name of the watch that was removed.
        language: `zh`, or anything else for English.
    """
    if tool == REMOVE:
        kinds = things(what)
        if language == "zh":
            return f"我不再留意{chinese.NOUNS[kinds[0]][0] if kinds else what}了。"
        return f"I no longer watch for {what}."
    if result.startswith("nothing"):
        return "我没有在留意什么。" if language == "zh" else "I am not watching for anything."
    return f"我在留意：{result}。" if language == "zh" else f"I am watching for {result}."

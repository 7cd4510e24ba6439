"""Whether the language model of a robot answers: it is asked for one token."""

from __future__ import annotations

import os
import threading
import time
from functools import reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sensebind.agent.robot.checks import Check, Verdict
from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.sections import LlmConfig
from sensebind.errors import SenseBindError, UnusableModelError, one_line
from sensebind.perception.bus.addresses import is_loopback

if TYPE_CHECKING:
    from langchain_core.messages import AIMessageChunk

ANSWER_SECONDS = 60.0
"""Longest wait for one token."""
_TITLE = "language model"
_OLLAMA = "http://127.0.0.1:11434"
_ONE_TOKEN: dict[str, dict[str, Any]] = {"ollama": {"num_predict": 1}}
"""How a provider's package is asked for one token, where not by `max_tokens`."""


def examine_llm(robot: RobotConfig, llm: LlmConfig, *, asked: bool = True) -> Check:
    """Let the language model say one token.

    Args:
        robot: The robot's file.
        llm: Its section.
        asked: Whether another one's server may be asked, which costs a few tokens, and whether our
            own is loaded. Otherwise only the directory or the key is looked for.
    """
    model, ours = llm.model, llm.ours
    if llm.provider == "gguf":
        file = robot.resolve(Path(llm.place))
        if not file.is_file() or not (file.parent / "config.json").is_file():
            mend = "see `sensebind convert --to gguf`"
            return Check(_TITLE, Verdict.BAD, f"none at {file}, in a checkpoint directory", mend)
        model = f"gguf:{file}"
    elif ours:
        folder = robot.resolve(Path(llm.place)) if llm.place else robot.weights
        if not (folder / "config.json").is_file():
            return Check(_TITLE, Verdict.BAD, f"none at {folder}", "see `sensebind pull`")
        model = f"sensebind:{folder}"
    key = "" if ours else _missing_key(llm.provider, llm)
    if key:
        return Check(_TITLE, Verdict.BAD, f"{key} is not set", f"export {key}=…")
    if not asked:
        return Check(_TITLE, Verdict.OK, f"{llm.model}, not asked (--no-llm)")
    return _ask(model, llm, ours)


def sent_away(llm: LlmConfig) -> Check:
    """Return which data of a dialog go to another machine, and to which."""
    title, provider = "data sent away", llm.provider
    address = str(llm.options.get("base_url") or (_OLLAMA if provider == "ollama" else ""))
    host = urlsplit(address).hostname or ""
    if llm.ours or is_loopback(host):
        return Check(title, Verdict.OK, "none: the language model runs on this machine")
    images = {True: "images, ", False: "", None: "images where it takes them, "}[llm.images]
    sound = "sounds, " if llm.audio else ""
    what = (
        f"with every question {host or provider} gets the dialog so far, what each stream "
        f"perceives now in words, {images}{sound}and results of tools"
    )
    return Check(title, Verdict.WARNING, what, "`llm: sensebind` keeps all of it here")


def _missing_key(provider: str, llm: LlmConfig) -> str:
    """Return the environment variable that holds no key, or ""."""
    from sensebind.agent.llm.factory import PROVIDER_KEYS

    key = PROVIDER_KEYS.get(provider, "")
    return key if key and not os.environ.get(key) and "api_key" not in llm.options else ""


def _ask(model: str, llm: LlmConfig, ours: bool) -> Check:
    """Ask for one token, in a thread of its own, which a server that hangs may keep."""
    answers: list[AIMessageChunk | Exception] = []
    began = time.perf_counter()

    def ask() -> None:
        from sensebind.agent.llm.factory import make_llm

        one = _ONE_TOKEN.get(model.partition(":")[0], {"max_tokens": 1})
        try:
            pieces = list(make_llm(model, **{**llm.options, **one}).stream("hello"))
            answers.append(reduce(add, pieces))  # in pieces, as the agent asks
        except Exception as error:  # whatever a provider's client raises
            answers.append(error)

    thread = threading.Thread(target=ask, name="doctor-llm", daemon=True)
    thread.start()
    thread.join(ANSWER_SECONDS)
    seconds = time.perf_counter() - began
    if not answers:
        what = f"no token within {ANSWER_SECONDS:g} s"
        mend = "take a smaller model or one on a GPU" if ours else "look at the server's own log"
        return Check(_TITLE, Verdict.WARNING, what, mend)
    match answers[0]:
        case Exception() as error:
            return _failed(error, model)
        case answer:
            cost = "" if ours else f"; asking cost {_tokens(answer)}"
            return Check(_TITLE, Verdict.OK, f"{llm.model} answered in {seconds:.1f} s{cost}")


def _failed(error: Exception, model: str) -> Check:
    if isinstance(error, SenseBindError) and not isinstance(error, UnusableModelError):
        found = error
    else:
        from sensebind.agent.llm.failures import explained

        found = explained(error, model)
    verdict = Verdict.WARNING if found.retryable else Verdict.BAD
    mend = "ask again later" if found.retryable else "correct llm:, or what the message names"
    return Check(_TITLE, verdict, one_line(found), mend)


def _tokens(answer: AIMessageChunk) -> str:
    """Say what the provider counts of the question and the answer."""
    usage = answer.usage_metadata
    if usage is None:
        return "a few tokens"
    return f"{usage['input_tokens']} tokens read and {usage['output_tokens']} written"

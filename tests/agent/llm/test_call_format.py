"""Tool calls in the forms of today's chat templates: recognised, enforced, read back."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import pytest
import torch
from fixtures.small_bases import CHATML, make_tokenizer
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from tokenizers import AddedToken

from sensebind.agent.conversion.tool_prelude import with_tools
from sensebind.agent.llm.call_format import CallFormat
from sensebind.agent.llm.chat_template import rendered
from sensebind.agent.llm.constrained_decoding import GrammarEngine, parse_calls
from sensebind.agent.llm.prompt import PromptBuilder
from sensebind.agent.llm.reply_parser import ReplyReader

TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "switch",
        "description": "Switches a device.",
        "parameters": {
            "type": "object",
            "properties": {"device": {"enum": ["lamp", "radio"]}, "on": {"type": "boolean"}},
            "required": ["device", "on"],
        },
    },
}
CALL = {"name": "switch", "arguments": {"device": "lamp", "on": True}}
# What the templates of the families hold: the parts that say how a call is written.
QWEN = CHATML + (
    "{# tools #}{{ '<tool_call>\\n' }}{{ message.tool_calls[0] | tojson }}{{ '\\n</tool_call>' }}"
)
LLAMA3 = CHATML + "{# tools #}{{ '<|python_tag|>' }}{{ '\"parameters\"' }}"
MISTRAL = CHATML + "{# tools #}{{ '[TOOL_CALLS] [' }}"
TEXT_MARKS = [
    AddedToken(mark, special=False, normalized=False) for mark in ("<tool_call>", "</tool_call>")
]
SPECIAL_MARK = AddedToken("[TOOL_CALLS]", special=True, normalized=False)
FORMS: dict[str, tuple[str, list[AddedToken], str]] = {
    "prelude": (with_tools(CHATML) or "", [], "<tool_call>\n{}\n</tool_call>"),
    "qwen": (QWEN, TEXT_MARKS, "<tool_call>\n{}\n</tool_call>"),
    "qwen, start only": (QWEN, TEXT_MARKS[:1], "<tool_call>\n{}\n</tool_call>"),
    "llama 3": (LLAMA3, [], "{}"),
    "mistral": (MISTRAL, [SPECIAL_MARK], "[TOOL_CALLS] [{}]"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", range(5))
def test_a_call_is_written_as_the_template_writes_it(form: str, seed: int) -> None:
    template, added, shape = FORMS[form]
    tokenizer = make_tokenizer(template, *added)
    engine = GrammarEngine(tokenizer, eos_ids=[2])
    key = engine.style.arguments
    assert key == ("parameters" if form == "llama 3" else "arguments")
    generator = random.Random(seed)
    state, tokens = engine.compile([TOOL], "any").start(), []
    while not state.finished:
        token = generator.choice(torch.nonzero(state.mask()).flatten().tolist())
        assert state.advance(token)
        tokens += [] if state.finished else [token]
    text = str(tokenizer.decode(tokens))
    [call] = parse_calls(text, engine.style, [TOOL])
    assert call.error == "" and call.name == "switch"
    assert text == shape.replace("{}", json.dumps({"name": "switch", key: call.arguments}))
    # Token by token, as a dialog reads it (special tokens left out).
    reader = ReplyReader(
        lambda ids: str(tokenizer.decode(ids, skip_special_tokens=True)),
        engine.style,
        tools=[TOOL],
        stops=[],
        max_tokens=9,
    )
    assert "".join(reader.push(token) for token in tokens) == ""
    [chunk] = reader.calls()
    assert json.loads(chunk.message.tool_call_chunks[0]["args"]) == call.arguments  # type: ignore[attr-defined]


@pytest.mark.parametrize("form", FORMS)
def test_text_cannot_begin_as_a_call_does(form: str) -> None:
    template, added, shape = FORMS[form]
    tokenizer = make_tokenizer(template, *added)
    engine = GrammarEngine(tokenizer, eos_ids=[2])
    state = engine.compile([TOOL], "none").start()
    opening = tokenizer(shape.split("{")[0].strip() or "{", add_special_tokens=False)["input_ids"]
    assert not all(state.mask()[token] and state.advance(token) for token in opening)


def test_what_the_configuration_says_counts_before_the_template() -> None:
    tokenizer = make_tokenizer(QWEN)
    tokenizer.init_kwargs["tool_call_start"] = "Tool: "
    assert CallFormat.of(tokenizer) == CallFormat("Tool: ")
    assert CallFormat.of(make_tokenizer(CHATML)) == CallFormat()


def test_a_template_without_tools_gets_them_and_stays_what_it_was() -> None:
    template = with_tools(CHATML)
    assert template is not None and with_tools(template) is None
    before, after = make_tokenizer(CHATML), make_tokenizer(template)
    dialog: list[dict[str, Any]] = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": "Hello!"},
        {"role": "user", "content": "switch on the lamp"},
    ]
    for messages in (dialog, dialog[1:], dialog[:1]):
        for generate in (False, True):
            expected = rendered(before, messages, generate=generate)
            assert rendered(after, messages, generate=generate) == expected
    called = {"role": "assistant", "content": "", "tool_calls": [{"function": CALL, "id": "a"}]}
    result = {"role": "tool", "content": "done", "name": "switch", "tool_call_id": "a"}
    text = rendered(after, [*dialog, called, result], [TOOL], generate=True)
    assert text == (
        "<|im_start|>system\nBe kind.\n\nYou may call one of these tools:\n<tools>\n"
        + json.dumps(TOOL["function"])
        + "\n</tools>\nTo call it, answer with its name and arguments as JSON and nothing else:\n"
        '<tool_call>\n{"name": "...", "arguments": {...}}\n</tool_call><|im_end|>\n'
        "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\nHello!<|im_end|>\n"
        "<|im_start|>user\nswitch on the lamp<|im_end|>\n<|im_start|>assistant\n<tool_call>\n"
        + json.dumps(CALL)
        + "\n</tool_call><|im_end|>\n<|im_start|>user\n<tool_response>\ndone\n</tool_response>"
        "<|im_end|>\n<|im_start|>assistant\n"
    )


# As Mistral-7B-Instruct-v0.3 has it: calls and results have ids of nine letters and digits.
STRICT = (
    "{% for message in messages %}{% for id in [message.tool_call_id] if id %}"
    "{% if id | length != 9 %}{{ raise_exception('ids of 9') }}{% endif %}({{ id }}){% endfor %}"
    "{% for call in message.tool_calls or [] %}"
    "{% if call.id | length != 9 %}{{ raise_exception('ids of 9') }}{% endif %}[{{ call.id }}]"
    "{% endfor %}{{ message.content }}{% endfor %}{# tools #}"
)


def test_ids_of_calls_are_what_strict_templates_take() -> None:
    builder = PromptBuilder(make_tokenizer(STRICT))
    calls = [{"name": "switch", "args": {}, "id": f"call_{i:016x}"} for i in range(2)]
    dialog = [
        HumanMessage("on"),
        AIMessage("", tool_calls=calls),
        *(ToolMessage("done", tool_call_id=call["id"]) for call in calls),
    ]
    prompt = builder.build(dialog, limit=1000)
    text = str(make_tokenizer(STRICT).decode(prompt.token_ids))
    found = re.fullmatch(r"on\[(\w{9})\]\[(\w{9})\]\((\w{9})\)done\((\w{9})\)done", text)
    assert found is not None
    first, second, *results = found.groups()
    assert [first, second] == results and first != second


def test_a_model_that_may_think_aloud_is_asked_not_to() -> None:
    """As Qwen3's template has it: thoughts that are over before the answer begins."""
    thinking = (
        CHATML + "{% if add_generation_prompt and enable_thinking is defined and enable_thinking is"
        " false %}{{ '<think>\\n\\n</think>\\n\\n' }}{% endif %}{# tools #}"
    )
    text = rendered(make_tokenizer(thinking), [{"role": "user", "content": "hi"}], generate=True)
    assert text.endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n")

"""Examples for training are what the runtime hands to the model, with labels on the answers."""

from __future__ import annotations

from typing import Any

import pytest
from fixtures.small_bases import CHATML, make_tokenizer
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from sensebind.agent.conversion.tool_prelude import with_tools
from sensebind.agent.corpus.conditions import ABSENT
from sensebind.agent.llm.prompt import PromptBuilder
from sensebind.agent.training.tuning.dialogs import (
    IGNORE,
    NO_CONDITION,
    Dialog,
    Example,
    TemplateEncoder,
    collate,
)
from sensebind.errors import ConfigurationError

END = 2
TOOL = {
    "type": "function",
    "function": {"name": "clock", "description": "The time.", "parameters": {"type": "object"}},
}
# As Qwen3's: an answer of the past is written without what stands before a new one.
THINKING = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' }}"
    "{% if message['role'] == 'assistant' and loop.last %}{{ '<t></t>' }}{% endif %}"
    "{{ message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n<t></t>' }}{% endif %}"
)
ELSEWHERE = (
    "{% for message in messages %}{{ message['content'] + '<|im_end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>' }}{% endif %}"
)


def said(*texts: str) -> tuple[dict[str, str], ...]:
    roles = ("user", "assistant")
    return tuple({"role": roles[i % 2], "content": text} for i, text in enumerate(texts))


def encoder(template: str = CHATML, longest: int = 4096) -> tuple[TemplateEncoder, Any]:
    tokenizer = make_tokenizer(template)
    return TemplateEncoder(tokenizer, [END], longest), tokenizer


def labelled(example: Example, tokenizer: Any) -> str:
    tokens = [one for one in example.labels if one != IGNORE]
    return tokenizer.decode(tokens)


def test_answers_and_their_end_are_labelled_and_nothing_else() -> None:
    code, tokenizer = encoder()
    dialog = Dialog(said("hi", "hello.", "and?", "bye."), ((1, 2), (3, ABSENT)))
    [example] = code.encode(dialog)
    assert labelled(example, tokenizer) == "hello.<|im_end|>bye.<|im_end|>"
    assert all(
        label in (token, IGNORE)
        for token, label in zip(example.tokens, example.labels, strict=True)
    )
    second = example.turn_of.index(1)
    assert tokenizer.decode(example.tokens[second:]).startswith("<|im_start|>user\nand?")
    assert set(example.turn_of) == {0, 1}
    assert example.rows == ((1, 2), (3, ABSENT))


@pytest.mark.parametrize("tools", [(), (TOOL,)])
def test_they_are_token_for_token_what_the_runtime_reads(tools: tuple[dict, ...]) -> None:
    template = with_tools(CHATML)
    assert template is not None
    code, tokenizer = encoder(template)
    call = {"name": "clock", "args": {"zone": "here"}, "id": "call00001"}
    messages = [
        HumanMessage("what time? <|im_end|>", additional_kwargs={"condition": "a"}),
        AIMessage("", tool_calls=[call]),  # type: ignore[list-item]
        ToolMessage("14:05", tool_call_id="call00001", name="clock"),
        AIMessage("It is 14:05."),
        HumanMessage("thanks", additional_kwargs={"condition": "b"}),
    ]
    function = {"name": "clock", "arguments": {"zone": "here"}}
    made = [{"type": "function", "id": "call00001", "function": function}]
    dialog = Dialog(
        (
            {"role": "user", "content": "what time? <|im_end|>"},
            {"role": "assistant", "content": "", "tool_calls": made},
            {"role": "tool", "content": "14:05", "tool_call_id": "call00001", "name": "clock"},
            {"role": "assistant", "content": "It is 14:05."},
            {"role": "user", "content": "thanks"},
            {"role": "assistant", "content": "You are welcome."},
        ),
        ((0,), (1,)),
        tools,
    )
    [example] = code.encode(dialog)
    prompt = PromptBuilder(tokenizer).build(messages, tools=list(tools), limit=10**6)
    length = len(prompt.token_ids)
    assert example.tokens[:length] == prompt.token_ids
    assert [("a", "b")[turn] for turn in example.turn_of[:length]] == prompt.references
    assert labelled(example, tokenizer) == (
        '<tool_call>\n{"name": "clock", "arguments": {"zone": "here"}}\n</tool_call><|im_end|>'
        "It is 14:05.<|im_end|>You are welcome.<|im_end|>"
    )


def test_a_template_that_writes_past_answers_otherwise_gives_an_example_each() -> None:
    code, tokenizer = encoder(THINKING)
    first, second = code.encode(Dialog(said("a", "b.", "c", "d."), ((0,), (1,))))
    assert labelled(first, tokenizer) == "b.<|im_end|>"
    assert labelled(second, tokenizer) == "d.<|im_end|>"
    assert tokenizer.decode(first.tokens).endswith("<t></t>b.<|im_end|>\n")
    assert "assistant\nb." in tokenizer.decode(second.tokens)
    code, _ = encoder(ELSEWHERE)
    with pytest.raises(ConfigurationError, match="another place"):
        code.encode(Dialog(said("a", "b"), ((0,),)))


def test_what_is_too_long_loses_its_last_turns() -> None:
    code, tokenizer = encoder(longest=80)
    dialog = Dialog(said("a", "b.", "c" * 60, "d."), ((0,), (1,)))
    [example] = code.encode(dialog)
    assert labelled(example, tokenizer) == "b.<|im_end|>"
    assert example.rows == ((0,),) and not code.left_out
    assert code.encode(Dialog(said("a" * 90, "b."), ((0,),))) == []
    assert code.left_out == 1


def test_padding_is_not_learned_and_has_no_condition() -> None:
    code, _ = encoder()
    [short] = code.encode(Dialog(said("a", "b."), ((5, ABSENT),)))
    [long] = code.encode(Dialog(said("a", "b.", "c", "d."), ((1, 2), (3, 4))))
    batch = collate([short, long], pad=0, slots=2)
    assert batch.rows.tolist() == [[[5, ABSENT], [ABSENT, ABSENT]], [[1, 2], [3, 4]]]
    rest = slice(len(short.tokens), None)
    assert set(batch.labels[0, rest].tolist()) == {IGNORE}
    assert set(batch.condition_ids[0, rest].tolist()) == {NO_CONDITION}
    assert batch.input_ids[1].tolist() == long.tokens

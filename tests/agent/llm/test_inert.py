"""Special tokens and marks of templates in others' text are plain text, whatever the template."""

from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from tokenizers import AddedToken, Tokenizer, normalizers
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from transformers import PreTrainedTokenizerFast

from sensebind.agent.llm.inert import Inert
from sensebind.agent.llm.prompt import PromptBuilder
from sensebind.checkpoints import default_checkpoint

CHATML = """{% for m in messages %}<|im_start|>{{ m.role }}
{{ m.content }}{% for c in m.tool_calls or [] %}<tool_call>{{ c.function.name }}{% for k in
c.function.arguments %} {{ k }} {{ c.function.arguments[k] }}{% endfor %}</tool_call>{% endfor
%}<|im_end|>
{% endfor %}{% for t in tools or [] %}{{ t.function.name }} {{ t.function.description }}{% endfor
%}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
INST = """{% for m in messages %}{% if m.role == 'user' %}<s>[INST] {{ m.content }} [/INST]{% elif
m.role == 'system' %}<<SYS>>
{{ m.content }}
<</SYS>>
{% elif m.role == 'assistant' %}{{ m.content }}</s>{% else %}{{ m.content
}}{% endif %}{% endfor %}"""
ALPACA = """Below is an instruction.
{% for m in messages %}{% if m.role == 'user' %}### Instruction:
{{ m.content }}

{% elif m.role == 'assistant' %}### Response:
{{ m.content }}</s>{% else %}### Input:
{{ m.content }}
{% endif %}{% endfor %}{% if add_generation_prompt %}### Response:
{% endif %}"""
TEMPLATES = {
    "chatml": (CHATML, ["<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>"]),
    "inst": (INST, ["<s>", "</s>", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>"]),
    "alpaca": (ALPACA, ["</s>", "### Instruction:", "### Response:", "### Input:"]),
}


@cache
def tokenizer(name: str) -> PreTrainedTokenizerFast:
    """Bytes and control tokens; characters are normalised first, as many tokenizers do."""
    template, marks = TEMPLATES[name]
    alphabet = {letter: i for i, letter in enumerate(sorted(ByteLevel.alphabet()))}
    core = Tokenizer(BPE(alphabet, []))
    core.normalizer = normalizers.NFKC()  # type: ignore[assignment]
    core.pre_tokenizer = ByteLevel(add_prefix_space=False)  # type: ignore[assignment]
    core.decoder = ByteLevelDecoder()  # type: ignore[assignment]
    control = [
        mark for mark in marks if mark.startswith("<") and not mark.startswith(("<<", "<tool"))
    ]
    core.add_special_tokens([AddedToken(mark, special=True, normalized=False) for mark in control])
    core.add_tokens(
        [AddedToken(mark, normalized=True) for mark in marks if mark.startswith("<tool")]
    )
    made = PreTrainedTokenizerFast(tokenizer_object=core)
    made.chat_template = template
    return made


def rendered(name: str, said: str) -> str:
    """A dialog in which others' text stands in every place."""
    messages: list[BaseMessage] = [
        SystemMessage(said),
        HumanMessage(said),
        AIMessage(
            "",
            tool_calls=[
                {"name": said or "x", "args": {said or "k": said, "list": [said]}, "id": "1"}
            ],
        ),
        ToolMessage(said, tool_call_id="1", name=said),
        AIMessage(said),
        HumanMessage("go on"),
    ]
    tools: list[dict[str, Any]] = [
        {"type": "function", "function": {"name": said or "x", "description": said}}
    ]
    one = tokenizer(name)
    prompt = PromptBuilder(one).build(messages, tools=tools, limit=10**6)
    return str(one.decode(prompt.token_ids))


def marks_in(name: str, text: str) -> dict[str, int]:
    return {mark: text.count(mark) for mark in TEMPLATES[name][1]}


@pytest.mark.parametrize("name", TEMPLATES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_no_text_writes_a_mark_of_the_template(name: str, data: st.DataObject) -> None:
    pieces = [
        *TEMPLATES[name][1],
        "＜｜im_end｜＞",
        "＜tool_call＞",
        "<",
        "|",
        "im_end",
        "[",
        " ",
        "\n",
        "a",
    ]
    said = "".join(data.draw(st.lists(st.sampled_from(pieces), max_size=8)))
    assert marks_in(name, rendered(name, said)) == marks_in(name, rendered(name, "plain"))
    ids = tokenizer(name)(Inert(tokenizer(name)).text(said), add_special_tokens=False)["input_ids"]
    assert not set(ids) & set(tokenizer(name).added_tokens_decoder)


def test_the_shipped_template_and_ordinary_text() -> None:
    one = Inert(PreTrainedTokenizerFast.from_pretrained(default_checkpoint()))
    assert one.text('turn on the lamp! {"name": "x"} a < b | c 灯') == (
        'turn on the lamp! {"name": "x"} a < b | c 灯'
    )
    assert one.text("a</s><|user|>b") == "a< /s>< |user|>b"
    assert one.value({"<s>": ["<|end|>", 3]}) == {"< s>": ["< |end|>", 3]}

"""The small model's tokenizer: byte-level BPE trained on the dialog grammar, and its template."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from sensebind.agent.corpus import answers, chinese
from sensebind.agent.corpus.conditions import NoPool
from sensebind.agent.corpus.dialog import sample_dialog
from sensebind.agent.corpus.noise import SILENT, SPACING, normalise
from sensebind.errors import StorageError

PAD, BOS, EOS = "<pad>", "<s>", "</s>"
USER, END, ASSISTANT, CALL, TOOL = "<|user|>", "<|end|>", "<|assistant|>", "<|call|>", "<|tool|>"
SPECIAL = (PAD, BOS, EOS, USER, END, ASSISTANT, CALL, TOOL)
VOCABULARY = 2800


def _jinja_list(chars: str) -> str:
    quoted = ('"' + char.replace("\\", "\\\\").replace('"', '\\"') + '"' for char in chars)
    return "[" + ", ".join(quoted) + "]"


# The model reads a person's words in lower case and without punctuation (`noise.normalise` is the
# same in Python): capitals and end marks carry nothing that it needs, and marks that look like
# special tokens never become any.
CHAT_TEMPLATE = (
    "{%- macro heard(text) -%}"
    "{%- set ns = namespace(text=text | lower) -%}"
    "{%- for mark in " + _jinja_list(SILENT) + " -%}"
    "{%- set ns.text = ns.text.replace(mark, '') -%}{%- endfor -%}"
    "{%- for mark in " + _jinja_list(SPACING) + " -%}"
    "{%- set ns.text = ns.text.replace(mark, ' ') -%}{%- endfor -%}"
    "{{- ns.text.split() | join(' ') -}}"
    "{%- endmacro -%}"
    "{{- '<s>' -}}"
    "{%- for message in messages -%}"
    "{%- if message.role == 'user' -%}{{- '<|user|> ' + heard(message.content) + '<|end|>' -}}"
    "{%- elif message.role == 'tool' -%}"
    "{{- '<|tool|>' + message.content.replace('<|', '< |') + '<|end|>' -}}"
    "{%- elif message.role == 'assistant' -%}"
    "{%- for call in message.tool_calls or [] -%}"
    "{%- set call = call.function or call -%}"
    "{{- '<|assistant|><|call|>{\"name\":' + call.name | tojson + ',\"arguments\":' -}}"
    "{{- (call.arguments if call.arguments is string"
    " else call.arguments | tojson(separators=(',', ':'))) + '}</s>' -}}"
    "{%- endfor -%}"
    "{%- if message.content or not message.tool_calls -%}"
    "{{- '<|assistant|>' + (message.content or '') + '</s>' -}}{%- endif -%}"
    "{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}"
)


def heard_text(text: str) -> str:
    """A person's words as they stand between `<|user|>` and `<|end|>`."""
    return " " + normalise(text)


def _texts(seed: int, dialogs: int) -> Iterator[str]:
    rng = random.Random(seed)
    for _ in range(dialogs):
        for turn in sample_dialog(rng, NoPool()):
            yield heard_text(turn.user)
            for kind, text in turn.steps:
                if kind == "say" or rng.random() < 0.3:
                    yield text
    # Rare characters are read often enough here to become one token each.
    written = str((chinese.RULES, chinese.TEMPLATES, chinese.NOUNS, chinese.SOUNDS))
    written += str((chinese.LEAD_INS, chinese.TAILS, chinese.TRADITIONAL, answers.FIXED))
    for _ in range(60):
        yield "".join(sorted(set(written)))


def train_tokenizer(
    *, seed: int = 0, dialogs: int = 40_000, size: int = VOCABULARY
) -> PreTrainedTokenizerFast:
    """Trains the tokenizer; the same seed gives the same tokenizer.

    Chinese characters and digits are never joined, so a number is read digit by digit and each
    character of the corpus is one token.

    Args:
        seed: Of the dialogs.
        dialogs: How many to read.
        size: Entries of the vocabulary, special tokens and the 256 bytes included.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(  # pyright: ignore[reportAttributeAccessIssue]
        [
            pre_tokenizers.Split(Regex(r"\p{Han}"), "isolated"),
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()  # pyright: ignore[reportAttributeAccessIssue]
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[AddedToken(one, special=True, normalized=False) for one in SPECIAL],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_texts(seed, dialogs), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        bos_token=BOS,
        eos_token=EOS,
        additional_special_tokens=[USER, END, ASSISTANT, CALL, TOOL],
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
        padding_side="left",
        model_max_length=512,
        model_input_names=["input_ids", "attention_mask"],
        tool_call_start=CALL,
    )


def save_tokenizer(tokenizer: PreTrainedTokenizerFast, directory: Path) -> None:
    """Writes tokenizer.json, tokenizer_config.json and chat_template.jinja.

    Raises:
        StorageError: The directory cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        tokenizer.save_pretrained(directory)
    except OSError as error:
        raise StorageError(f"cannot write the tokenizer to {directory}: {error}") from error

"""LLaMA's SentencePiece model as a fast tokenizer, and the prompt of the published adapters."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sentencepiece import SentencePieceProcessor
from tokenizers import AddedToken, Tokenizer, decoders, normalizers, processors
from tokenizers.models import BPE
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from sensebind.errors import CheckpointError, InputError, one_line

_SPACE = "▁"
_TIKTOKEN = re.compile(rb"[A-Za-z0-9+/]+=* \d+\n")  # a token in base64 and its rank, on each line

# The prompt that all published adapters were trained with (official_models.md, 4.4). A dialog is
# one prompt after the other; what a tool returned stands where the prompt has its input.
CHAT_TEMPLATE = """\
{{- bos_token -}}
{%- set ns = namespace(system='') -%}
{%- for message in messages -%}
{%- if message.role == 'system' -%}
{%- set ns.system = message.content + '\\n\\n' -%}
{%- elif message.role == 'user' -%}
{{- ns.system + 'Below is an instruction that describes a task' -}}
{%- set ns.system = '' -%}
{%- if message.input -%}{{- ', paired with an input that provides further context' -}}{%- endif -%}
{{- '. Write a response that appropriately completes the request.\\n\\n' -}}
{{- '### Instruction:\\n' + message.content -}}
{%- if message.input -%}{{- '\\n\\n### Input:\\n' + message.input -}}{%- endif -%}
{{- '\\n\\n### Response:' -}}
{%- elif message.role == 'tool' -%}
{{- '\\n\\n### Input:\\n' + message.content + '\\n\\n### Response:' -}}
{%- elif message.role == 'assistant' -%}
{%- for call in message.tool_calls or [] -%}{{- (call.function or call) | tojson -}}{%- endfor -%}
{{- (message.content or '') + eos_token -}}
{%- endif -%}
{%- endfor -%}
"""


def open_tokenizer(
    source: Path | PreTrainedTokenizerFast,
    vocabulary: int,
    context: int,
    *,
    keep_template: bool = False,
) -> PreTrainedTokenizerFast:
    """Opens LLaMA's tokenizer and gives it the published prompt as its chat template.

    Args:
        source: SentencePiece model, or a Hugging Face directory with tokenizer.json; or a tokenizer
            that came with the weights.
        vocabulary: Rows of the model's embedding, which the tokenizer must not exceed.
        context: Longest sequence of the model.
        keep_template: Leave a chat template that the directory holds, as an instruct model's does,
            in its place.

    Raises:
        InputError: No tokenizer of a LLaMA.
        CheckpointError: It has more tokens than the model.
    """
    if isinstance(source, Path):
        tokenizer = _open_huggingface(source) if source.is_dir() else from_sentencepiece(source)
    else:
        tokenizer = source
    if len(tokenizer) > vocabulary:
        raise CheckpointError(
            f"the tokenizer {source} has {len(tokenizer)} tokens, the model only {vocabulary}: "
            "they belong to different models"
        )
    if not (keep_template and tokenizer.chat_template):
        tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.model_max_length = context
    return tokenizer


def from_sentencepiece(path: Path) -> PreTrainedTokenizerFast:
    """A fast tokenizer that gives the ids of a BPE SentencePiece model with byte fallback.

    Raises:
        InputError: Missing, damaged, or of another kind.
    """
    if not path.is_file():
        raise InputError(f"no tokenizer {path}: LLaMA's is a file tokenizer.model")
    try:
        model = SentencePieceProcessor(model_file=str(path))
    except (RuntimeError, OSError, ValueError, TypeError) as error:
        if _TIKTOKEN.match(_start(path)):
            raise InputError(
                f"{path} is a tiktoken file, as LLaMA 3 has it: give --tokenizer, a directory of "
                "Hugging Face with the same model's tokenizer.json"
            ) from error
        raise InputError(f"{path} is no SentencePiece model: {one_line(error)}") from error
    pieces: list[str] = [model.id_to_piece(i) for i in range(model.vocab_size())]
    scores: list[float] = [model.get_score(i) for i in range(model.vocab_size())]
    ids = {piece: i for i, piece in enumerate(pieces)}
    if min(model.bos_id(), model.eos_id(), model.unk_id()) < 0 or len(ids) != len(pieces):
        raise InputError(f"{path} is no tokenizer of a LLaMA: it lacks <s>, </s> or <unk>")
    if not any(model.is_byte(i) for i in range(len(pieces))):
        raise InputError(f"{path} is no tokenizer of a LLaMA: it has no byte pieces")
    unknown, begin, end = (pieces[i] for i in (model.unk_id(), model.bos_id(), model.eos_id()))
    core = Tokenizer(
        BPE(ids, _merges(pieces, scores, ids), unk_token=unknown, fuse_unk=True, byte_fallback=True)
    )
    core.normalizer = normalizers.Sequence(
        [normalizers.Prepend(_SPACE), normalizers.Replace(" ", _SPACE)]
    )
    core.decoder = decoders.Sequence(
        [
            decoders.Replace(_SPACE, " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    core.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A",
        pair=f"{begin} $A {begin}:1 $B:1",
        special_tokens=[(begin, ids[begin])],
    )
    core.add_special_tokens(
        [AddedToken(t, normalized=False, special=True) for t in (unknown, begin, end)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token=begin,
        eos_token=end,
        unk_token=unknown,
        pad_token=unknown,  # the published models have no token for padding
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(64)


def _merges(pieces: list[str], scores: list[float], ids: dict[str, int]) -> list[tuple[str, str]]:
    """Pairs of pieces that are a piece together; SentencePiece joins the best piece first."""
    found = []
    for whole, piece in enumerate(pieces):
        for cut in range(1, len(piece)):
            left, right = piece[:cut], piece[cut:]
            if left in ids and right in ids:
                found.append((-scores[whole], ids[left], ids[right], (left, right)))
    return [pair for *_, pair in sorted(found)]


def _open_huggingface(path: Path) -> PreTrainedTokenizerFast:
    try:
        # Its configuration may name Python files next to it: they are never run, nor asked for.
        tokenizer: Any = AutoTokenizer.from_pretrained(
            path, local_files_only=True, trust_remote_code=False
        )
    except Exception as error:  # the Rust library raises the base class for a damaged file
        raise InputError(f"the tokenizer in {path} cannot be used: {one_line(error)}") from error
    if not getattr(tokenizer, "is_fast", False):
        raise InputError(f"{path} has no tokenizer.json")
    return tokenizer

#!/bin/sh
# llguidance 1.9.1: where a grammar's text is an added token in angle brackets that the tokenizer does not call special
# (Qwen2.5 and Qwen3 have `<tool_call>` so), the mask admits that token alone, and consuming it fails.
#
# The token's text is the very text that the grammar asks for; a generation that follows the masks ends in an error
# at its first token. Written as `<[id]>` in the grammar, the same token is taken.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --target "$folder" llguidance==1.9.1 tokenizers==0.23.3 numpy==2.4.6
PYTHONPATH="$folder" python3 - <<'P'
import sys
import importlib.metadata as metadata
import numpy as np
from llguidance import LLMatcher, LLTokenizer
from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE

print("llguidance", metadata.version("llguidance"), "tokenizers", metadata.version("tokenizers"))
letters = ["<end>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
core = Tokenizer(BPE({letter: i for i, letter in enumerate(letters)}, []))
core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
core.decoder = decoders.ByteLevel()
core.add_tokens([AddedToken("<tool_call>", special=False, normalized=False)])
call = core.token_to_id("<tool_call>")
tokenizer = LLTokenizer(core.to_str(), eos_token=0)
seen = []
for grammar in ('start: "<tool_call>\\n"', f'start: <[{call}]> "\\n"'):
    matcher = LLMatcher(tokenizer, LLMatcher.grammar_from_lark(grammar))
    bits = np.unpackbits(np.frombuffer(matcher.compute_bitmask(), np.uint8), bitorder="little")
    admitted = np.flatnonzero(bits[: core.get_vocab_size()]).tolist()
    taken = matcher.consume_token(call)
    seen.append((admitted, taken))
    print(f"{grammar!r}: the mask admits {admitted} (<tool_call> is {call}), taken: {taken}")
if seen != [([call], False), ([call], True)]:
    sys.exit("changed")
P

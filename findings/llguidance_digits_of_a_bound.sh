#!/bin/sh
# llguidance 1.9.1: a number whose digits are the beginning of a bound is refused: 0.2 where the maximum is 0.25.
#
# JSON Schema (2020-12 validation, 6.2) bounds values, so that 0.2 is as valid as 0.1 or 0.24. A model that goes by
# the mask cannot end the number there: it has to add a digit from 0 to 5, and a speed of 0.2 may come out as 0.25.
# A lower bound below 0 is the same, and so is 1.2 below 1.25, and 0.0 below 0.05. With 0.3 as the maximum, 0.2 is
# admitted, and 0.20 always.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check llguidance==1.9.1 jsonschema==4.26.0
"$folder/venv/bin/python" - >"$folder/seen" <<'P'
import json
from importlib.metadata import version

from jsonschema import Draft202012Validator
from llguidance import LLMatcher, LLTokenizer

print("llguidance", version("llguidance"), "jsonschema", version("jsonschema"))
tokenizer = LLTokenizer("byte")
for low, high, texts in (
    (0, 0.25, ("0.1", "0.2", "0.20", "0.24", "0.25")),
    (0, 0.3, ("0.1", "0.2", "0.3")),
    (-0.25, 0, ("-0.1", "-0.2", "-0.20")),
    (0, 1.25, ("1", "1.1", "1.2", "1.20")),
    (0, 0.05, ("0", "0.0", "0.00", "0.04")),
):
    schema = {"type": "number", "minimum": low, "maximum": high}
    validator = Draft202012Validator(schema)
    refused = []
    for text in texts:
        assert validator.is_valid(json.loads(text)), text
        matcher = LLMatcher(tokenizer, LLMatcher.grammar_from_json_schema(schema))
        assert not matcher.is_error(), matcher.get_error()
        tokens = tokenizer.tokenize_str(text)
        if matcher.try_consume_tokens(tokens) < len(tokens) or not matcher.is_accepting():
            refused.append(text)
    print(f"{low} to {high}: of {' '.join(texts)}, all valid, refused: {' '.join(refused) or 'none'}")
P
cat "$folder/seen"
grep -q "^0 to 0.25: .* refused: 0.2$" "$folder/seen"
grep -q "^0 to 0.3: .* refused: none$" "$folder/seen"
grep -q "^-0.25 to 0: .* refused: -0.2$" "$folder/seen"
grep -q "^0 to 1.25: .* refused: 1.2$" "$folder/seen"
grep -q "^0 to 0.05: .* refused: 0.0$" "$folder/seen"

#!/bin/sh
# jsonschema 4.26.0: uniqueItems holds for equal lists where one that Python takes for equal lies between.
#
# JSON Schema (2020-12 core, 4.2.2): a number is never equal to a boolean, so that [1], [true], [1] has
# two equal items. jsonschema sorts the items and compares neighbours; Python sorts [1] and [True] as
# equal, which leaves them in their order, so that the two [1] are never compared.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --target "$folder" jsonschema==4.26.0
PYTHONPATH="$folder" python3 - <<'P'
import sys
from importlib.metadata import version

from jsonschema import Draft202012Validator

print("jsonschema", version("jsonschema"))
validator = Draft202012Validator({"uniqueItems": True})
shown = []
for value in ([[1], [1], [True]], [[1], [True], [1]], [1, True, 1], [[1], [True]]):
    shown.append(validator.is_valid(value))
    print(f"{value}: {'unique' if shown[-1] else 'not unique'}")
if shown != [False, True, False, True]:
    sys.exit("changed")
P

#!/bin/sh
# msgspec: from 0.21.0 on its errors are ValueErrors; those of 0.20.0 are not.
#
# A receiver of bus messages that refuses what it cannot read with `except ValueError` works with the newer
# one. With 0.20.0, which the same code installs and imports without a word, the first message that does not
# fit its structure goes past that clause. A lower bound of 0.20 was wrong here for that reason alone.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for version in 0.20.0 0.21.0; do
    python3 -m pip install --quiet --target "$folder/$version" "msgspec==$version"
    PYTHONPATH="$folder/$version" python3 - "$version" <<'P'
import sys
import msgspec


class Header(msgspec.Struct):
    stream: str


packed = msgspec.msgpack.encode({"stream": 7})
try:
    msgspec.msgpack.decode(packed, type=Header)
except ValueError as error:
    caught = f"ValueError: {error}"
except msgspec.ValidationError as error:
    caught = f"no ValueError: {error}"
print(f"msgspec {msgspec.__version__}: {caught}")
expected = "no ValueError" if sys.argv[1] == "0.20.0" else "ValueError"
if msgspec.__version__ != sys.argv[1] or not caught.startswith(expected):
    sys.exit("changed")
P
done

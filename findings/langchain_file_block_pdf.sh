#!/bin/sh
# langchain-core: content_blocks calls every file block of OpenAI's form a PDF, also a PNG.
#
# The data URL says image/png and the name ends in .png; the standard block that comes out says
# application/pdf, so that whoever goes by mime_type takes the picture for a document.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --target "$folder" langchain-core==1.8.3
PYTHONPATH="$folder" python3 - <<'P'
import sys
from importlib.metadata import version

from langchain_core.messages import HumanMessage

print("langchain-core", version("langchain-core"))
data = "data:image/png;base64,iVBORw0KGgo="
message = HumanMessage([{"type": "file", "file": {"filename": "a.png", "file_data": data}}])
[block] = message.content_blocks
print("given:  image/png, a.png")
print("gives: ", block["type"], block.get("mime_type"), block.get("extras"))
if block.get("mime_type") != "application/pdf":
    sys.exit("changed")
P

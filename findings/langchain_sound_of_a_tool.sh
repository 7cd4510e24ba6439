#!/bin/sh
# langchain-core 1.8.3: a tool that returns a standard audio block gives a message of text: the JSON of all its
# blocks, base64 and all. A picture stays a block, and so does the same sound called a file.
#
# The model then reads the letters of the base64, thousands of tokens for a second of sound, and a picture that
# comes with the sound is lost in the same text.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --target "$folder" langchain-core==1.8.3
PYTHONPATH="$folder" python3 - <<'P'
import sys
from importlib.metadata import version

from langchain_core.tools import StructuredTool

print("langchain-core", version("langchain-core"))
picture = {"type": "image", "base64": "iVBORw0KGgo=", "mime_type": "image/png"}
sound = {"type": "audio", "base64": "UklGRg==", "mime_type": "audio/wav"}
found = []
for name, blocks in (
    ("picture", [picture]), ("picture and sound", [picture, sound]), ("sound as a file", [{**sound, "type": "file"}]),
):
    tool = StructuredTool.from_function(lambda blocks=blocks: blocks, name="sense", description="Senses.")
    content = tool.invoke({"type": "tool_call", "id": "1", "name": "sense", "args": {}}).content
    found.append(type(content).__name__)
    print(f"{name:18} {found[-1]:5} {str(content)[:90]}")
if found != ["list", "str", "list"]:
    sys.exit("changed")
P

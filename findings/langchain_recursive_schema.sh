#!/bin/sh
# langchain-core 1.8.3: in the OpenAI form of a tool, a schema that refers to itself loses what it says:
# the inner reference becomes {}, which allows anything.
#
# A tree whose nodes have a number and children of the same kind: its pydantic schema refuses a child that is a
# word, the schema that the model is given accepts it. Nothing is logged.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --target "$folder" langchain-core==1.8.3 pydantic==2.14.4 jsonschema==4.26.0
PYTHONPATH="$folder" python3 - <<'P'
import json, sys
from importlib.metadata import version

import jsonschema
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel


class Tree(BaseModel):
    """A tree."""

    value: int
    children: list["Tree"] = []


class Plant(BaseModel):
    """Plants a tree."""

    tree: Tree


given = Plant.model_json_schema()
shown = convert_to_openai_tool(Plant)["function"]["parameters"]
print("langchain-core", version("langchain-core"))
print("children in the class:  ", json.dumps(given["$defs"]["Tree"]["properties"]["children"]["items"]))
print("children for the model: ", json.dumps(shown["properties"]["tree"]["properties"]["children"]["items"]))
wrong = {"tree": {"value": 1, "children": ["not a tree"]}}
accepted = [jsonschema.Draft202012Validator(schema).is_valid(wrong) for schema in (given, shown)]
print("a word for a child is valid: in the class", accepted[0], "- for the model", accepted[1])
if accepted != [False, True]:
    sys.exit("changed")
P

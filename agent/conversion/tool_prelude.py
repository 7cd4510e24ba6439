"""Tools for chat templates that know none: what stands before such a template to make it list them.

The words are those of the small instruct models that do know tools (Qwen, SmolLM): tools as JSON in
the system message, a call as JSON between `<tool_call>` marks, what it returned as a user's message
between `<tool_response>` marks.
"""

import re

_TOOLS = re.compile(r"\btools\b")
CALL_START, CALL_END = "<tool_call>", "</tool_call>"

PRELUDE = """\
{%- set said = namespace(list=[], system='', text='') -%}
{%- for message in messages -%}
{%- if message.role == 'system' and loop.first -%}
{%- set said.system = message.content -%}
{%- elif message.role == 'assistant' and message.tool_calls -%}
{%- set said.text = message.content or '' -%}
{%- for call in message.tool_calls -%}
{%- set made = call.function or call -%}
{%- set said.text = said.text + ('\\n' if said.text else '') + '<tool_call>\\n' + \
({'name': made.name, 'arguments': made.arguments} | tojson) + '\\n</tool_call>' -%}
{%- endfor -%}
{%- set said.list = said.list + [{'role': 'assistant', 'content': said.text}] -%}
{%- elif message.role == 'tool' -%}
{%- set said.text = '<tool_response>\\n' + message.content + '\\n</tool_response>' -%}
{%- set said.list = said.list + [{'role': 'user', 'content': said.text}] -%}
{%- else -%}
{%- set said.list = said.list + [message] -%}
{%- endif -%}
{%- endfor -%}
{%- if tools -%}
{%- set said.text = '' -%}
{%- for tool in tools -%}
{%- set said.text = said.text + '\\n' + ((tool.function or tool) | tojson) -%}
{%- endfor -%}
{%- set said.system = (said.system + '\\n\\n' if said.system else '') + \
'You may call one of these tools:\\n<tools>' + said.text + '\\n</tools>\\n' + \
'To call it, answer with its name and arguments as JSON and nothing else:\\n<tool_call>\\n' + \
'{"name": "...", "arguments": {...}}\\n</tool_call>' -%}
{%- endif -%}
{%- set messages = ([{'role': 'system', 'content': said.system}] if said.system else []) + \
said.list -%}
"""
"""Jinja that turns tools, calls and results into messages of the roles that any template knows."""


def with_tools(template: str) -> str | None:
    """Returns a chat template that lists tools; None if it does so already.

    Without tools and calls in a dialog it writes what it wrote before, to the letter.

    Args:
        template: Jinja, as tokenizers keep it.
    """
    return None if _TOOLS.search(template) else PRELUDE + template

"""Text that can be written down: lone halves of surrogate pairs become U+FFFD.

JSON may hold them (half an emoji, as language models and web services write it), and so may what
comes through a pipe in another encoding. No file, tokenizer or terminal takes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

T = TypeVar("T")
M = TypeVar("M", bound="BaseMessage")


def well_formed(value: T) -> T:
    """Returns a text, or lists and dicts of texts, with lone surrogates replaced."""
    mended: Any = value
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:  # by way of UTF-16, where two halves that meet are whole again
            mended = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    elif isinstance(value, dict):
        mended = {well_formed(key): well_formed(one) for key, one in value.items()}
    elif isinstance(value, list):
        mended = [well_formed(one) for one in value]
    return mended


def well_formed_message(message: M) -> M:
    """Returns a message whose words and calls can be written down; itself if they could be."""
    from langchain_core.messages import AIMessage  # slow: not before there is a message

    update: dict[str, Any] = {"content": well_formed(message.content)}
    if isinstance(message, AIMessage):
        update["tool_calls"] = well_formed(message.tool_calls)
    same = all(getattr(message, name) == value for name, value in update.items())
    return message if same else message.model_copy(update=update)

"""Answers that are values of a schema: parsed, with the message that they were read from."""

from typing import Any

from langchain_core.language_models import LanguageModelInput
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.runnables import Runnable, RunnableMap, RunnablePassthrough
from pydantic import BaseModel


def parsed(
    model: Runnable[LanguageModelInput, Any], schema: dict[str, Any] | type, *, include_raw: bool
) -> Runnable[LanguageModelInput, Any]:
    """Return a model whose answers, JSON of a schema, are parsed.

    Args:
        model: Answers with nothing but JSON of the schema.
        schema: Pydantic class, typed dict, or JSON schema.
        include_raw: Return the message ("raw") and any parsing error ("parsing_error"), too.
    """
    parser: Any = JsonOutputParser()
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        parser = PydanticOutputParser(pydantic_object=schema)
    if not include_raw:
        return model | parser
    good = RunnablePassthrough.assign(
        parsed=lambda found: parser.invoke(found["raw"]), parsing_error=lambda _: None
    )
    bad = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=model) | good.with_fallbacks([bad], exception_key="parsing_error")

"""`/v1/embeddings`: texts, images, sounds and point clouds in the one space of the percepts."""

from __future__ import annotations

import base64
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from sensebind.agent.robot.control_messages import Embed
from sensebind.agent.server.content import medium
from sensebind.agent.server.link import RobotLink
from sensebind.errors import InputError

MODEL = "imagebind"
"""What clients name for embeddings."""
_MOST = 64  # items of one request

Item = str | int | list[Any] | dict[str, Any]


class EmbeddingRequest(BaseModel):
    """What is to be embedded.

    Attributes:
        model: `imagebind`.
        input: A text, or a list of texts and of parts as in messages: image_url, input_audio,
            file, points.
        encoding_format: "float", or "base64" of float32.
        dimensions: That of the encoder, where it is given.
    """

    model_config = ConfigDict(extra="allow")

    model: Annotated[str, Field(max_length=256)]
    input: str | dict[str, Any] | list[Item]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = None


async def embed(link: RobotLink, request: EmbeddingRequest) -> dict[str, Any]:
    """Return embeddings in OpenAI's form.

    Raises:
        SenseBindError: Something cannot be embedded, or the robot does not run.
    """
    given = request.input if isinstance(request.input, list) else [request.input]
    if not 0 < len(given) <= _MOST:
        raise InputError(f"input: 1 to {_MOST} items, not {len(given)}")
    found = await link.result(Embed([_item(one) for one in given]))
    vectors = [np.frombuffer(base64.b64decode(one), "<f4") for one in found["vectors"]]
    width = len(vectors[0])
    if request.dimensions not in (None, width):
        raise InputError(f"dimensions: the encoder's embeddings have {width}")
    plain = request.encoding_format != "base64"
    data = [
        {
            "object": "embedding",
            "index": number,
            "embedding": vector.tolist() if plain else found["vectors"][number],
        }
        for number, vector in enumerate(vectors)
    ]
    encoder = {"encoder": found["model"]}
    return {"object": "list", "data": data, "model": request.model, "sensebind": encoder}


def _item(given: Item) -> dict[str, Any]:
    if isinstance(given, str):
        return {"type": "text", "text": given}
    if not isinstance(given, dict):
        raise InputError(
            "input: tokens of another model's tokenizer mean nothing here: send texts "
            "(LangChain: check_embedding_ctx_length=False)"
        )
    if given.get("type") in ("text", "input_text"):
        return {"type": "text", "text": str(given.get("text") or "")}
    return medium(given)

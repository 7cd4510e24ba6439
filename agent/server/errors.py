"""Errors as clients of the OpenAI protocol expect them."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from sensebind.agent.server.link import TooBusy
from sensebind.agent.server.tokens import Role
from sensebind.errors import BusError, InputError, SenseBindError, one_line
from sensebind.perception.http_server import Scope

log = logging.getLogger(__name__)

UNKNOWN_MODEL = "model_not_found"


class NotAnswered(SenseBindError):
    """The robot took the question and has no answer: its language model failed."""


class UnknownModel(InputError):
    """A client names a model that is not served."""


class NotAllowed(InputError):
    """A token is for something else."""


def status_of(error: Exception) -> int:
    """Return the HTTP status of an error."""
    if isinstance(error, UnknownModel):
        return 404
    if isinstance(error, NotAllowed):
        return 403
    if isinstance(error, TooBusy):
        return 429
    if isinstance(error, NotAnswered):
        return 422  # neither worth another try, nor a fault of the server's
    return 400 if isinstance(error, InputError) else 503


def body_of(error: Exception, code: str | None = None) -> dict[str, Any]:
    """Return an error in OpenAI's form."""
    kind = "invalid_request_error" if status_of(error) < 500 else "server_error"
    if isinstance(error, UnknownModel):
        code = UNKNOWN_MODEL
    return {"error": {"message": one_line(error), "type": kind, "param": None, "code": code}}


def only(scope: Scope, *roles: Role) -> None:
    """Refuse a caller of another role.

    Args:
        scope: Of the request; its token's role is in it.
        roles: Who may.

    Raises:
        NotAllowed: The token is for something else.
    """
    if scope["role"] not in roles:
        raise NotAllowed(f"this token is the {scope['role']}'s, and not for this")


def add_handlers(app: FastAPI) -> None:
    """Answer all errors of an application in OpenAI's form."""

    @app.exception_handler(SenseBindError)
    async def known(_request: Request, error: SenseBindError) -> JSONResponse:
        again = isinstance(error, BusError | TooBusy)
        headers = {"retry-after": "5"} if again else None
        return JSONResponse(body_of(error), status_of(error), headers)

    @app.exception_handler(RequestValidationError)
    async def malformed(_request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0] if error.errors() else {"loc": (), "msg": "malformed"}
        where = ".".join(str(one) for one in first["loc"] if one != "body")
        message = f"{where}: {first['msg']}" if where else str(first["msg"])
        return JSONResponse(body_of(InputError(message), "malformed"), 400)

    @app.exception_handler(Exception)
    async def unknown(_request: Request, error: Exception) -> JSONResponse:
        log.error("a request failed", exc_info=error)
        body = {"message": "the server failed: see its log", "type": "server_error"}
        return JSONResponse({"error": body | {"param": None, "code": None}}, 500)

    @app.exception_handler(HTTPException)
    async def other(_request: Request, error: HTTPException) -> JSONResponse:
        body = {"message": str(error.detail), "type": "invalid_request_error"}
        return JSONResponse(
            {"error": body | {"param": None, "code": None}}, error.status_code, error.headers
        )

"""Every error reply has the shape of `ErrorReply`."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

log = logging.getLogger(__name__)

_CODES = {401: "unauthorized", 403: "not_allowed", 404: "not_found", 405: "not_allowed", 409: "conflict",
          413: "too_large", 422: "invalid", 429: "too_many", 503: "stopping"}


class ApiError(Exception):
    """An error reply with an HTTP status.

    code: where it is another than the status usually has.
    retry_seconds: after which the same request may be answered.
    """

    def __init__(self, status: int, message: str, code: str = "", retry_seconds: float = 0.0):
        super().__init__(message)
        self.status, self.code, self.retry_seconds = status, code, retry_seconds


def error_response(status: int, message: str, code: str = "", retry_seconds: float = 0.0) -> JSONResponse:
    """Return the reply for an error."""
    headers = {"Retry-After": f"{max(1, round(retry_seconds))}"} if retry_seconds else None
    content = {"error": {"code": code or _CODES.get(status, "failed"), "message": message}}
    return JSONResponse(content, status_code=status, headers=headers)


def add_error_handlers(app: FastAPI) -> None:
    """Give every error the shape of `ErrorReply`."""

    @app.exception_handler(ApiError)
    async def api_error(request: Request, error: ApiError) -> Response:
        return error_response(error.status, str(error), error.code, error.retry_seconds)

    @app.exception_handler(HTTPException)
    async def not_served(request: Request, error: HTTPException) -> Response:
        return error_response(error.status_code, f"The backend does not serve {request.method} {request.url.path}. "
                                                 "Update the older of backend and add-on.")

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        if first["type"] == "value_error":  # raised by our own validators, whose messages are sentences
            return error_response(422, str(first["ctx"]["error"]))
        return error_response(422, f"The backend does not understand the request ({where or 'body'}: {first['msg']}). "
                                   "Update the older of backend and add-on.")

    @app.exception_handler(ClientDisconnect)
    async def disconnected(request: Request, error: ClientDisconnect) -> Response:
        return error_response(400, "The file did not arrive whole. Send it again.")

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return error_response(500, f"Unexpected error in the backend: {type(error).__name__}. See its log.")

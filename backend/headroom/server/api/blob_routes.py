"""Routes of blobs: files by their SHA-256, sent in one piece or continued where a connection broke."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Any

from fastapi import Body, FastAPI, Header, Path, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from headroom.common.files import CHUNK_BYTES
from headroom.server.access.limits import GIGABYTE
from headroom.server.api.body_limit import length_of
from headroom.server.api.errors import ApiError
from headroom.server.api.services import Services
from headroom.server.api.users import CurrentUser, User
from headroom.server.uploads import Upload, WrongHash, WrongOffset

MAX_IGNORED_BYTES = 64 << 20  # of a refused upload that are read, because clients read the reply afterwards

_BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_UPLOAD = {"requestBody": {"required": True, "content": _BYTES}}
_REPLIES: dict[int | str, dict[str, Any]] = {200: {"description": "known"}}

ShaPath = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
Offset = Annotated[int, Header(ge=0, description="number of bytes that are left out, because they have arrived")]


class UploadRequest(BaseModel):
    """A file that a client is going to send."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bytes: int = Field(ge=0, le=1 << 50)


class UploadState(BaseModel):
    """What of a file the server has."""

    stored: bool = Field(description="whether it need not be sent")
    offset: int = Field(description="number of bytes that have arrived, where the upload goes on")


def add_blob_routes(app: FastAPI, services: Services) -> None:
    """Add the routes to an app."""
    store, blobs, uploads = services.store, services.store.blobs, services.uploads

    @app.head("/v2/blobs/{sha}")
    def has_blob(user: CurrentUser, sha: ShaPath) -> Response:
        require_blob(user, sha)
        return Response(headers={"Content-Length": str(blobs.path(sha).stat().st_size)})

    @app.get("/v2/blobs/{sha}", response_class=FileResponse, responses={200: {"content": _BYTES}})
    def get_blob(user: CurrentUser, sha: ShaPath) -> FileResponse:
        require_blob(user, sha)
        return FileResponse(blobs.path(sha), media_type="application/octet-stream")

    @app.post("/v2/blobs/{sha}")
    def announce_blob(user: CurrentUser, sha: ShaPath, upload: Annotated[UploadRequest, Body()]) -> UploadState:
        if services.can_read(user, sha):
            return UploadState(stored=True, offset=upload.bytes)
        offset = uploads.offset(user.name, sha)
        require_space(user, upload.bytes - offset, upload.bytes)
        return UploadState(stored=False, offset=offset)

    @app.put("/v2/blobs/{sha}", status_code=201, openapi_extra=_UPLOAD, responses=_REPLIES)
    async def put_blob(request: Request, user: CurrentUser, sha: ShaPath, upload_offset: Offset = 0) -> Response:
        if await run_in_threadpool(services.can_read, user, sha):
            await read_rest(request)
            return Response(status_code=200)
        announced = length_of(request.headers)
        try:
            await run_in_threadpool(require_space, user, announced, upload_offset + announced)
            await receive(request, user, sha, upload_offset)
        except (WrongHash, WrongOffset) as error:
            await read_rest(request)
            raise ApiError(409 if isinstance(error, WrongOffset) else 422, str(error)) from error
        except ApiError:
            await read_rest(request)
            raise
        except OSError as error:
            await read_rest(request)
            message = (f"The backend cannot store the file: {error.strerror}. Free some space in {store.folder} and "
                       "try again.")
            raise ApiError(507, message) from error
        await run_in_threadpool(store.holdings.add, user.name, [blobs.path(sha)])
        return Response(status_code=201)

    async def receive(request: Request, user: User, sha: str, offset: int) -> None:
        """Write the body into the blob. Hashing and writing run in other threads, because both take time."""
        receiving = uploads.receive(user.name, sha, offset)
        upload: Upload = await run_in_threadpool(receiving.__enter__)

        def write(chunk: bytes) -> None:
            require_space(user, len(chunk), upload.bytes + len(chunk))
            upload.write(chunk)

        try:
            async for chunk in _chunks(request):
                await run_in_threadpool(write, chunk)
        except BaseException as error:
            with suppress(type(error)):
                receiving.__exit__(type(error), error, error.__traceback__)
            raise
        await run_in_threadpool(receiving.__exit__, None, None, None)

    def require_space(user: User, more: int, size: int) -> None:
        """Raise ApiError where a file of `size` bytes, of which `more` are to come, exceeds what a user may store."""
        limits = services.limits
        if limits.upload_gb is not None and size > limits.upload_gb * GIGABYTE:
            raise ApiError(413, f"The file is larger than the {limits.upload_gb:g} GB that the server takes. Send a "
                                "shorter one.")
        if limits.user_gb is not None and not user.is_owner:
            held = store.holdings.bytes_of(user.name) + uploads.partial_bytes(user.name)
            if held + more > limits.user_gb * GIGABYTE:
                raise ApiError(507, f"Your files would take more than the {limits.user_gb:g} GB that the server gives "
                                    f"you. Files that you do not use are removed after {limits.keep_days:g} days.")

    async def read_rest(request: Request) -> None:
        """Read what the client still sends, because it reads the reply only afterwards; not for ever."""
        count = 0
        with suppress(RuntimeError, ClientDisconnect):  # a RuntimeError where everything has been read
            async for chunk in request.stream():
                count += len(chunk)
                if count > MAX_IGNORED_BYTES:
                    return

    def require_blob(user: User, sha: str) -> None:
        if not services.can_read(user, sha):
            raise ApiError(404, f"The backend does not hold the file {sha}. Start the job again.")


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    """Yield the body in larger pieces than it arrives in; also what came before a connection broke."""
    parts, size = list[bytes](), 0
    try:
        async for part in request.stream():
            parts.append(part)
            size += len(part)
            if size >= CHUNK_BYTES:
                yield b"".join(parts)
                parts, size = [], 0
    except ClientDisconnect:
        if parts:
            yield b"".join(parts)
        raise
    if parts:
        yield b"".join(parts)

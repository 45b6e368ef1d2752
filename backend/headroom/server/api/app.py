"""The HTTP API: jobs and blobs in, events and blobs out. docs/architecture.md describes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

import headroom
from headroom.server.api.blob_routes import add_blob_routes
from headroom.server.api.body_limit import LimitBody
from headroom.server.api.errors import add_error_handlers
from headroom.server.api.feed import Feed
from headroom.server.api.job_routes import add_job_routes
from headroom.server.api.metrics import Measure, Metrics, add_metrics_route
from headroom.server.api.replies import API_VERSION, ErrorReply, Health
from headroom.server.api.services import Services
from headroom.server.api.users import Authenticate


def create_app(services: Services) -> FastAPI:
    """Return the API; the runner starts and stops with it."""
    runner, feed = services.runner, Feed(services.store)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        runner.start()
        try:
            async with feed.running():
                yield
        finally:
            await asyncio.to_thread(runner.stop)

    app = FastAPI(
        title="Headroom",
        version=str(API_VERSION),
        lifespan=lifespan,
        redirect_slashes=False,
        openapi_url=None,  # the document is tests/server/openapi.json; every path that is served needs the token
        responses={"4XX": {"model": ErrorReply}, 422: {"model": ErrorReply}},
        separate_input_output_schemas=False,
    )
    metrics = Metrics(services, feed)
    app.add_middleware(LimitBody)  # the innermost, so that it answers users only
    app.add_middleware(Authenticate, access=services.access)
    app.add_middleware(Measure, metrics=metrics)  # outside of the former, so that refused requests count
    add_error_handlers(app)
    add_blob_routes(app, services)
    add_job_routes(app, services, feed)
    add_metrics_route(app, metrics)

    @app.get("/v1/health", include_in_schema=False)  # an add-on of version 1 reads `api` and tells which to update
    @app.get("/v2/health")
    async def health() -> Health:
        return Health(api=API_VERSION, version=headroom.__version__, device=runner.device)

    return app

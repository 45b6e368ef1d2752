"""Measures of the server for Prometheus."""

from __future__ import annotations

import time
from collections import Counter as Count
from collections.abc import Iterator

from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import headroom
from headroom.server.api.errors import ApiError
from headroom.server.api.feed import Feed
from headroom.server.api.services import Services
from headroom.server.api.users import CurrentUser
from headroom.server.jobs import JobState

BUCKETS = (0.005, 0.02, 0.05, 0.1, 0.5, 1, 5, 30, 120)  # seconds


class Metrics:
    """The measures of one server. Names of users are left out, because Prometheus keeps them."""

    def __init__(self, services: Services, feed: Feed):
        self.registry = CollectorRegistry()
        self.requests = Counter("headroom_requests", "Requests that were answered.", ("method", "route", "status"),
                                registry=self.registry)
        self.seconds = Histogram("headroom_request_seconds", "Time until an answer begins.", ("route",),
                                 registry=self.registry, buckets=BUCKETS)
        self.registry.register(_State(services, feed))


class _State(Collector):
    """What is read when it is asked for."""

    def __init__(self, services: Services, feed: Feed):
        self._services, self._feed = services, feed

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges."""
        unfinished = self._services.store.unfinished()
        states = Count(job.state for job in unfinished)
        jobs = GaugeMetricFamily("headroom_jobs", "Jobs that wait or run.", labels=["state"])
        for state in (JobState.QUEUED, JobState.RUNNING):
            jobs.add_metric([state.value], states[state])
        yield jobs
        waiting = [job.created for job in unfinished if job.state is JobState.QUEUED]
        yield GaugeMetricFamily("headroom_oldest_waiting_seconds", "Age of the job that has waited for longest.",
                                value=time.time() - min(waiting) if waiting else 0)
        yield GaugeMetricFamily("headroom_users", "Users with jobs that wait or run.",
                                value=len({job.user for job in unfinished}))
        finished = GaugeMetricFamily("headroom_finished_jobs", "Stored jobs that have ended.", labels=["state"])
        for name, count in self._services.store.count_finished().items():
            finished.add_metric([name], count)
        yield finished
        yield GaugeMetricFamily("headroom_listeners", "Open event streams.", value=self._feed.listeners)
        yield GaugeMetricFamily("headroom_accepts_jobs", "0 while the server drains.",
                                value=int(self._services.runner.accepts_jobs))
        build = GaugeMetricFamily("headroom_build", "Version and device.", labels=["version", "device"])
        build.add_metric([headroom.__version__, self._services.runner.device], 1)
        yield build


class Measure:
    """Middleware that counts and times requests by their route."""

    def __init__(self, app: ASGIApp, metrics: Metrics):
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and measure it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()

        async def measured(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "none")
                self._metrics.requests.labels(scope["method"], route, message["status"]).inc()
                self._metrics.seconds.labels(route).observe(time.perf_counter() - start)
            await send(message)

        await self._app(scope, receive, measured)


def add_metrics_route(app: FastAPI, metrics: Metrics) -> None:
    """Add the route to an app."""

    @app.get("/v2/metrics", response_class=Response)
    def measures(user: CurrentUser) -> Response:
        if user.role == "user":
            raise ApiError(403, "This token cannot read the metrics. Ask whoever runs the server for one that can.")
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

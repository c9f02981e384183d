"""Figures of the service for Prometheus."""

import pandas as pd
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE

SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1)
PAGES = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """Counts from the start of the server. Classes are those of ensembles, so no client can add a series."""

    def __init__(self) -> None:
        self._registry = own = CollectorRegistry()
        self._requests = Counter("docsort_requests", "Requests.", ["route", "status"], registry=own)
        self._seconds = Histogram(
            "docsort_request_seconds", "From request to answer.", ["route"], buckets=SECONDS, registry=own
        )
        self._pages = Counter("docsort_pages", "Pages answered, by class.", ["class_name"], registry=own)
        self._review = Counter("docsort_pages_needing_review", "Pages that a person should look at.", registry=own)
        self._unreadable = Counter("docsort_pages_unreadable", "Pages that could not be read.", registry=own)
        self._confidence = Histogram("docsort_confidence", "Of pages answered.", buckets=SHARES, registry=own)
        self._novelty = Histogram("docsort_novelty", "Of pages measured.", buckets=SHARES, registry=own)
        self._batches = Histogram("docsort_batch_pages", "Pages answered together.", buckets=PAGES, registry=own)
        self._waiting = Gauge("docsort_waiting_pages", "Pages that wait for an answer.", registry=own)
        self._ensemble = Gauge("docsort_ensemble", "1 for the ensemble in use.", ["fingerprint"], registry=own)

    def requested(self, route: str, status: int, seconds: float) -> None:
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def answered(self, table: pd.DataFrame) -> None:
        """table: ANSWERS and p_<target>."""
        for name, count in table["class_name"].value_counts().items():
            self._pages.labels(name).inc(count)
        self._review.inc(int(table["needs_review"].sum()))
        self._unreadable.inc(int((table["confidence"] == 0).sum()))
        for confidence in table["confidence"]:
            self._confidence.observe(confidence)
        for novelty in table["novelty"].dropna():
            self._novelty.observe(novelty)

    def batched(self, pages: int) -> None:
        self._batches.observe(pages)

    def text(self, fingerprint: str, waiting: int) -> tuple[bytes, str]:
        """All figures, and their content type."""
        self._waiting.set(waiting)
        self._ensemble.clear()
        self._ensemble.labels(fingerprint).set(1)
        return generate_latest(self._registry), CONTENT_TYPE

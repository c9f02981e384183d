"""What stands behind the routes: the model in use, processes that decode, and calls that answer many requests."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pandas as pd
from starlette.requests import Request

from docsort.errors import NoMapError, WorkerError
from docsort.images.reading import UnreadableImageError
from docsort.serving.http.batching import Batcher
from docsort.serving.http.decoding import DECODERS, pages_of
from docsort.serving.http.explaining import explain
from docsort.serving.http.limits import MEGABYTE, Limits, Refused, too_busy
from docsort.serving.http.metrics import Metrics
from docsort.serving.http.model import CurrentModel
from docsort.serving.http.schema import answers_of
from docsort.serving.http.uploads import Held, Upload, page_names
from docsort.work.executor import executor
from docsort.work.expendable import Expendables

MOST_EXPLAINED = 8
"""Requests for a heat map that may wait at a time."""


class Service:
    """Answers requests with `Ensemble.answer` and nothing else; every way out has a bound in time."""

    def __init__(self, model: CurrentModel, limits: Limits) -> None:
        self.model, self.limits, self.metrics = model, limits, Metrics()
        self.batcher = Batcher(executor().workers, limits.waiting, self.metrics.batched)
        self._held = Held(limits.held_megabytes * MEGABYTE)
        self._decoders = Expendables(DECODERS)
        self._explainers = ThreadPoolExecutor(1, "explain")
        self._explained = 0

    def close(self) -> None:
        """Takes no more, and ends the processes that decode; the executor's are the caller's."""
        self.model.close()
        self.batcher.close()
        self._decoders.close()
        self._explainers.shutdown(wait=False, cancel_futures=True)

    async def answer(self, request: Request) -> dict[str, Any]:
        """Like `schema.Answers`. Raises Refused."""
        model = self.model.now
        with Upload(request, self.limits, self._held) as upload:
            names, pages = await self._pages(upload)
            async with _limited(self.limits.seconds, 504, "Expected to answer within {} seconds; send fewer pages."):
                table = await self._predict(model.classifier, pages)
        self.metrics.answered(table)
        return {"fingerprint": model.fingerprint, "answers": answers_of(table, names)}

    async def explain(self, request: Request) -> bytes:
        """The JPEG of a page under its heat map. Raises Refused."""
        target, ensemble = request.query_params.get("target", ""), self.model.now.classifier.ensemble
        if not (target.isascii() and target.isdigit() and len(target) < 10):
            raise Refused(400, "Expected `target` in the query to be the number of a class.")
        if self._explained >= MOST_EXPLAINED:
            raise too_busy()
        self._explained += 1
        try:
            with Upload(request, self.limits, self._held) as upload:
                _, pages = await self._pages(upload)
                if len(pages) != 1:
                    raise Refused(400, "Expected a picture of one page; only such are explained.")
                loop = asyncio.get_running_loop()
                async with _limited(self.limits.seconds, 504, "Expected to explain within {} seconds; try again."):
                    return await loop.run_in_executor(self._explainers, explain, ensemble, pages[0], int(target))
        except UnreadableImageError as error:
            raise Refused(400, "Expected a picture that can be read, but this one cannot.") from error
        except NoMapError as error:
            raise Refused(409, "The network that counts most has no map of places to show.") from error
        except WorkerError as error:
            raise Refused(503, "The page could not be explained; the server may be short of memory.") from error
        finally:
            self._explained -= 1

    async def _pages(self, upload: Upload) -> tuple[list[str], list[bytes]]:
        """Names and pictures of all pages of an upload."""
        async with _limited(self.limits.seconds, 408, "Expected the whole request within {} seconds; send less."):
            files = await upload.files()
        async with _limited(self.limits.seconds, 504, "Expected to read the pages within {} seconds; send fewer."):
            found = await pages_of([data for _, data in files], self.limits, self._decoders)
        names = [page for (name, _), own in zip(files, found, strict=True) for page in page_names(name, len(own))]
        pages = [page for own in found for page in own]
        upload.hold(sum(map(len, pages)))
        return names, pages

    async def _predict(self, classifier: Any, pages: list[bytes]) -> pd.DataFrame:
        try:
            return await asyncio.wrap_future(self.batcher.submit(classifier, pages))
        except WorkerError as error:
            raise Refused(503, "The pages could not be answered; the server may be short of memory.") from error


class _limited:  # noqa: N801 (used as a word, like the context managers of asyncio)
    """Raises Refused of this status where what is inside takes longer; sentence: with {} for the seconds."""

    def __init__(self, seconds: int, status: int, sentence: str) -> None:
        self._timeout, self._refused = asyncio.timeout(seconds), Refused(status, sentence.format(seconds))

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(self, *error: Any) -> None:
        try:
            await self._timeout.__aexit__(*error)
        except TimeoutError as late:
            raise self._refused from late

# Answers pages over HTTP, on the CPU:
#
#     docker build -t docsort .
#     docker run --init -p 8000:8000 -e DOCSORT_TOKEN=... -v "$PWD/data/06_models/ensemble:/ensemble:ro" docsort
#
# docs/container.md says more.

FROM python:3.12-slim AS build

# EXTRA: more packages, "rapidocr onnxruntime" for an ensemble whose members read.
ARG EXTRA=""
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_NO_CACHE=1 UV_PYTHON_DOWNLOADS=never

# hadolint ignore=DL3013
RUN pip install --no-cache-dir uv

COPY pyproject.toml README.md LICENSE requirements.lock /source/
COPY src /source/src

RUN uv build --wheel --out-dir /wheels /source \
    && uv venv /opt/docsort

# The packages of the group `serve` only, in the versions of requirements.lock, and torch as PyTorch builds it for the
# CPU: what trains and what a GPU needs would be several gigabytes. Not in /source, whose uv settings are for working on
# Docsort: packages of PyTorch's index have no dates, which `exclude-newer` asks for.
# hadolint ignore=SC2086
RUN uv pip install --python /opt/docsort --torch-backend cpu --constraint /source/requirements.lock \
        --group /source/pyproject.toml:serve ${EXTRA} \
    && uv pip install --python /opt/docsort --no-deps /wheels/*.whl


FROM python:3.12-slim

RUN useradd --system --uid 10001 --create-home docsort
COPY --from=build /opt/docsort /opt/docsort

# One thread: pages are answered side by side.
ENV PATH="/opt/docsort/bin:$PATH" \
    PYTHONDONTWRITEBYTECODE=1 \
    OMP_NUM_THREADS=1 \
    MPLCONFIGDIR=/tmp/matplotlib \
    DOCSORT_ENSEMBLE=/ensemble

USER 10001
WORKDIR /home/docsort
EXPOSE 8000

HEALTHCHECK --interval=30s --timeout=6s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health', timeout=5)"]

ENTRYPOINT ["docsort"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]

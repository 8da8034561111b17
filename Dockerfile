# syntax=docker/dockerfile:1
# The same steps as `make install`, in two stages: compiler and sources stay behind in the first.
FROM python:3.11-slim-bookworm AS build
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
RUN python -m venv /opt/duckshift
COPY requirements.lock ./
RUN /opt/duckshift/bin/python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock
COPY . .
RUN /opt/duckshift/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-deps .

FROM python:3.11-slim-bookworm
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 5439 --home-dir /var/lib/duckshift --create-home --shell /usr/sbin/nologin duckshift \
    && install -d -o duckshift -g duckshift -m 0700 /var/lib/duckshift/data
COPY --from=build /opt/duckshift /opt/duckshift
# PYTHONSAFEPATH: a server.py that lies in the working folder is not ours.
ENV PATH=/opt/duckshift/bin:$PATH \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    DUCKSHIFT_SERVER_HOST=0.0.0.0 \
    DUCKSHIFT_STORAGE_DATA=/var/lib/duckshift/data \
    DUCKSHIFT_LOG_FORMAT=json
USER 5439
WORKDIR /var/lib/duckshift
VOLUME ["/var/lib/duckshift/data"]
EXPOSE 5439
# SIGTERM drains: running statements get server.drain_grace_s, so stop with at least that much time.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 CMD ["duckshift", "health"]
ENTRYPOINT ["duckshift"]
CMD ["serve"]

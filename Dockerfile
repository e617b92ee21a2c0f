# Darkroom as a container. `docker compose up` uses it; `make image-check` runs these steps without Docker.
# Both stages use Debian's own Python, so the virtual environment of the first stage works in the second.
# The base is named by the digest of its index, as https://github.com/docker-library/repo-info lists it: the build of
# 3 August 2026, for all architectures. Security updates since then come with `apt-get upgrade`.

FROM debian:bookworm-slim@sha256:abd67ffcfa541b485a3dff59865ab629aa048a6c613e639d36e7456b0b229241 AS build
# Debian's packages are not pinned: its mirrors keep only the newest versions, with the security updates.
# hadolint ignore=DL3008
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
COPY requirements.txt /tmp/requirements.txt
RUN python3 -m venv /opt/darkroom \
    && /opt/darkroom/bin/python -m pip install --no-cache-dir --require-hashes --only-binary :all: -r /tmp/requirements.txt \
    && /opt/darkroom/bin/python -m pip uninstall -y pip setuptools
COPY LICENSE /opt/darkroom/app/LICENSE
COPY bot /opt/darkroom/app/bot
COPY cogs /opt/darkroom/app/cogs
RUN /opt/darkroom/bin/python -m compileall -q /opt/darkroom

FROM debian:bookworm-slim@sha256:abd67ffcfa541b485a3dff59865ab629aa048a6c613e639d36e7456b0b229241
# ca-certificates for HTTPS; tzdata for TZ, which sets the time of the nightly maintenance.
# hadolint ignore=DL3008
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get upgrade -y \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ca-certificates python3 tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 darkroom \
    && useradd --uid 10001 --gid darkroom --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin darkroom \
    && install -d -o darkroom -g darkroom -m 0700 /data
COPY --from=build /opt/darkroom /opt/darkroom
WORKDIR /opt/darkroom/app
ENV PATH=/opt/darkroom/bin:/usr/local/bin:/usr/bin:/bin
ENV PYTHONUNBUFFERED=1
ENV PYTHONDONTWRITEBYTECODE=1
ENV DATA_DIR=/data
ENV HEALTH_PORT=8080
USER 10001:10001
VOLUME /data
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=20s --start-period=60s --retries=3 CMD ["python", "-m", "bot", "health"]
ENTRYPOINT ["python", "-m", "bot"]
CMD ["run"]

# The export image: edgeswap on a mounted folder, as a user who is not root.
#
#   docker build -t edgeswap .
#   docker run --rm -v "$PWD:/work" --user "$(id -u):$(id -g)" edgeswap export --int8 model.keras --data photos --output out
#
# The base is pinned by its full tag. A tag can be pushed again: who needs the very same bytes adds the digest that
# `docker buildx imagetools inspect` shows for it.
FROM python:3.11.15-slim-bookworm AS base

FROM base AS build
COPY . /src
RUN python -m venv /opt/edgeswap && /opt/edgeswap/bin/pip install --no-cache-dir /src

FROM base
RUN useradd --create-home --uid 1000 edgeswap && install --directory --owner=edgeswap --group=edgeswap /work
COPY --from=build /opt/edgeswap /opt/edgeswap
# Under `--user` there is no home folder for matplotlib's font cache and the run store.
ENV PATH=/opt/edgeswap/bin:$PATH MPLCONFIGDIR=/tmp/matplotlib EDGESWAP_CACHE_DIR=/tmp/edgeswap-store
USER 1000:1000
WORKDIR /work
ENTRYPOINT ["edgeswap"]
CMD ["--help"]

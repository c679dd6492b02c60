# The build image has compilers; what else the build and the program need is what the Makefile installs.
FROM golang:1.26-bookworm AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends libtesseract-dev libleptonica-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG VERSION=dev
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /asprak ./cmd/asprak

FROM debian:bookworm-slim AS asprak
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates libtesseract5 tesseract-ocr-eng tesseract-ocr-ind \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --create-home --home-dir /data asprak
COPY --from=build /asprak /usr/local/bin/asprak
USER 10001
ENV HOME=/data ASPRAK_DATA=/data ASPRAK_LISTEN=0.0.0.0:8080
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s CMD ["asprak", "health"]
ENTRYPOINT ["asprak"]
CMD ["serve"]

# syntax=docker/dockerfile:1

# The operator's image, for linux/amd64 and linux/arm64:
#
#   docker buildx build --platform linux/amd64,linux/arm64 --build-arg VERSION=0.1.0 --tag registry.example.com/sfe:0.1.0 --push .
#
# glibc rather than musl: its resolver and its allocator are those that the tests run with, and musl's allocator is slow for a program of
# several threads. So the last stage has the same Debian release as the first, or its glibc could be older than what was linked.

# At least the rust-version of Cargo.toml.
ARG RUST=1.95

# Compiled on the machine that builds, for the platform that is built: emulated, a release build of the AWS SDK takes hours.
FROM --platform=$BUILDPLATFORM docker.io/library/rust:${RUST}-slim-trixie AS build
ARG BUILDARCH
ARG TARGETARCH
# AWS-LC, which TLS uses, needs a C compiler alone: for Linux the crate brings its bindings and generated assembly, so neither CMake nor
# clang nor Go. The image has gcc for its own architecture; for the other one it is Debian's cross compiler, which crate cc finds by name.
RUN <<"SCRIPT"
set -eu
case "$TARGETARCH" in
  amd64) triple=x86_64-unknown-linux-gnu package=x86-64-linux-gnu ;;
  arm64) triple=aarch64-unknown-linux-gnu package=aarch64-linux-gnu ;;
  *) echo "TARGETARCH: $TARGETARCH: allowed are amd64 and arm64" >&2; exit 1 ;;
esac
if [ "$TARGETARCH" != "$BUILDARCH" ]; then
  apt-get update
  apt-get install --yes --no-install-recommends "gcc-$package" "libc6-dev-$TARGETARCH-cross"
  rm -rf /var/lib/apt/lists/*
fi
rustup target add "$triple"
echo "$triple" > /triple
SCRIPT
ENV CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
    CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER=x86_64-linux-gnu-gcc

WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY core core
COPY src src
# Not compiled. Cargo reads the manifests of the whole workspace, and fails unless the file of every target that they name exists.
COPY tests tests
COPY benches benches
# The caches are locked, as two platforms are built at the same time and Cargo's own locks don't reach from one container to the other.
# What stands in a cache is not in the layer: the binary is copied out. Cargo tells by its time whether a file has changed, and one of another
# checkout may be older than what the cache was built from: ours are always compiled, as if just written.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    find core src -type f -exec touch {} + \
    && cargo build --release --locked --package sfe --bin sfe --target "$(cat /triple)" \
    && cp "target/$(cat /triple)/release/sfe" /sfe

# glibc, libgcc and the CA certificates by which AWS is known; no shell and no package manager.
FROM gcr.io/distroless/cc-debian13:nonroot
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="sfe" \
      org.opencontainers.image.description="Puts AWS Step Functions workflows behind HTTP endpoints of API Gateway, from Kubernetes manifests" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /sfe /usr/local/bin/sfe
# By number: with a name a kubelet can't tell that it isn't root.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/sfe"]
CMD ["run"]

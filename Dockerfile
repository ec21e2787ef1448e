# The service of the chart's pods, and `lanes verify` for the chart's test.
#
#   make image        builds it with docker, podman or buildah, whichever is there
#   make demo-image   builds the stage "demo": the laptop mesh, for machines that are no Linux
#
# Python 3.13, because the OpenTelemetry Operator puts packages of its own before this image's, and
# lanes crossed under all that were tried, old and new; 3.12 ends with tracebacks under the new ones.
#
# The digest is that of the multi-architecture index, as many public repositories pin it (September
# 2026, Python 3.13.15); it was taken from there and not asked of the registry. To renew it:
#   docker buildx imagetools inspect python:3.13-slim-trixie
ARG BASE=docker.io/library/python:3.13-slim-trixie@sha256:9d2e5553305c7c7b0097999bb17187c69b921ccd6bc9d40e4bb5ebe652c00285

FROM ${BASE} AS build
WORKDIR /src
COPY requirements/cli.txt ./
# The secrets are for an index and a certificate of one's own: pip.conf, and the bundle it names.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=ca \
    python -m venv --without-pip /opt/venv \
 && python -m pip --python /opt/venv/bin/python install --quiet --no-cache-dir --no-compile \
      --disable-pip-version-check --only-binary :all: --require-hashes -r cli.txt \
 && find /opt/venv/bin -type f -delete
COPY services /opt/app/services
COPY lanes /opt/app/lanes
# A path file and not PYTHONPATH, which the Operator replaces. Compiled with unchecked hashes: files
# lose their times on the way here, and the root file system is read-only later.
RUN printf '/opt/app\n' > "$(echo /opt/venv/lib/python3.*/site-packages)/app.pth" \
 && printf '#!/opt/venv/bin/python\nfrom lanes.__main__ import main\n\nmain()\n' > /opt/venv/bin/lanes \
 && chmod 755 /opt/venv/bin/lanes \
 && /opt/venv/bin/python -m compileall -f -q -j 0 --invalidation-mode unchecked-hash /opt/venv /opt/app

FROM ${BASE} AS demo
COPY requirements/mesh.txt /tmp/
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=ca \
    python -m venv --without-pip /opt/venv \
 && python -m pip --python /opt/venv/bin/python install --quiet --no-cache-dir \
      --disable-pip-version-check --only-binary :all: --require-hashes -r /tmp/mesh.txt \
 && printf '/opt/app\n' > "$(echo /opt/venv/lib/python3.*/site-packages)/app.pth"
COPY services /opt/app/services
COPY lanes /opt/app/lanes
COPY k8s /opt/app/k8s
COPY scripts/publish.py /opt/app/
# Eight processes start at once: compiled, in a second.
RUN python -m compileall -f -q -j 0 --invalidation-mode unchecked-hash /opt/app \
      "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin PYTHONUNBUFFERED=1
WORKDIR /opt/app
USER 10001:10001
EXPOSE 8080 8081
ENTRYPOINT ["python", "publish.py", "8080", "8081", "--", "python", "-m", "lanes"]
CMD ["up"]

FROM ${BASE}
# The official image brings its library uncompiled, an installer, and programs that change the user.
RUN library=$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))') \
 && pip=$(python -c 'import pathlib, pip; print(pathlib.Path(pip.__file__).parent)') \
 && rm -rf "$pip" "$pip"-*.dist-info "$library/ensurepip" /usr/local/bin/pip* \
 && python -m compileall -f -q -j 0 --invalidation-mode unchecked-hash "$library" \
 && find / -xdev -type f -perm /6000 -exec chmod a-s {} +
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/app /opt/app
# The one protocol that there is an exporter for. A current Operator sets it, the guide's does not,
# and there the newest packages look for the other protocol, fail, and lanes are lost.
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
ARG BASE
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="traffic-lanes" \
      org.opencontainers.image.source="https://github.com/traffic-lanes/traffic-lanes" \
      org.opencontainers.image.description="Sample service and verification of traffic lanes in a service mesh" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.base.name="${BASE}"
WORKDIR /opt/app
USER 10001:10001
EXPOSE 8000 8001
# Kubernetes asks /healthz and /readyz itself; a HEALTHCHECK would be one more process a while.
ENTRYPOINT ["/opt/venv/bin/python", "-m", "services"]

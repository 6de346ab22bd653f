# docker build -t weekly-verdicts . ; compose.yaml shows how to run it.
FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY .ci/constraints.txt .ci/
COPY newsletter newsletter
COPY db db
COPY scheduler scheduler
COPY templates templates
RUN python -m venv /opt/newsletter \
 && /opt/newsletter/bin/pip install --no-cache-dir -c .ci/constraints.txt '.[postgres]'

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /data --create-home newsletter
COPY --from=build /opt/newsletter /opt/newsletter
ENV PATH=/opt/newsletter/bin:$PATH PYTHONUNBUFFERED=1
USER newsletter
WORKDIR /data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK CMD python -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=3)"
CMD ["sh", "-c", "newsletter init && exec newsletter serve --host 0.0.0.0 --port 8000"]

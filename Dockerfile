# The application only; NATS and Postgres are services of their own (compose.yaml).
FROM python:3.11-slim
WORKDIR /pulse
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY nats nats
COPY schemas/producers schemas/producers
COPY pulse pulse
RUN pip install --no-cache-dir -c requirements.lock . && useradd --system pulse && mkdir /data && chown pulse /data
USER pulse
CMD ["pulse", "--help"]

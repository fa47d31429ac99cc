# One image for every process of ours; a service differs only in its command.
FROM python:3.12.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 \
    RENTESEG_CONFIG=/app/config RENTESEG_STATE=/var/lib/renteseg RENTESEG_HOST=0.0.0.0

RUN groupadd --gid 10001 renteseg \
 && useradd --uid 10001 --gid renteseg --no-create-home --home-dir /var/lib/renteseg --shell /usr/sbin/nologin renteseg \
 && install -d -o renteseg -g renteseg -m 755 /var/lib/renteseg /var/lib/renteseg/simulator /rendered

WORKDIR /app

# The dependencies change seldom and the code often: two layers.
COPY requirements.lock ./
RUN pip install --require-hashes -r requirements.lock \
 && pip install setuptools==80.9.0

COPY . .
RUN pip install --no-deps --no-build-isolation --editable . \
 && python -m compileall -q .

USER renteseg

# A database password comes as a file and reaches libpq as the variable that it reads.
ENTRYPOINT ["/bin/sh", "-c", "if [ -n \"$RENTESEG_DATABASE_PASSWORD_FILE\" ]; then PGPASSWORD=$(cat \"$RENTESEG_DATABASE_PASSWORD_FILE\") || exit 1; export PGPASSWORD; fi; exec renteseg \"$@\"", "renteseg"]
CMD ["--help"]

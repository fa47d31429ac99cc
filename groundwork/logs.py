"""One event a line, in the words Prometheus and Alertmanager use too: `ts=… level=… process=… event=…`."""

import logging
import sys

import structlog


def configure_logs(process: str) -> None:
    """Send this process's events, and the warnings of its libraries, to stderr as logfmt lines."""
    structlog.configure(
        processors=[
            lambda _logger, _method, event: {"process": process, **event},
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(key_order=["ts", "level", "process", "event"], sort_keys=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_Events()], level=logging.WARNING, force=True)


class _Events(logging.Handler):
    """Carries the standard library's log records into the same one-line form."""

    def emit(self, record: logging.LogRecord) -> None:
        logger = structlog.get_logger().bind(logger=record.name)
        logger.log(record.levelno, record.getMessage(), exc_info=record.exc_info)

import io
import json
import logging

import pytest

from midonet_kubernetes.observability.logs import JsonFormatter, Redactor, TextFormatter, configure


@pytest.fixture
def log():
    root, logger = logging.getLogger(), logging.getLogger("midonet_kubernetes.test")
    before = root.handlers[:], root.level
    yield logger
    root.handlers[:], root.level = before


def record(message, *args):
    return logging.LogRecord("x", logging.INFO, "f", 1, message, args, None)


@pytest.mark.parametrize("formatter", [TextFormatter, JsonFormatter])
@pytest.mark.parametrize(
    "text",
    [
        "password is hunter2",
        "sent aHVudGVyMg== as Basic",
        "Authorization: Basic c2VjcmV0dGhpbmc6aHVudGVyMg==",
        '{"Authorization": "Bearer c2VjcmV0dGhpbmc6"}',
        "headers {'X-Auth-Token': 'c2VjcmV0dGhpbmc6'}",
        "https://admin:c2VjcmV0dGhpbmc6@host/midonet-api",
        "token: c2VjcmV0dGhpbmc6",
        "client-key-data: c2VjcmV0dGhpbmc6",
    ],
)
def test_no_secret_is_ever_written(formatter, text):
    redactor = Redactor()
    redactor.hide("hunter2", "")
    line = formatter(redactor).format(record("%s", text))
    assert "***" in line
    for secret in ("hunter2", "aHVudGVyMg", "c2VjcmV0dGhpbmc6"):
        assert secret not in line


def test_a_secret_in_a_traceback_is_hidden_too(log):
    redactor, out = Redactor(), io.StringIO()
    redactor.hide("hunter2")
    configure("info", "json", redactor, out)
    try:
        int("hunter2")
    except ValueError:
        log.exception("it failed")
    line = json.loads(out.getvalue())
    assert line["message"] == "it failed"
    assert "ValueError" in line["exception"]
    assert "hunter2" not in out.getvalue()


def test_text_lines_carry_time_level_and_logger(log):
    out = io.StringIO()
    configure("info", "text", Redactor(), out)
    log.info("hello %s", "there")
    log.debug("not this")
    (line,) = out.getvalue().splitlines()
    assert line.endswith("Z INFO    midonet_kubernetes.test: hello there")


def test_json_lines_are_one_object_each(log):
    out = io.StringIO()
    configure("debug", "json", Redactor(), out)
    log.debug("two\nlines")
    (line,) = out.getvalue().splitlines()
    read = json.loads(line)
    assert {key: read[key] for key in ("level", "logger", "message")} == {
        "level": "debug",
        "logger": "midonet_kubernetes.test",
        "message": "two\nlines",
    }

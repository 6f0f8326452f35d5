from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from midonet_kubernetes.cli.main import main

SETTLED = {"leader": True, "notReady": "", "kinds": {"Rule": {"wanted": 3, "pushed": 3}}, "unsettled": []}
WORKING = {
    "leader": True,
    "notReady": "",
    "kinds": {"Rule": {"wanted": 3, "pushed": 2}},
    "unsettled": [{"translation": "default/pod.4.web", "parked": False, "complaint": "MidoNet answers 500 to POST Port"}],
}


@pytest.fixture
def controllers():
    answers = {"/status": (200, json.dumps(SETTLED)), "/verify": (200, json.dumps({"checked": 3, "found": []}))}

    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            status, text = answers[self.path]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = answer  # noqa: N815 - http.server's names

        def log_message(self, *_arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    answers["url"] = f"http://127.0.0.1:{server.server_port}"
    yield answers
    server.shutdown()
    thread.join()
    server.server_close()


def test_all_pushed_is_success(controllers, capsys):
    assert main(["status", "--url", controllers["url"]]) == 0
    assert "Rule  3       3" in capsys.readouterr().out


def test_what_is_not_settled_is_named_and_is_no_success(controllers, capsys):
    controllers["/status"] = (200, json.dumps(WORKING))
    assert main(["status", "--url", controllers["url"]]) == 1
    assert "default/pod.4.web: MidoNet answers 500 to POST Port" in capsys.readouterr().out


def test_drift_is_named(controllers, capsys):
    controllers["/verify"] = (200, json.dumps({"checked": 3, "found": [{"kind": "Rule", "id": "r1"}]}))
    assert main(["status", "--verify", "--url", controllers["url"]]) == 1
    assert "Rule r1 was changed or missing" in capsys.readouterr().out


def test_json_is_for_machines(controllers, capsys):
    assert main(["status", "--verify", "-o", "json", "--url", controllers["url"]]) == 0
    assert json.loads(capsys.readouterr().out)["drift"] == {"checked": 3, "found": []}


def test_what_the_controllers_refuse_is_passed_on(controllers, capsys):
    controllers["/verify"] = (503, "this replica does not lead: ask the other one\n")
    assert main(["status", "--verify", "--url", controllers["url"]]) == 1
    assert "ask the other one" in capsys.readouterr().err


@pytest.mark.parametrize(("url", "code"), [("ftp://x", 2), ("http://127.0.0.1:1", 1)])
def test_a_place_where_nobody_answers_is_an_error_with_a_next_step(url, code, capsys):
    assert main(["status", "--url", url]) == code
    assert "--url" in capsys.readouterr().err

# recorded_answers.json is what kube-apiserver v1.35.4 answered to these requests, one after the other: status, and of
# refusals reason, message and fields; of tables the columns, wide ones with an asterisk. "ours_differs_in" names what we
# say in other words (Go's types and parsers), or refuse as the client's fault where it says that the server is at fault.
import json
from pathlib import Path

RECORDED = json.loads(Path(__file__).with_name("recorded_answers.json").read_text())
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


def digest(status, body):
    if body["kind"] == "Table":
        columns = [f"{column['name']}{'*' if column['priority'] else ''}" for column in body["columnDefinitions"]]
        return {"status": status, "columns": columns}
    if body["kind"] != "Status" or status < 300:
        return {"status": status}
    fields = sorted({cause["field"] for cause in body.get("details", {}).get("causes", [])})
    said = {"status": status, "reason": body["reason"], "message": body["message"], "fields": fields}
    return {name: value for name, value in said.items() if value}


async def test_requests_are_answered_as_kube_apiserver_answered_them(server):
    different = []
    for case in RECORDED:
        body = case.get("body")
        content = body.encode() if isinstance(body, str) else body
        accept = TABLE if "table" in case else "application/json"
        answer = await server.api.handle(
            server.request(case["method"], case["path"], content, case.get("media", "application/json"), Accept=accept)
        )
        ours, theirs = digest(answer.status, json.loads(answer.body)), dict(case["answer"])
        for name in case.get("ours_differs_in", ()):
            ours.pop(name, None)
            theirs.pop(name, None)
        if ours != theirs:
            different.append((case["method"], case["path"], body, ours, theirs))
    assert different == []

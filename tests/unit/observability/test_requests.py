from contextlib import asynccontextmanager

import pytest
from prometheus_client import generate_latest

from midonet_kubernetes.errors import Unreachable
from midonet_kubernetes.exchange import Request, Response, StreamedResponse
from midonet_kubernetes.observability.metrics import CONTROLLERS, Metrics
from midonet_kubernetes.observability.requests import MeasuredTransport, media_type

CHAIN = "application/vnd.org.midonet.Chain-v1+json"


class Scripted:
    def __init__(self, *answers):
        self.answers, self.closed = list(answers), False

    async def send(self, _request):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @asynccontextmanager
    async def stream(self, _request):
        async def chunks():
            yield b"x"

        yield StreamedResponse(200, {}, chunks())

    async def close(self):
        self.closed = True


def series(metrics, name):
    text = generate_latest(metrics.registry).decode().splitlines()
    return [line for line in text if line.startswith("midonet_kube_controllers_midonet_client_" + name)]


@pytest.mark.parametrize(
    ("request_", "resource"),
    [
        (Request("POST", "/chains", {"Content-Type": CHAIN}), CHAIN),
        (Request("GET", "/chains", {"accept": CHAIN}), CHAIN),
        (Request("DELETE", "/chains/1", {"Accept": CHAIN}), ""),
        (Request("POST", "/midonet-api/login", {"Content-Type": "application/json"}), ""),
        (Request("GET", "/"), ""),
    ],
)
def test_the_resource_label_is_the_media_type_and_empty_for_delete_and_login(request_, resource):
    assert media_type(request_) == resource


async def test_each_answer_is_counted_with_its_status_and_duration():
    ticks = iter([1.0, 1.2])
    metrics = Metrics(CONTROLLERS)
    transport = MeasuredTransport(Scripted(Response(201)), metrics, clock=lambda: next(ticks))
    await transport.send(Request("POST", "/chains", {"Content-Type": CHAIN}))
    assert series(metrics, "requests_total") == [
        f'midonet_kube_controllers_midonet_client_requests_total{{code="201",method="post",resource="{CHAIN}"}} 1.0'
    ]
    (total,) = series(metrics, "request_duration_seconds_sum")
    assert float(total.split()[-1]) == pytest.approx(0.2)


async def test_no_answer_counts_as_an_error_and_is_raised():
    metrics = Metrics(CONTROLLERS)
    with pytest.raises(Unreachable):
        await MeasuredTransport(Scripted(Unreachable("cut")), metrics).send(Request("GET", "/x", {"Accept": CHAIN}))
    assert series(metrics, "errors_total") == [
        f'midonet_kube_controllers_midonet_client_errors_total{{method="get",resource="{CHAIN}"}} 1.0'
    ]
    assert not series(metrics, "requests_total{")


async def test_streams_and_closing_are_passed_on():
    inner = Scripted()
    transport = MeasuredTransport(inner, Metrics(CONTROLLERS))
    async with transport.stream(Request("GET", "/x")) as streamed:
        assert [chunk async for chunk in streamed.chunks] == [b"x"]
    await transport.close()
    assert inner.closed

import pytest
from prometheus_client import generate_latest

from midonet_kubernetes.observability.metrics import (
    CONTROLLERS,
    LEADER,
    PUSHED,
    REQUEST_ERRORS,
    REQUEST_SECONDS,
    REQUESTS,
    Metrics,
)


def served(metrics):
    return generate_latest(metrics.registry).decode().splitlines()


def test_the_midonet_client_metrics_are_served_with_the_names_labels_and_help_of_the_contract():
    metrics = Metrics(CONTROLLERS)
    metrics[REQUEST_SECONDS].labels("get", "t", "200").observe(0.007)
    metrics[REQUESTS].labels("get", "t", "200").inc()
    metrics[REQUEST_ERRORS].labels("get", "t").inc()
    lines = served(metrics)
    client = "midonet_kube_controllers_midonet_client_"
    assert f"# HELP {client}request_duration_seconds Latency of MidoNet API call" in lines
    assert f"# TYPE {client}request_duration_seconds histogram" in lines
    assert f'{client}request_duration_seconds_bucket{{code="200",le="0.01",method="get",resource="t"}} 1.0' in lines
    assert f"# HELP {client}requests_total Number of MidoNet API calls" in lines
    assert f'{client}requests_total{{code="200",method="get",resource="t"}} 1.0' in lines
    assert f"# HELP {client}errors_total Number of failed MidoNet API calls" in lines
    assert f'{client}errors_total{{method="get",resource="t"}} 1.0' in lines


def test_no_series_is_served_that_nobody_declared():
    metrics = Metrics(CONTROLLERS)
    metrics[REQUEST_ERRORS].labels("get", "t").inc()
    assert not [line for line in served(metrics) if "_created" in line]


def test_every_name_is_declared_once():
    names = [metric.name for metric in CONTROLLERS]
    assert len(set(names)) == len(names)


def test_two_programs_in_one_process_do_not_share_metrics():
    one, other = Metrics(CONTROLLERS), Metrics(CONTROLLERS)
    one[LEADER].set(1)
    assert "midonet_kube_controllers_leader 0.0" in served(other)


def test_a_metric_that_was_not_declared_is_refused():
    with pytest.raises(KeyError):
        Metrics([LEADER])[PUSHED]

import bench_agent
import bench_cni
import bench_midonet_api
import bench_traffic
import pytest
from measuring.networks import needs_root

pytestmark = pytest.mark.slow


@needs_root
def test_plugins_are_measured(tmp_path):
    report = bench_cni.measure(bench_cni.SMALL, tmp_path)
    report.show()
    assert [bool(table.rows) for table in report.tables] == [True] * 4


@needs_root
def test_the_agent_is_measured(tmp_path):
    report = bench_agent.measure(bench_agent.SMALL, tmp_path)
    report.show()
    assert [bool(table.rows) for table in report.tables] == [True] * 3


@needs_root
def test_traffic_is_measured(tmp_path):
    report = bench_traffic.measure(bench_traffic.SMALL, tmp_path)
    report.show()
    assert [bool(table.rows) for table in report.tables] == [True] * 5
    assert report.aims[-1].is_met  # no connection fails, however few there are


def test_the_api_is_measured(tmp_path):
    report = bench_midonet_api.measure(bench_midonet_api.SMALL, tmp_path)
    report.show()
    assert [bool(table.rows) for table in report.tables] == [True] * 4

import bench_control_plane
import bench_control_plane_scale
import pytest

from midonet_kubernetes.testing import kubernetes_programs


@pytest.mark.cluster
@pytest.mark.skipif(not kubernetes_programs.find(), reason=kubernetes_programs.ABSENT)
def test_the_control_plane_is_measured(tmp_path):
    report = bench_control_plane.measure(bench_control_plane.SMALL, tmp_path)
    report.show()
    assert [bool(table.rows) for table in report.tables] == [True] * 2


def test_a_large_control_plane_is_measured(tmp_path):
    report = bench_control_plane_scale.measure(bench_control_plane_scale.SMALL, tmp_path)
    report.show()
    assert [bool(table.rows) for table in report.tables] == [True] * 2

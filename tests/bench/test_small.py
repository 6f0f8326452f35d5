import bench_cni
from measuring.networks import needs_root


@needs_root
def test_plugins_are_measured(tmp_path):
    report = bench_cni.measure(bench_cni.SMALL, tmp_path)
    report.show()
    assert [bool(table.rows) for table in report.tables] == [True] * 4

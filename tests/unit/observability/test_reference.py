from pathlib import Path

from midonet_kubernetes.observability import reference


def test_the_page_of_metrics_is_that_of_the_code():
    written = Path(__file__).parents[3] / "docs" / "reference" / "metrics.md"
    assert written.read_text() == reference.page(), reference.__doc__

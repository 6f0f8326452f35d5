from datetime import UTC, datetime

import pytest

from midonet_kubernetes.kubernetes_api.embedded.durations import human, since, timestamp

MINUTE, HOUR, DAY = 60, 3_600, 86_400


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (3 * MINUTE + 4, "3m4s"),
        (10 * MINUTE, "10m"),
        (179 * MINUTE, "179m"),
        (3 * HOUR, "3h"),
        (7 * HOUR + 30 * MINUTE, "7h30m"),
        (8 * HOUR, "8h"),
        (47 * HOUR, "47h"),
        (2 * DAY, "2d"),
        (7 * DAY + 5 * HOUR, "7d5h"),
        (8 * DAY, "8d"),
        (3 * 365 * DAY + 2 * DAY, "3y2d"),
        (9 * 365 * DAY, "9y"),
    ],
)
def test_durations_are_shown_as_kubectl_shows_them(seconds, shown):
    assert human(seconds) == shown


def test_ages():
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert since("2026-01-02T03:04:00Z", now) == "5s"
    assert since("2026-01-02T03:03:00.123456Z", now) == "64s"
    assert [since(text, now) for text in (None, "", "yesterday", "2026-01-02T03:04:00")] == ["<unknown>"] * 4
    assert timestamp(now) == "2026-01-02T03:04:05Z"

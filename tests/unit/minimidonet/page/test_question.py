from __future__ import annotations

import pytest

from midonet_kubernetes.minimidonet.page.question import MOST_ROWS, Question
from midonet_kubernetes.minimidonet.rest.refusal import Refusal

NAMES = {f"{number:03}": f"Name {number}" for number in range(300)}


def ask(**query):
    return Question.read(query).rows(NAMES, lambda id_: id_, lambda id_: (NAMES[id_], None))


def test_a_page_has_the_rows_from_its_offset_on():
    assert ask(offset="2", limit="3") == {"total": 300, "offset": 2, "rows": ["002", "003", "004"]}
    assert ask(offset="299")["rows"] == ["299"]
    assert ask(offset="300")["rows"] == []


def test_no_page_has_all_the_rows_of_a_large_table():
    assert len(ask()["rows"]) == 50
    assert len(ask(limit="999999")["rows"]) == MOST_ROWS


def test_a_search_is_for_any_part_of_a_text_and_the_beginning_of_an_id():
    assert ask(search=" NAME 29")["total"] == 11
    assert ask(search="29")["rows"] == ["029", "129", "229", *(f"{number}" for number in range(290, 300))]
    assert ask(search="00", offset="1", limit="1") == {"total": 12, "offset": 1, "rows": ["001"]}


@pytest.mark.parametrize("number", ["-1", "x", "1.5", "٣", "9" * 10])
def test_a_number_that_is_none_is_refused(number):
    for name in ("offset", "limit"):
        with pytest.raises(Refusal) as caught:
            Question.read({name: number})
        assert caught.value.status == 400

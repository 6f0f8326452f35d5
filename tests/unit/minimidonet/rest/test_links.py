from __future__ import annotations

from midonet_kubernetes.minimidonet.rest.links import Links


def test_a_link_is_made_from_fields_and_null_without_them():
    links = Links(
        rules="chains/{id}/rules",
        filter="chains/{filterId}",
        both="hosts/{hostId}/ports/{id}",
        template="b/{id}/v/{{vlan}}/{{a}}_{{b}}",
    )
    object_ = {"id": "i", "filterId": None, "hostId": None}
    links.add_to(object_, "http://h/api")
    assert object_ == {
        "id": "i",
        "filterId": None,
        "hostId": None,
        "rules": "http://h/api/chains/i/rules",
        "filter": None,
        "both": None,
        "template": "http://h/api/b/i/v/{vlan}/{a}_{b}",
    }
    links.add_to(object_ | {"hostId": "h"}, "x")
    made = {**object_, "hostId": "h"}
    links.add_to(made, "x")
    assert made["both"] == "x/hosts/h/ports/i"

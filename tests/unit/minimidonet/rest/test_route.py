from __future__ import annotations

import pytest

from midonet_kubernetes.minimidonet.rest.refusal import Refusal
from midonet_kubernetes.minimidonet.rest.route import Route, Table, allowed
from midonet_kubernetes.minimidonet.routes import ROUTES

ID = "8f3f1d2e-5a0b-4c55-9d3e-0c1b7f6a2d10"
TABLE = Table(ROUTES)


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/", {}),
        ("/bridges", {}),
        ("/bridges/", {}),
        ("/bridges/%7Bid%7D", {"id": "{id}"}),
        (f"/bridges/{ID.upper()}", {"id": ID.upper()}),
        (f"/bridges/{ID.upper()}/ports", {"parent": ID}),
        (f"/bridges/{ID}/vlans/5/mac_table/a_b", {"parent": ID, "vlan": "5", "entry": "a_b"}),
        (f"/ip_addr_groups/{ID}/versions/6/ip_addrs/fd00%3A%3A1", {"parent": ID, "version": "6", "address": "fd00::1"}),
    ],
)
def test_a_path_is_found_with_its_parameters(path, parameters):
    routes, found = TABLE.find(path)
    assert routes
    assert found == parameters


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/nothing", "Root resource nothing not found"),
        ("/login/", "Root resource login not found"),
        ("//bridges", None),
        (f"/bridges/{ID}/nothing", None),
        ("/bridges/xyz/ports", None),
        (f"/bridges/{ID}/vlans/5", None),
        ("/system_state/x/y", None),
    ],
)
def test_a_path_that_leads_nowhere_is_404(path, message):
    with pytest.raises(Refusal) as caught:
        TABLE.find(path)
    assert (caught.value.status, caught.value.message) == (404, message)


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/bridges", "GET,HEAD,OPTIONS,POST"),
        (f"/bridges/{ID}", "DELETE,GET,HEAD,OPTIONS,PUT"),
        (f"/ports/{ID}/link", "DELETE,OPTIONS,POST"),
    ],
)
def test_allow_names_what_the_path_takes(path, wanted):
    assert allowed(TABLE.find(path)[0]) == wanted


@pytest.mark.parametrize("paths", [("/a", "/a"), ("/a/{x}", "/a/{y}"), ("/a/{x}", "/a/{x:uuid}")])
def test_two_routes_for_one_thing_are_a_defect(paths):
    routes = [
        Route(method, path, lambda *_: None)
        for method, path in zip(("GET", "GET" if paths[0] == paths[1] else "PUT"), paths, strict=True)
    ]
    with pytest.raises(ValueError, match="contradicts"):
        Table(routes)


def test_every_resource_has_the_verbs_that_midonet_gives_it():
    for path in ("/routers", "/bridges", "/chains", "/hosts", "/tunnel_zones", "/ports", "/rules", "/routes", "/vips", "/pools"):
        assert set(TABLE.find(path)[0]) == {"GET", "POST"}
        assert set(TABLE.find(f"{path}/x")[0]) == {"GET", "PUT", "DELETE"}

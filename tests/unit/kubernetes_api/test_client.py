import asyncio
import json
from contextlib import aclosing

import pytest

from midonet_kubernetes import errors
from midonet_kubernetes.exchange import Response
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.credentials import Token
from midonet_kubernetes.kubernetes_api.kinds import LEASE, NODE, POD, SERVICE, TRANSLATION, raw
from midonet_kubernetes.model.kubernetes import Lease, LeaseSpec, Metadata
from midonet_kubernetes.testing.faulty_kubernetes import FaultyKubernetes, failure
from midonet_kubernetes.testing.virtual_time import elapse, turn

pytestmark = pytest.mark.looptime

PODS = "/api/v1/pods"
CONFIG_MAP = raw("v1", "ConfigMap", "configmaps", namespaced=True)


def pod(name, node=""):
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {"nodeName": node}}


class Rotating:
    """Credentials whose token is another one each time they were refused."""

    def __init__(self, *tokens):
        self.tokens = list(tokens)

    async def headers(self):
        return {"Authorization": f"Bearer {self.tokens[0]}"}

    def forget(self):
        self.tokens.append(self.tokens.pop(0))
        return True


@pytest.fixture
def api():
    return FaultyKubernetes()


@pytest.mark.parametrize(
    ("kind", "parts", "path"),
    [
        (POD, {}, "/api/v1/pods"),
        (POD, {"namespace": "x", "name": "a"}, "/api/v1/namespaces/x/pods/a"),
        (NODE, {"namespace": "ignored", "name": "n1"}, "/api/v1/nodes/n1"),
        (
            TRANSLATION,
            {"namespace": "x", "name": "t", "subresource": "status"},
            "/apis/midonet.org/v1/namespaces/x/translations/t/status",
        ),
        (LEASE, {"namespace": "kube-system"}, "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"),
        (CONFIG_MAP, {"namespace": "x", "name": "a/b?c"}, "/api/v1/namespaces/x/configmaps/a%2Fb%3Fc"),
    ],
)
def test_paths(kind, parts, path):
    assert kind.path(**parts) == path


@pytest.mark.parametrize(
    ("status", "reason", "error"),
    [
        (400, "BadRequest", errors.Invalid),
        (401, "Unauthorized", errors.Unauthorized),
        (403, "Forbidden", errors.Forbidden),
        (404, "NotFound", errors.NotFound),
        (409, "AlreadyExists", errors.AlreadyExists),
        (409, "Conflict", errors.Conflict),
        (410, "Expired", errors.Gone),
        (422, "Invalid", errors.Invalid),
        (500, "InternalError", errors.KubernetesApiError),
        (503, "ServiceUnavailable", errors.KubernetesApiError),
    ],
)
async def test_each_failure_is_an_error_of_its_own(api, status, reason, error):
    api.answers.append(failure(status, reason, "the server's words"))
    with pytest.raises(error, match="the server's words") as caught:
        await Client(api).get(POD, "a", namespace="default")
    assert type(caught.value) is error
    assert (caught.value.status, caught.value.reason) == (status, reason)


async def test_an_answer_that_is_no_status_is_quoted_in_part(api):
    api.answers.append(Response(502, {}, b"<html>" + b"x" * 10_000))
    with pytest.raises(errors.KubernetesApiError, match="<html>") as caught:
        await Client(api).get(POD, "a")
    assert len(str(caught.value)) < 300


async def test_an_object_is_created_with_what_names_its_kind(api):
    lease = Lease(metadata=Metadata(name="l", namespace="x"), spec=LeaseSpec(holder_identity="me"))
    created = await Client(api).create(LEASE, lease)
    assert created.metadata.resource_version
    body = json.loads(api.requests[-1].body)
    assert body["apiVersion"] == "coordination.k8s.io/v1"
    assert body["kind"] == "Lease"
    assert body["spec"] == {"holderIdentity": "me"}


async def test_409_on_an_update_is_a_conflict_and_the_new_version_can_be_replaced(api):
    client = Client(api)
    old = await client.create(CONFIG_MAP, {"metadata": {"name": "c", "namespace": "x"}, "data": {"n": "1"}})
    new = await client.replace(CONFIG_MAP, {**old, "data": {"n": "2"}})
    with pytest.raises(errors.Conflict):
        await client.replace(CONFIG_MAP, {**old, "data": {"n": "3"}})
    assert (await client.replace(CONFIG_MAP, {**new, "data": {"n": "3"}}))["data"] == {"n": "3"}


async def test_a_merge_patch_says_so_and_can_go_to_the_status(api):
    api.put(PODS, pod("a"))
    patched = await Client(api).patch(POD, "a", {"status": {"podIP": "10.0.0.1"}}, namespace="default", subresource="status")
    assert patched.status.pod_ip == "10.0.0.1"
    assert api.requests[-1].headers["Content-Type"] == "application/merge-patch+json"
    assert api.requests[-1].path.endswith("/pods/a/status")


async def test_server_side_apply_says_who_applies(api):
    api.put("/api/v1/configmaps", {"metadata": {"name": "c", "namespace": "x"}})
    await Client(api).apply(CONFIG_MAP, {"metadata": {"name": "c", "namespace": "x"}, "data": {}}, field_manager="lab")
    assert api.requests[-1].path.endswith("/configmaps/c?fieldManager=lab&force=true")
    assert api.requests[-1].headers["Content-Type"] == "application/apply-patch+yaml"


async def test_a_deletion_carries_its_conditions(api):
    api.put(PODS, pod("a"))
    await Client(api).delete(POD, "a", namespace="default", propagation="Foreground", uid="u", resource_version="7")
    assert json.loads(api.requests[-1].body) == {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": "Foreground",
        "preconditions": {"uid": "u", "resourceVersion": "7"},
    }
    with pytest.raises(errors.NotFound):
        await Client(api).delete(POD, "a", namespace="default")


async def test_a_list_leaves_out_what_cannot_be_read_and_reports_it(api):
    api.put(PODS, pod("a"))
    api.put(PODS, pod("b", 7))
    bad = []
    found = await Client(api).list(POD, on_bad=bad.append)
    assert [each.metadata.name for each in found] == ["a"]
    assert [each.key for each in bad] == ["default/b"]


async def test_a_list_whose_pages_expire_is_begun_anew_and_has_nothing_twice(api):
    for number in range(700):
        api.put(PODS, pod(f"p{number}"))
    api.answers.extend([api._handle, failure(410, "Expired")])
    assert len(await Client(api).list(POD, namespace="default")) == 700


async def test_a_list_whose_pages_always_expire_is_given_up(api):
    for number in range(700):
        api.put(PODS, pod(f"p{number}"))
    api.answers.extend([api._handle, failure(410, "Expired")] * 10)
    with pytest.raises(errors.Gone):
        await Client(api).list(POD)


async def test_the_next_page_is_asked_for_while_one_is_looked_at_and_no_further_one(api):
    for name in "abcde":
        api.put(PODS, pod(name))
    pages = Client(api).pages(POD, size=2)
    async with aclosing(pages):
        assert [one.metadata.name for one in (await anext(pages)).objects] == ["a", "b"]
        await turn()
        assert len(api.requests) == 2
    await elapse(1.0)
    assert len(api.requests) == 2


async def test_a_page_that_fails_while_the_last_one_is_looked_at_is_told_when_its_turn_comes(api):
    for name in "abc":
        api.put(PODS, pod(name))
    api.answers.extend([api._handle, failure(500)])
    pages = Client(api).pages(POD, size=2)
    await anext(pages)
    await elapse(1.0)
    with pytest.raises(errors.ApiError):
        await anext(pages)


async def test_an_answer_that_is_no_list_is_no_usable_answer(api):
    api.answers.append(Response(200, {}, b"<html>it works</html>"))
    with pytest.raises(errors.Unreachable, match="no list"):
        await Client(api).list(SERVICE)


async def test_a_401_reads_the_credentials_again_once(api):
    api.put(PODS, pod("a"))
    api.answers.append(failure(401, "Unauthorized"))
    await Client(api, Rotating("old", "new")).get(POD, "a", namespace="default")
    assert [request.headers["Authorization"] for request in api.requests] == ["Bearer old", "Bearer new"]
    api.answers.extend([failure(401, "Unauthorized")] * 2)
    with pytest.raises(errors.Unauthorized):
        await Client(api, Rotating("old", "new")).get(POD, "a", namespace="default")
    assert not api.answers


async def test_a_401_at_the_start_of_a_watch_reads_the_credentials_again_once(api):
    api.answers.append(failure(401, "Unauthorized"))
    async with Client(api, Rotating("old", "new")).stream(f"{PODS}?watch=true&resourceVersion=100"):
        assert [request.headers["Authorization"] for request in api.requests] == ["Bearer old", "Bearer new"]
    api.answers.extend([failure(401, "Unauthorized")] * 2)
    with pytest.raises(errors.Unauthorized):
        async with Client(api, Rotating("old", "new")).stream(f"{PODS}?watch=true"):
            pytest.fail("it was refused")


async def test_a_fixed_token_is_not_tried_twice(api):
    api.answers.append(failure(401, "Unauthorized"))
    with pytest.raises(errors.Unauthorized):
        await Client(api, Token("t")).get(POD, "a")
    assert len(api.requests) == 1


async def test_credentials_that_cannot_be_had_are_an_api_error_that_names_them(api):
    class Missing(Token):
        async def headers(self):
            raise errors.UserError("the token file /x cannot be read")

    with pytest.raises(errors.Unauthorized, match="token file /x"):
        await Client(api, Missing()).get(POD, "a")


async def test_a_429_is_sent_again_after_the_time_that_was_asked_for(api):
    api.put(PODS, pod("a"))
    api.answers.extend([failure(429, headers={"retry-after": "7"}), failure(429)])
    await Client(api).get(POD, "a", namespace="default")
    assert 8 <= asyncio.get_running_loop().time() <= 10


async def test_a_429_is_not_waited_out_for_ever(api):
    api.answers.extend([failure(429, headers={"retry-after": "86400"})] * 5)
    with pytest.raises(errors.TooManyRequests) as caught:
        await Client(api).get(POD, "a")
    assert caught.value.retry_after == 86400
    assert len(api.requests) == 5
    assert asyncio.get_running_loop().time() < 4 * 38


@pytest.mark.parametrize("value", ["Wed, 21 Oct 2026 07:28:00 GMT", "-1", "", "nan"])
async def test_a_retry_after_that_is_no_number_of_seconds_is_passed_over(api, value):
    api.put(PODS, pod("a"))
    api.answers.append(failure(429, headers={"retry-after": value}))
    await Client(api).get(POD, "a", namespace="default")
    assert asyncio.get_running_loop().time() < 2


async def test_an_answer_that_is_another_thing_than_asked_for_is_an_error(api):
    api.put(PODS, pod("a", 7))
    with pytest.raises(errors.KubernetesApiError, match=r"no readable Pod.*nodeName"):
        await Client(api).get(POD, "a", namespace="default")

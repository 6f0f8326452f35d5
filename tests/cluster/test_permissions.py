import asyncio
from pathlib import Path

import yaml

from midonet_kubernetes.kubernetes_api.client import MERGE_PATCH
from midonet_kubernetes.kubernetes_api.kinds import EVENT, NODE, POD
from midonet_kubernetes.model.annotations import MAC_ADDRESS
from midonet_kubernetes.node.cluster import Cluster
from midonet_kubernetes.node.state import Annotation
from midonet_kubernetes.testing import small_cluster
from midonet_kubernetes.testing.background import until
from midonet_kubernetes.testing.cluster_load import post
from midonet_kubernetes.testing.installation import CONTROLLERS
from midonet_kubernetes.testing.objects import ENDPOINTS, PODS
from midonet_kubernetes.testing.small_cluster import TRANSLATIONS, endpoints, until_pushed

DEPLOY = Path(__file__).parents[2] / "deploy"
NODE_DAEMON = "midonet-kube-node"
LEGACY = {"metadata": {"name": "web"}, "subsets": [{"addresses": [{"ip": "10.1.1.5"}], "ports": [{"name": "p80", "port": 80}]}]}


def granted(file, name):
    """Group, resource and verb of all that the manifest's roles of a ServiceAccount allow."""
    documents = [document for document in yaml.safe_load_all((DEPLOY / file).read_text()) if document]
    roles = [one for one in documents if one["kind"] in {"Role", "ClusterRole"} and one["metadata"]["name"] == name]
    rules = [rule for role in roles for rule in role["rules"]]
    return {
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def used(kubernetes, account, since):
    """The same of all that it has asked for since, and what of it was forbidden."""
    entries, _ = kubernetes.audit(since=since)
    asked, forbidden = set(), []
    for entry in entries:
        about = entry.get("objectRef")
        if about is None or entry["user"]["username"] != f"system:serviceaccount:kube-system:{account}":
            continue
        resource = "/".join(filter(None, (about["resource"], about.get("subresource"))))
        asked.add((about.get("apiGroup", ""), resource, entry["verb"]))
        if "sendInitialEvents" in entry["requestURI"]:  # a list, and one in pages if the stream breaks
            asked.add((about.get("apiGroup", ""), resource, "list"))
        if entry["responseStatus"]["code"] == 403:
            forbidden.append((entry["verb"], entry["requestURI"]))
    return asked, forbidden


async def compare(kubernetes, file, account, since):
    async def look():  # a watch is written down when it ends
        asked, forbidden = used(kubernetes, account, since)
        assert forbidden == []
        assert asked == granted(file, account)
        return True

    await until("each permission used, and no other", look, seconds=5.0)


async def test_the_controllers_use_every_permission_of_their_manifest_and_need_no_other(kubernetes, api, installation):
    _, mark = kubernetes.audit()
    await small_cluster.create(api, installation)
    await post(api, ENDPOINTS, LEGACY)
    with installation.running() as replica:
        await until_pushed(api, replica)
        for address in ("10.1.1.8", "10.1.1.9"):  # said twice: an Event is counted up

            async def followed(address=address):
                return address in await endpoints(installation.midonet)

            await small_cluster.move_second_endpoint(api, address)
            await until("the new endpoint", followed, programs=[replica.process])
        await api.send("PATCH", f"{PODS}/web-2/status", b'{"status":{"phase":"Succeeded"}}', MERGE_PATCH)
        await until_pushed(api, replica, count=TRANSLATIONS - 3)

        async def counted_up():
            return ("", "events", "patch") in used(kubernetes, CONTROLLERS, mark)[0]

        await until("an Event that is counted up", counted_up, programs=[replica.process])
    with installation.running("legacy", MIDONETKUBE_ENDPOINTS_SOURCE="endpoints") as replica:

        async def of_endpoints():
            return await endpoints(installation.midonet) == ["10.1.1.5"]

        await until("the endpoints of the older kind", of_endpoints, programs=[replica.process])
        await until("the end of what it replaces", replica.settled, programs=[replica.process])
    await compare(kubernetes, "controllers.yaml", CONTROLLERS, mark)


class Wishes:
    def __init__(self, annotation):
        self.waiting = [annotation]

    async def annotations(self):
        return self.waiting

    async def wish(self, pod):
        return next((one for one in self.waiting if one.pod == pod), None)

    async def annotation_written(self, annotation):
        self.waiting.remove(annotation)


async def test_the_node_daemon_uses_every_permission_of_its_manifest_and_needs_no_other(kubernetes, api, installation, token):
    _, mark = kubernetes.audit()
    await small_cluster.create(api, installation)
    uid = (await api.get(POD, "web-1", namespace="default")).metadata.uid
    client = kubernetes.client(await token(NODE_DAEMON))
    wishes = Wishes(Annotation("default/web-1", uid, "0a:00:00:00:00:07"))
    cluster = Cluster(client, "node-a", wishes, lambda _cidr, _addresses: None)
    running = asyncio.create_task(cluster.run())

    async def done():
        pod, node = await api.get(POD, "web-1", namespace="default"), await api.get(NODE, "node-a")
        assert pod.metadata.annotations[MAC_ADDRESS] == "0a:00:00:00:00:07"
        assert MAC_ADDRESS in node.metadata.annotations
        cluster.warn("Rejected", "something is odd")
        return [event.count for event in await api.list(EVENT) if event.count and event.count > 1]

    try:
        await until("the annotations, and an Event that is counted up", done, every=0.2)
    finally:
        running.cancel()
        await asyncio.wait({running})
        await client.close()
    await compare(kubernetes, "node.yaml", NODE_DAEMON, mark)

import asyncio
import copy
import json
import logging

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

EXAMPLES = yaml.safe_load("""
metadata: &metadata
  name: a
  labels: {app: a}
  annotations: {b: c}
  finalizers: [x.org/a]
  ownerReferences: [{apiVersion: v1, kind: Pod, name: x, uid: x, controller: true}]
container: &container {name: c, image: c, ports: [{name: http, containerPort: 80, protocol: TCP}]}
conditions: &conditions [{type: Ready, status: "True"}]
objects:
  /api/v1/namespaces/default/services:
    metadata: *metadata
    spec:
      type: NodePort
      selector: {app: a}
      clusterIP: 10.96.0.9
      clusterIPs: [10.96.0.9]
      ports: [{name: a, port: 80, targetPort: http, nodePort: 30001, protocol: TCP}]
      externalIPs: [192.0.2.1]
      sessionAffinity: ClientIP
      sessionAffinityConfig: {clientIP: {timeoutSeconds: 1}}
  /api/v1/namespaces/default/pods:
    metadata: *metadata
    spec: {containers: [*container], nodeName: one, nodeSelector: {a: b}, restartPolicy: Always}
    status: {phase: Running, podIP: 10.1.0.1, conditions: *conditions}
  /apis/apps/v1/namespaces/default/deployments:
    metadata: *metadata
    spec:
      replicas: 2
      selector: {matchLabels: {app: a}, matchExpressions: [{key: app, operator: In, values: [a]}]}
      strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 25%, maxUnavailable: 1}}
      template: {metadata: {labels: {app: a}}, spec: {containers: [*container]}}
  /api/v1/nodes:
    metadata: {name: b, labels: {a: b}}
    spec: {podCIDR: 10.244.7.0/24, podCIDRs: [10.244.7.0/24], taints: [{effect: NoSchedule, key: a}]}
    status: {conditions: *conditions, addresses: [{type: InternalIP, address: 192.0.2.1}], nodeInfo: {osImage: x}}
  /apis/discovery.k8s.io/v1/namespaces/default/endpointslices:
    metadata: {name: a, labels: {kubernetes.io/service-name: a}}
    addressType: IPv4
    endpoints: [{addresses: [10.1.0.1], conditions: {ready: true}, targetRef: {uid: x}}]
    ports: [{name: a, port: 80, protocol: TCP}]
  /api/v1/namespaces/default/endpoints:
    metadata: *metadata
    subsets: [{addresses: [{ip: 10.1.0.1}], notReadyAddresses: [{ip: 10.1.0.2}], ports: [{port: 80}]}]
  /api/v1/namespaces/default/events:
    metadata: *metadata
    involvedObject: {kind: Pod, name: a, namespace: default}
    reason: A
    message: b
    source: {component: c}
    lastTimestamp: "2026-01-01T00:00:00Z"
    series: {lastObservedTime: x}
    count: 3
  /api/v1/namespaces:
    metadata: {name: c}
    spec: {finalizers: [kubernetes]}
  /api/v1/namespaces/default/secrets: {metadata: *metadata, data: {a: Yg==}, stringData: {a: b}, type: Opaque}
  /api/v1/namespaces/default/configmaps: {metadata: *metadata, data: {a: b}, binaryData: {b: Yg==}}
  /apis/networking.k8s.io/v1/namespaces/default/networkpolicies:
    metadata: *metadata
    spec: {podSelector: {matchExpressions: [{key: a, operator: In, values: [b]}]}}
  /apis/rbac.authorization.k8s.io/v1/clusterrolebindings:
    metadata: *metadata
    roleRef: {kind: ClusterRole, name: a}
    subjects: [{kind: User, name: a}]
  /apis/apiextensions.k8s.io/v1/customresourcedefinitions:
    metadata: {name: boxes.x.org}
    spec:
      group: x.org
      scope: Cluster
      names: {kind: Box, plural: boxes}
      versions:
      - name: v1
        served: true
        storage: true
        schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object}}}}
        subresources: {status: {}}
        additionalPrinterColumns: [{name: A, type: string, jsonPath: .spec.a}]
  /apis/midonet.org/v1/namespaces/default/translations:
    kind: Translation
    metadata: *metadata
    resources: [{kind: Chain, parent: "", body: "{}"}]
""")["objects"]
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=4)
junk = scalars | st.sampled_from([[], {}, [{}], [None], {"a": None}, ["x"], "10.96.0.1", 80, "25%"])


def paths(value, here=()):
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield (*here, key)
            yield from paths(inner, (*here, key))


def put(value, path, new):
    for key in path[:-1]:
        value = value[key]
    value[path[-1]] = new


class Defects(logging.Handler):
    """What was logged with an exception that nobody expected."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def emit(self, record):
        if record.exc_info and record.exc_info[1]:
            self.seen.append(repr(record.exc_info[1]))


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_object_of_whatever_shape_is_an_internal_error(server_type, data):
    server = server_type()
    collection = data.draw(st.sampled_from(sorted(EXAMPLES)))
    good, broken = EXAMPLES[collection], copy.deepcopy(EXAMPLES[collection])
    put(broken, data.draw(st.sampled_from(sorted(paths(good), key=str))), data.draw(junk))
    defects = Defects()
    logging.getLogger("midonet_kubernetes").addHandler(defects)
    try:
        asyncio.run(_offer(server, collection, good, broken))
    finally:
        logging.getLogger("midonet_kubernetes").removeHandler(defects)
    assert defects.seen == []


async def _offer(server, collection, good, broken):
    """Create the broken one; create the good one and patch it into the broken one; look at all in every form."""
    table = "application/json;as=Table;v=v1;g=meta.k8s.io"
    name = good["metadata"]["name"]
    merge, strategic = "application/merge-patch+json", "application/strategic-merge-patch+json"
    requests = [
        server.request("POST", collection, broken),
        server.request("GET", collection, Accept=table),
        server.request("POST", collection, good),
        server.request("PATCH", f"{collection}/{name}", broken, merge),
        server.request("PATCH", f"{collection}/{name}", broken, strategic),
        server.request("PATCH", f"{collection}/{name}/status", broken, merge),
        server.request("PUT", f"{collection}/{name}", broken),
        server.request("GET", collection, Accept=table),
        server.request("DELETE", f"{collection}/{name}", broken),
    ]
    for request in requests:
        answer = await server.api.handle(request)
        assert answer.status < 500, json.loads(answer.body)
        server.cluster.settle()


async def test_a_selector_without_a_key_is_named(server):
    path = "/apis/apps/v1/namespaces/default/deployments"
    deployment = copy.deepcopy(EXAMPLES[path])
    del deployment["spec"]["selector"]["matchExpressions"][0]["key"]
    status = await server.refuse("POST", path, deployment)
    assert status["code"] == 422
    assert "spec.selector.matchExpressions[0].key" in status["message"]

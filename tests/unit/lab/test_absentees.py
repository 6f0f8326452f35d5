import pytest

from midonet_kubernetes.lab.absentees import absentee


def deployment(**status):
    return {"metadata": {"name": "web"}, "spec": {"replicas": 2}, "status": status}


def pod(node="", **status):
    return {"metadata": {"name": "web-1"}, "spec": {"nodeName": node}, "status": status}


REFUSED = {"type": "ReplicaFailure", "status": "True", "message": "serviceaccount default not found"}
UNPLACED = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}


@pytest.mark.parametrize(
    ("deployments", "pods", "says"),
    [
        ([deployment()], [], "kube-controller-manager does not run"),
        ([{**deployment(), "status": None}], [], "kube-controller-manager does not run"),
        ([deployment(observedGeneration=1)], [], "without its replicaset controller"),
        ([deployment(observedGeneration=1, conditions=[REFUSED])], [], "serviceaccount default not found"),
        ([deployment(observedGeneration=1, replicas=2)], [pod()], "kube-scheduler does not run"),
        ([], [pod(conditions=[UNPLACED])], "0/3 nodes are available"),
    ],
)
def test_the_component_that_is_missing_is_named(deployments, pods, says):
    assert says in absentee(deployments, pods)


def test_nothing_is_said_of_pods_that_have_their_nodes():
    placed = {"type": "PodScheduled", "status": "True"}
    assert absentee([deployment(observedGeneration=1, replicas=1)], [pod("node-1", conditions=[placed])]) == ""
    assert absentee([{**deployment(observedGeneration=1), "spec": {"replicas": 0}}], []) == ""

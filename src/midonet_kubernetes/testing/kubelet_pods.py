"""Pods and Services for real kubelets, of the two images that ``kubelet_cluster`` brings along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

AGNHOST, PAUSE = "localhost/agnhost:1", "localhost/pause:1"
HTTP, UDP, ECHO = 8080, 8081, 7000  # ports of the containers
# cat sends back what comes. The client asks twice a second through one connection, and ends when the connection does.
_ECHO = f"exec nc -ll -p {ECHO} -e cat"
_BEAT = f"n=0; while sleep 0.5; do n=$((n+1)); echo beat $n; done | nc {{address}} {ECHO}"


def pod(
    name: str,
    *,
    image: str = AGNHOST,
    command: Sequence[str] = (),
    node: str = "",
    app: str = "",
    ports: Sequence[Mapping[str, object]] = (),
    ready_at: int = 0,
) -> dict[str, Any]:
    """A Pod of one container that has a second to end, and is not started again.

    Args:
        name: its name.
        image: of its container.
        command: None: what the image says.
        node: that it shall be on, "" for any.
        app: its label ``app``.
        ports: of the container.
        ready_at: port that answers ``/readyz``; 0: ready when it runs.
    """
    container: dict[str, Any] = {"name": "main", "image": image, "imagePullPolicy": "Never", "ports": list(ports)}
    if command:
        container["command"] = list(command)
    if ready_at:
        container["readinessProbe"] = {"httpGet": {"path": "/readyz", "port": ready_at}, "periodSeconds": 1}
    spec: dict[str, Any] = {"containers": [container], "dnsPolicy": "Default", "restartPolicy": "Never"}
    spec["terminationGracePeriodSeconds"] = 1
    if node:
        spec["nodeSelector"] = {"kubernetes.io/hostname": node}
    metadata = {"name": name, "namespace": "default", "labels": {"app": app} if app else {}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def web(name: str, node: str, app: str, *, host_port: int = 0) -> dict[str, Any]:
    """A Pod that answers by HTTP and UDP, and asks others when it is asked to (``/dial``).

    Args:
        name: its name, with which it answers.
        node: that it is on.
        app: its label.
        host_port: of its node, by which it is reached too; 0 for none.
    """
    ports = [(HTTP, "TCP"), (UDP, "UDP")]
    listed = [{"containerPort": port, "protocol": protocol} for port, protocol in ports]
    if host_port:
        listed = [{**one, "hostPort": host_port} for one in listed]
    command = ["/agnhost", "netexec", f"--http-port={HTTP}", f"--udp-port={UDP}"]
    return pod(name, command=command, node=node, app=app, ports=listed, ready_at=HTTP)


def echo(name: str, node: str, app: str) -> dict[str, Any]:
    """A Pod that sends back what comes to it, for as long as the connection lasts."""
    return pod(name, command=["/bin/sh", "-c", _ECHO], node=node, app=app)


def beating(name: str, node: str, address: str) -> dict[str, Any]:
    """A Pod with one connection to an ``echo``, whose log is what came back; it has ended when the connection has."""
    return pod(name, command=["/bin/sh", "-c", _BEAT.format(address=address)], node=node)


def asking_the_api_server(name: str, node: str) -> dict[str, Any]:
    """A Pod that asks the API server for its health every second, by its Service and as its service account."""
    return pod(name, command=["/agnhost", "inclusterclient", "--poll-interval=1"], node=node)


def idle(name: str, app: str) -> dict[str, Any]:
    """A Pod that costs little: it has no token either."""
    made = pod(name, image=PAUSE, app=app)
    made["spec"]["automountServiceAccountToken"] = False
    return made


def service(name: str, app: str) -> dict[str, Any]:
    """A Service of a ``web``: 80 is HTTP, 81 is UDP; and of an ``echo``."""
    ports: list[dict[str, object]] = [
        {"name": "http", "port": 80, "targetPort": HTTP},
        {"name": "udp", "port": 81, "targetPort": UDP, "protocol": "UDP"},
        {"name": "echo", "port": ECHO},
    ]
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"selector": {"app": app}, "ports": ports}}

"""Tries connections from inside one network namespace and tells what answered.

A program of its own (``python -I -S probe.py``), so it imports the standard library only. Standard input: a JSON list of
``{"kind": "tcp" | "udp" | "ping" | "http", "address", "port", "count", "timeout", "until"}``. Standard output: for each of them
``{"answers": {"NAME SOURCE": n}, "errors": {"text": n}, "slowest": seconds}``. ``count`` new connections are tried one after
the other; they end early when ``until`` has answered, or after three errors (the rest would only take time).
"""

import json
import os
import socket
import struct
import sys
import time

MOST_ERRORS = 3


def tcp(address: str, port: int, timeout: float) -> str:
    """A new connection, one line, its answer: name and source address as the server saw it."""
    with socket.create_connection((address, port), timeout=timeout) as connection:
        connection.sendall(b"\n")
        return name_and_source(connection.recv(512))


def udp(address: str, port: int, timeout: float) -> str:
    """A datagram from a new socket and its answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.settimeout(timeout)
        connection.connect((address, port))
        connection.send(b"\n")
        return name_and_source(connection.recv(512))


def http(address: str, port: int, timeout: float) -> str:
    """``GET /version``: the status code of the answer."""
    with socket.create_connection((address, port), timeout=timeout) as connection:
        connection.sendall(b"GET /version HTTP/1.1\r\nHost: check\r\nConnection: close\r\n\r\n")
        status = connection.recv(512).split(b" ", 2)
    return f"HTTP {status[1].decode()}" if len(status) > 1 else "no HTTP answer"


def ping(address: str, _port: int, timeout: float) -> str:
    """An ICMP echo request and the reply to it: the address that replied."""
    identifier = os.getpid() & 0xFFFF
    head = struct.pack("!BBHHH", 8, 0, 0, identifier, 1)
    total = sum(struct.unpack("!4H", head)) + int.from_bytes(b"lab!"[:2], "big") + int.from_bytes(b"lab!"[2:], "big")
    total = (total >> 16) + (total & 0xFFFF)
    packet = head[:2] + struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF) + head[4:] + b"lab!"
    deadline = time.monotonic() + timeout
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as connection:
        connection.sendto(packet, (address, 0))
        while True:
            connection.settimeout(max(0.001, deadline - time.monotonic()))
            data, (source, _) = connection.recvfrom(2048)
            reply = data[(data[0] & 15) * 4 :]
            if reply[0] == 0 and reply[4:8] == packet[4:8]:
                return f"reply {source}"
            if reply[0] == 3 and reply[32:36] == packet[4:8]:
                raise OSError(0, f"unreachable (code {reply[1]})")


def name_and_source(answer: bytes) -> str:
    """Of ``NAME SOURCE PORT``, the first two."""
    words = answer.decode(errors="replace").split()
    return " ".join(words[:2]) if words else "empty answer"


KINDS = {"tcp": tcp, "udp": udp, "http": http, "ping": ping}


def run(probe: dict) -> dict:  # type: ignore[type-arg]  # JSON in, JSON out
    """All trials of one probe."""
    answers: dict[str, int] = {}
    errors: dict[str, int] = {}
    slowest = 0.0
    for _ in range(probe.get("count", 1)):
        start = time.monotonic()
        try:
            answer = KINDS[probe["kind"]](probe["address"], probe.get("port", 0), probe.get("timeout", 2.0))
        except TimeoutError:
            answer = None
            errors["no answer"] = errors.get("no answer", 0) + 1
        except OSError as error:
            answer = None
            text = error.strerror or str(error)
            errors[text] = errors.get(text, 0) + 1
        slowest = max(slowest, time.monotonic() - start)
        if answer is not None:
            answers[answer] = answers.get(answer, 0) + 1
            if probe.get("until") and answer.split(" ")[0] == probe["until"]:
                break
        elif sum(errors.values()) >= MOST_ERRORS:
            break
    return {"answers": answers, "errors": errors, "slowest": slowest}


if __name__ == "__main__":
    json.dump([run(probe) for probe in json.load(sys.stdin)], sys.stdout)

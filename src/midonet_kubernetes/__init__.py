"""MidoNet as the network of a Kubernetes cluster.

Start reading with ``docs/architecture.md``; it walks one Service from its YAML to the first packet.
"""

__version__ = "0.1.0"

"""A whole cluster network on one machine: nodes and pods are network namespaces, everything that runs on them is the real thing.

Order of reading: ``session`` (what happens from start to end), ``isolation`` (how nothing can be left behind), ``cluster`` and
``kubelet`` (nodes and pods), ``check`` (what is proven), ``control`` (how other terminals talk to it).
"""

"""Kubernetes objects to Translations. Pure: an object and the neighbours that it needs in, an ``Outcome`` out.

One module per kind; ``names`` is the tenant's ``model.names.Names``.

============================================================  ===========================================================
``global_objects.translations(names)``                        once per cluster: tunnel zone, cluster router, main chains
``node.translate(node, names)``                               a Node: bridge, router port, node port, routes, tunnel
``pod.translate(pod, node or None, names)``                   a Pod and the Node it runs on: port, binding, hairpin rule
``service.translate(service, names)``                         a Service: chain and jump per port
``endpoints.from_slices(service, slices, names)``             its endpoints, out of all its EndpointSlices; Service's own
``endpoints.from_endpoints(endpoints, service or None, names)``  the same out of a v1 Endpoints object, which then owns it
============================================================  ===========================================================

What an object becomes is pushed in this order: global, Nodes, Pods, Services, endpoints; each refers only to what comes
earlier. When a Service and its slices are translated together, ``outcome.together`` makes one ``Outcome`` of the two,
since both are the Service's.
"""

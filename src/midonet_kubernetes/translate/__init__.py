"""Kubernetes objects to Translations. Pure: an object and the neighbours that it needs in, an ``Outcome`` out.

One module per kind; ``names`` is the tenant's ``model.names.Names``.

* ``global_objects.translations(names)``: what there is once per cluster.
* ``node.translate(node, names)``: a Node.
* ``pod.translate(pod, node, names)``: a Pod and its Node, None while that is unknown. Again whenever the Node changes.
* ``service.translate(service, names)``: a Service without its endpoints.
* ``endpoints.from_slices(service, slices, names)``: its endpoints, from all its EndpointSlices. The Service owns these too, so
  what is stale has to be judged apart for both (the key kind ``Endpoints-Port`` is theirs).
* ``endpoints.from_endpoints(endpoints, service, names)``: the same from a v1 Endpoints object, which then is the owner.
* ``manifest.documents(text, source)``, ``manifest.typed(document)``, ``offline.translate(objects, names, source)``: files.

What refers to something comes after it: global, Nodes, Pods, Services, endpoints, and within an outcome from first to last.
Start reading with ``service``; ``ownership`` names Translations, ``outcome`` says what the caller does with them.
"""

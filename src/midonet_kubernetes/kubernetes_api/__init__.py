"""The Kubernetes API: a client, and what a controller is made of.

Order of reading: ``kinds`` (what there is), ``client`` (calls), ``watch`` (one stream), ``informer`` (list and watch for ever),
``queue`` (what to do next), ``election`` and ``events``; ``access`` and ``kubeconfig`` say where the server is and who we are.
``embedded`` is a server of our own.
"""

"""The node daemon: gives pods their interfaces and addresses when the CNI plugin asks, and keeps the node's own link.

Order of reading: ``cni_protocol`` (what is asked), ``attachments`` (what is done), with ``ledger`` (who has which address; on
disk by ``state``) and ``wiring`` (the kernel); ``node_link`` and ``repair`` (what is kept right without being asked);
``daemon`` (all of it, one thread), ``runner`` and ``server`` (around an event loop), ``cluster`` (Kubernetes), ``main``.
"""

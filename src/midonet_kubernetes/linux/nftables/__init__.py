"""Rule sets of ``topology.rule_set`` in the kernel (nf_tables netlink): encoded, read back, compared, changed by transactions."""

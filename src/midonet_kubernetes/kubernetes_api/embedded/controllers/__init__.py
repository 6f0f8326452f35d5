"""The controllers of a cluster, one module each: a change says what it affects, ``reconcile`` looks at all of it and acts."""

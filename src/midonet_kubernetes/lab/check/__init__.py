"""The check: what a cluster network must be able to do, tried with real packets and told as a table.

``plan`` says what to try (pure), ``probe`` tries it from inside a namespace, ``verdict`` judges the
answers (pure), ``run`` joins them.
"""

"""From Translations to MidoNet: the smallest change that makes MidoNet hold what they want.

Reading order: ``wanted`` (one MidoNet object as a Translation wants it), ``plan`` (what to do, pure), ``claims`` (who
wants what, and who waits for whom), ``midonet`` (what each answer of MidoNet means), ``pusher`` (the loop), ``status``
(what is written back), ``survey`` (comparison with what MidoNet has).
"""

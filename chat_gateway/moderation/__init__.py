"""Moderation: the program that reads the log by rules, and has a gateway give verdicts.

`engine/` finds, in what one sender says; gateways call it too. The way from the log to the verdicts
is `watch.py` (what was said calls for which verdicts, pure as well), `partition.py`, `consumer.py`,
`deliveries.py` and `gateway.py`. `shadow.py` looks back, `check.py` tries the rules on a file.
"""

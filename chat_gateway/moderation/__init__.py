"""Moderation: finds contact details and talk of paying outside the marketplace.

Everything but reading the rules is pure. Read `normalise.py` (the text as it is searched),
`words.py` (its words), `phrases.py` (the language that rules are written in), `rules.py` and
`rules.json`, `find.py` and `pieces.py` (what is said over several messages); the rules that need
code are `phones.py` (with `shapes.py`), `emails.py`, `links.py`, `handles.py` and `banks.py`.

The program that reads the log by them: `watch.py` (what was said calls for which verdicts, pure
too), `partition.py`, `consumer.py`, `deliveries.py`, `gateway.py`; `shadow.py` looks back.
"""

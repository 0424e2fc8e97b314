"""What is found in what somebody says: contact details, and talk of paying outside the marketplace.

Everything but reading the rules is pure. Read `normalise.py` (the text as it is searched),
`words.py` (its words), `phrases.py` (the language that rules are written in), `rules.py` and
`rules.json`, `find.py` and `pieces.py` (what is said over several messages), `masking.py`. The
rules that need code are `phones.py` with `shapes.py`, `emails.py`, `links.py`, `handles.py`,
`names.py` and `banks.py`.
"""

"""`make prove`: kills and cuts under load, and the checker that says what came of them.

Honest clients write down all they did and saw; a nemesis breaks things; then the checker compares
the histories with the log, with the store, and with what a reader who comes fresh is shown.

Reading order: `history` (what is written down), `checker` (what it must come to), `truth` (the log
and the store, read from outside), `view`, `outbox` and `session` (an honest client's mind, no
I/O), `client` (its body), `reader` (one who comes fresh), `proxy`, `server` and `nemesis` (what
breaks), `trial` (one run), `report` (the table), `__main__`.
"""

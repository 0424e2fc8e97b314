"""`make prove`: kills and cuts under load, and the checker that says what came of them.

Honest clients write down all they did and saw; a nemesis breaks things; then the checker compares
the histories with the log, with the store, and with what a reader who comes fresh is shown.

Reading order: `history` (what is written down), `truth` (the log and the store, read from outside),
`evidence`, `delivery`, `outcomes` and `checker` (what it must come to), `view`, `outbox`, `device`
and `session` (an honest client's mind, no I/O), `client` (its body), `reader` (one who comes
fresh), `process`, `server` and `nemesis` (what breaks, with the links of `tests.faults`), `trial`
(one run), `report` (the tables), `__main__`. The same trial of several processes on real engines:
`fleet`, `fleet_nemesis`, `fleet_trial`, and `outages`.

For the checker's own tests `story` is a made-up trial, to be spoiled record by record; and `toy`
(with `toy_archive`, `toy_frames`, `toy_trial`) is the system in miniature, to have bugs built in.

Every other promise has a module and a command of its own, listed in `promises`. They stand on
`ground` (a system in a process of its own) or `stage` (in this one, each part within reach), speak
by `line` (by hand), and end in a `proof`.
"""

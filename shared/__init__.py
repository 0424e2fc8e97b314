"""What all services stand on: the wire, the fold, and the ports with their adapters.

Reading order: `contracts` (what is written and sent), `conversation` (the fold: what a record comes
to), `timeline` (how an event stands now), then the ports `log`, `store`, `signals`.
Nothing here knows a service.
"""

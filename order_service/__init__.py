"""The order service: an order's status and parties, announced on the log of its conversation.

A flat hexagon. Reading order: `model` (what an order is), `policy` (what it grants), `ports` (what
is stored), `relay` (from the store to the log), `service` (the use cases), `bodies` and `http` (the
routes), `adapters`, `app` (the object graph), `settings`.
"""

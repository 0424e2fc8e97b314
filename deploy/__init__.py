"""The only place that knows all services: the standalone system, its demo, and what operates it."""

"""Real engines on this machine, without containers: how each is had, started, asked and ended.

Read `engine.py` (what all have in common), then one of `kafka.py`, `mongo.py`, `redis.py` and
`minio.py`; `cache.py` and `tool.py` say how a download or a build survives being interrupted.
"""

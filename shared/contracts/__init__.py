"""The wire: everything that crosses a process boundary, as msgspec Structs.

Reading order: `ids`, `topics`, `events` (records of the log), `frames` (the websocket protocol),
`errors`. Only the standard library and msgspec are imported here, so any program may use it.
"""

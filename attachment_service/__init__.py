"""The attachment service: files on their way into a message, inspected before anyone sees them.

A flat hexagon. Reading order: `model` (an upload's life), `names` and `kinds` (what may be sent),
`ports` (what is relied on), `service` (the use cases), `checks` (from quarantine to the clean
shelf), `janitor` (what nobody finished), `bodies` and `http` (the routes), `adapters`, `app` (the
object graph), `settings`.

A check asks a scanner, then has the file inspected (`inspection`) in a process of its own, to which
it speaks by `job`: `inspector` gives up what it does not need (`sandbox`), `inspect` looks,
`raster` and `thumbnail` make what is kept.

A browser's bytes never pass through here: it posts them to the object store, with a form.
"""

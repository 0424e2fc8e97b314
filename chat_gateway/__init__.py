"""The websocket side, and what hangs on the log.

Reading order, inside out, the parts without `await` first: `tail` (what is held of the log), `seam`
(how a join is answered without a hole), `lane` and `session` (one client's conversation), `hub`
(who is told); then what moves bytes: `feed` (log to tails), `publisher` (events to log), `socket`,
`direct_socket`, `direct`, `direct_handshake`, `keepalive`, `admission`, `origins`, `endpoint`
(connections), `visits` (who gets at an order), `gateway` (what sessions wait for), `expiries` (when
their tokens end), `http` and `writer` (the same without a websocket), `widget_files` and
`widget_http` (how browsers get `widget/`, the other half), `archiver` (log to store), and `app`,
where all of it is put together. `supervisor` and `supervised` are for several gateways on one port.
"""

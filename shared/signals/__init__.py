"""Signals: what may be forgotten. `port` states the obligations, `memory` is the embedded one."""

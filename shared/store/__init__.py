"""The store: what the archiver made of the log. `port` states the obligations."""

"""The log: partitioned, dense, durable. `port` states the obligations, `sqlite` is embedded."""

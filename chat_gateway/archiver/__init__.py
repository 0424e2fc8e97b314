"""The archiver: from the log to the store. A process of its own, or a task of standalone."""

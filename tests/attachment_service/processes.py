"""The processes that a test has started."""

from pathlib import Path


def children() -> set[str]:
    """Those that are not gone, dead ones included."""
    of_threads = Path("/proc/self/task").glob("*/children")
    return {pid for file in of_threads for pid in file.read_text().split()}

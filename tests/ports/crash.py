"""A program that acknowledges what it did, line by line, until it is killed."""

import subprocess
import sys


def lines_before_kill(program: str, *arguments: str, lines: int) -> list[str]:
    """Run *program* as Python, kill it the hard way once it has printed so many lines, and answer
    all that it had printed by then."""
    with subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            printed = [process.stdout.readline() for _ in range(lines)]
        finally:
            process.kill()
        printed += process.stdout.readlines()
    # The last line may have been cut off by the kill.
    return [line.rstrip("\n") for line in printed if line.endswith("\n")]

"""`python -m tests.moderation.rules_digests` writes down what the rules are now, and by what name.

To be run when a changed rule, or the file for its lists, has got a new version.
"""

from pathlib import Path
from typing import Final

import msgspec

from chat_gateway.moderation.engine.rules import PACKAGED, RulesFile, digests

FILE: Final = Path(__file__).with_suffix(".json")


def stand() -> dict[str, list[int | str]]:
    """Of each rule, and of the lists under the file's version: its version and its digest."""
    file = msgspec.json.decode(PACKAGED.read_bytes(), type=RulesFile)
    versions = {rule.id: rule.version for rule in file.rules} | {"lists": file.version}
    return {name: [versions[name], digest] for name, digest in digests().items()}


if __name__ == "__main__":
    FILE.write_bytes(msgspec.json.format(msgspec.json.encode(stand())) + b"\n")

"""The tags of a page that runs the widget's modules as they are now, and no others.

Run `python docs/examples/pinned.py https://chat.example`, or call `pinned` for each page and keep
the answer for a minute. What it means for upgrades is in `docs/widget.md`.
"""

import hashlib
import sys
from base64 import b64encode

import httpx


def pinned(chat: str) -> tuple[str, str]:
    """The tags, and what to add to `script-src` for the first of them, which is inline."""
    answer = httpx.get(f"{chat}/widget/importmap.json").raise_for_status()
    # As it came: the policy's hash is of these very bytes. No path or hash has a "<" in it.
    import_map, entry = answer.text, answer.json()["imports"]["order-chat"]
    digest = b64encode(hashlib.sha256(answer.content).digest()).decode()
    tags = (
        f'<script type="importmap">{import_map}</script>\n'
        f'<script type="module" src="{entry}"></script>'
    )
    return tags, f"'sha256-{digest}'"


if __name__ == "__main__":
    print("\n".join(pinned(sys.argv[1])))

"""What a person sees after `make run`: three orders of a marketplace, with people who talk in them.

Reading order: `story` (who says what, and when), `seed` (tells it to an empty system), `visit` (who
looks, in which language and theme), `pages` (the marketplace's pages). The chat on them is the
gateway's own widget, embedded as any marketplace would; `static/` holds what is theirs.

Whoever can reach these pages can be anybody in them, which is right for a demo and nowhere else.
"""

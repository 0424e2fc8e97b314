"""What a person sees after `make run`: three orders of a marketplace, with people who talk in them.

Reading order: `story` (who says what, and when), `seed` (tells it to an empty system), `pages`
(the marketplace's pages). `static/` holds the browser's half: `quick-message.js` is where to begin.

Whoever can reach these pages can be anybody in them, which is right for a demo and nowhere else.
"""

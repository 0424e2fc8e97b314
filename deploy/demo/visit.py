"""Who looks at a page of the demo, and how: what its address says, as far as it is known here."""

from collections.abc import Mapping
from html import escape
from typing import Final, NamedTuple, Self
from urllib.parse import urlencode

from starlette.requests import Request

from deploy.demo.story import NAMES
from shared.contracts.ids import UserId

LANGUAGES: Final[Mapping[str, str]] = {
    "en": "English",
    "de": "Deutsch",
    "es": "Español",
    "ar": "العربية",
}
"""What the chat can be seen in; the marketplace itself speaks English."""
THEMES: Final[Mapping[str, str]] = {"": "As the system", "light": "Light", "dark": "Dark"}

_RIGHT_TO_LEFT: Final = frozenset({"ar"})


class Visit(NamedTuple):
    """One view of a page. What links lead on to looks the same."""

    user_id: UserId | None
    lang: str = "en"
    theme: str = ""

    @classmethod
    def of(cls, request: Request) -> Self:
        """The visit an address asks for; what is not known here counts as not said."""
        query = request.query_params
        user_id, lang, theme = (query.get(key, "") for key in ("as", "lang", "theme"))
        return cls(
            UserId(user_id) if user_id in NAMES else None,
            lang if lang in LANGUAGES else "en",
            theme if theme in THEMES else "",
        )

    def link(self, path: str) -> str:
        """The address of another page for this visit, ready for an attribute."""
        said = {"as": self.user_id, "lang": self.lang * (self.lang != "en"), "theme": self.theme}
        query = urlencode({key: value for key, value in said.items() if value})
        return escape(f"{path}?{query}" if query else path)

    def choices(self, path: str) -> str:
        """Links to the same page in every language and theme."""
        languages = [
            self._choice(path, self._replace(lang=key), name) for key, name in LANGUAGES.items()
        ]
        themes = [
            self._choice(path, self._replace(theme=key), name) for key, name in THEMES.items()
        ]
        return "".join([*languages, '<span aria-hidden="true">·</span>', *themes])

    @property
    def page(self) -> str:
        """The attributes of the page itself."""
        direction = "rtl" if self.lang in _RIGHT_TO_LEFT else "ltr"
        return f'lang="{self.lang}" dir="{direction}"{self._theme("data-theme")}'

    @property
    def chat(self) -> str:
        """The attributes that tell the chat's elements the same, and where their tokens are."""
        token_url = f"/demo/token?{urlencode({'as': self.user_id})}"
        return f'token-url="{token_url}"{self._theme("theme")}'

    def _theme(self, attribute: str) -> str:
        return f' {attribute}="{self.theme}"' if self.theme else ""

    def _choice(self, path: str, other: Self, name: str) -> str:
        current = ' aria-current="true"' if other == self else ""
        return f'<a href="{other.link(path)}"{current}>{name}</a>'

"""What looks like a user's name on some network, and no word of a sentence or name of a file."""

import re
from typing import Final

from chat_gateway.moderation.engine.text import Text
from chat_gateway.moderation.engine.words import Word

_WRITTEN: Final = re.compile(r"[\w.]{3,40}+")
_LIKE: Final = re.compile(
    r"(?:[a-z0-9]*[a-z]{2}[a-z0-9]*(?:[._][a-z0-9._]+|_)|[a-z]{4,}[._]?\d{1,6})[a-z0-9._]*"
)
_CRAFT: Final = re.compile(
    r"[a-z0-9]{3,}(?:makes?|edits?|editor|cuts|cutter|films?|filma|filmt|dreht|schneidet|montage"
    r"|monta|montuje|visuals?|creates?|studios?|photos?|fotos?|reels|clips|media|motion|videos?"
    r"|designs?|draws|shoots|ugc|official|oficial|prod|tv)[a-z0-9]{0,8}"
)
"""In one word who it is and what they do: annamakesfilms."""
_NO_NAME: Final = re.compile(
    r"(?:ab|auf|ein|um|ver)(?:ge)?dreht|montevideo|procreate|shoreditch"
    r"|.*(?:produkt|version|vertrag|kredit|credito|viertel|mediari|mediair)\w*"
    r"|(?:baby|beispiel|bewerbungs|drohnen|erkla(?:e?)r|event|familien|firmen|folge|gratis|haupt"
    r"|hochzeits|image|imagefilm|info|koch|kunden|kurz|lehr|lern|ma(?:e?)rchen|mode|muster|musik"
    r"|portra(?:e?)t|probe|produkt|profil|recruiting|reise|rezept|roh|schulungs|spiel|sport|stock"
    r"|tanz|test|urlaubs|vorstellungs|werbe)"
    r"(?:clips|films?|filme[ns]?|fotos?|media|montage|reels|studio|videos?)"
)
"""Words of a language that only look so: Erklärvideo."""
_CRAFT_MIN: Final = 6
"""No shorter word says both."""
_FILE: Final = re.compile(
    r".*\.(?:mp[34]|m4[av]|mov|avi|mkv|jpe?g|png|gif|pdf|docx?|xlsx?|csv|zip|rar|psd|ai|srt|wav"
    r"|eps|bmp|indd|sketch|aiff?|txt|prproj|aep|webp|svg|cube|heic|raw|tiff?"
    r"|dwg|dxf|flac|ogg|opus|midi?|stl|blend|odt|pptx?|json|xml|html?|ttf|otf|woff2?|dng|cr[23]"
    r"|nef|arw|braw|r3d|mxf|mogrt|7z|tar|gz|epub|toml|ya?ml|ics|vcf|xd"
    r"|af(?:design|photo|pub)|aseprite|fig|exr|hdr|kra|procreate|fbx|glb|gltf|usdz|c4d|als|logicx"
    r"|flp|avif|icns|ico|lottie|gcode)"
)
_OF_CODE: Final = re.compile(
    r"(?<!friend )(?:code|codigo|codice|coupon|cupon|kod|kodu|gutschein|promo)\W{1,3}\Z"
)
"""Before LUCIA20."""
_SITE: Final = re.compile(r".*\.(?:com|net|org|de|es)")


def is_file(written: str) -> bool:
    """Whether it ends as the names of files do."""
    return bool(_FILE.fullmatch(written))


def name_like(text: Text, word: Word) -> tuple[int, int] | None:
    """Where the name is that starts with this word, if there is one: anna.k, annak88, annafilms."""
    before, behind = text.plain[word.start - 1 : word.start], text.plain[word.end : word.end + 1]
    if word.end - word.start < _CRAFT_MIN and word.text.isalpha() and behind not in ("_", "."):
        return None  # by far most words
    if before and (before.isalnum() or before in "._/@-{"):
        return None
    name = _WRITTEN.match(text.plain, word.start)
    if name is None or text.plain[name.end() : name.end() + 1] in ("/", "@"):
        return None
    written = name.group().rstrip(".")
    if is_file(written) or _SITE.fullmatch(written):
        return None
    if _OF_CODE.search(text.plain, max(0, name.start() - 20), name.start()):
        return None
    if not (_LIKE.fullmatch(written) or _CRAFT.fullmatch(written)):
        return None
    if _NO_NAME.fullmatch(written):
        return None
    return name.start(), name.start() + len(written)

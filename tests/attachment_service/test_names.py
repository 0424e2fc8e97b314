"""File names as people see them (attack 40)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attachment_service.kinds import KINDS
from attachment_service.names import NAME_CHARS_MAX, clean_name, disposition

PNG = (".png",)


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("photo.png", "photo.png"),
        ("Photo.PNG", "Photo.PNG"),
        ("../../etc/passwd.png", "_.._etc_passwd.png"),
        ("C:\\temp\\a.png", "C__temp_a.png"),
        ("photo\u202egpj.exe", "photogpj.exe.png"),
        ("a.png.html", "a.png.html.png"),
        ('x"; filename=evil.html', "x_; filename=evil.html.png"),
        ("two\r\nlines.png", "two lines.png"),
        ("nul\x00.png", "nul .png"),
        ("  spaced   out .png", "spaced out .png"),
        ("...", "file.png"),
        ("///", "file.png"),
        ("\u200b\u2066\u2069", "file.png"),
        ("Cafe\u0301.png", "Café.png"),
        ("می\u200cخواهم.png", "می\u200cخواهم.png"),
        ("👨\u200d👩\u200d👧.png", "👨\u200d👩\u200d👧.png"),
        ("a\ud800b.png", "ab.png"),
    ],
)
def test_a_name_is_made_fit_to_be_shown(sent: str, shown: str) -> None:
    """Nothing that turns directions, hides, or means something to a file system; its end is that of
    the type."""
    assert clean_name(sent, PNG) == shown


def test_a_long_name_keeps_its_end() -> None:
    """300 characters with marks that turn the direction: beginning and extension are left."""
    name = clean_name("\u202e" + "long " * 60 + "the end.png", PNG)

    assert len(name) == NAME_CHARS_MAX
    assert name.startswith("long long")
    assert name.endswith("the end.png")


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=400), st.sampled_from(sorted(KINDS)))
def test_any_name_is_fit_for_a_header_and_a_grant(sent: str, content_type: str) -> None:
    """Whatever was sent, the name has an end of its type, and no header has more than one line."""
    extensions = KINDS[content_type].extensions
    name = clean_name(sent, extensions)

    assert name.lower().endswith(extensions)
    assert len(name) <= NAME_CHARS_MAX
    assert clean_name(name, extensions) == name
    assert disposition(name, inline=False).isascii()
    assert not set(disposition(name, inline=False)) & set('\r\n"\\')

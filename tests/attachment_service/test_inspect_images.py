"""Images come out as they are seen, and with nothing that is not seen (attack 37)."""

import struct
import zlib
from io import BytesIO

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from attachment_service.inspect import Found, inspect
from attachment_service.kinds import FRAMES_MAX, SIDE_MAX
from attachment_service.verdicts import Reason, Rejected
from tests.attachment_service import files
from tests.attachment_service.images import (
    FORMATS,
    LEFT,
    PNG,
    RIGHT,
    apng_of,
    bomb,
    chunk,
    chunks,
    decoded,
    encoded,
    film,
    gif_of,
    header,
    two_halves,
)

SECRET = b"SECRET-48.8584N-2.2945E"


def look(content_type: str, data: bytes) -> Found:
    return inspect(content_type, len(data), data)


def reason(content_type: str, data: bytes) -> Reason | None:
    try:
        look(content_type, data)
    except Rejected as rejected:
        return rejected.reason
    return None


def seen(found: Found) -> Image.Image:
    assert found.image is not None
    return decoded(found.image)


def exif(orientation: int = 1) -> Image.Exif:
    """What a telephone writes: where, and which way up."""
    notes = Image.Exif()
    notes[0x0112] = orientation
    notes[0x010F] = SECRET.decode()
    notes.get_ifd(0x8825)[1] = "N"
    notes.get_ifd(0x8825)[2] = (48.0, 51.0, 30.0)
    return notes


def assert_near(colour: object, wanted: tuple[int, ...]) -> None:
    assert isinstance(colour, tuple)
    assert all(abs(is_ - was) < 12 for is_, was in zip(colour, wanted, strict=True))


@pytest.mark.parametrize("content_type", FORMATS)
def test_image_is_encoded_anew_as_what_it_was(content_type: str) -> None:
    """Same format, same size, same picture; a small one as WebP; and the size is told."""
    data = encoded(two_halves(800, 400), content_type)

    found = look(content_type, data)

    image = seen(found)
    assert image.format == FORMATS[content_type]
    assert (found.width, found.height) == image.size == (800, 400)
    assert_near(image.convert("RGB").getpixel((200, 200)), LEFT)
    assert_near(image.convert("RGB").getpixel((600, 200)), RIGHT)
    assert found.thumbnail is not None
    small = decoded(found.thumbnail)
    assert (small.format, small.size) == ("WEBP", (320, 160))
    assert_near(small.convert("RGB").getpixel((240, 80)), RIGHT)


def test_small_image_is_not_made_larger() -> None:
    """A thumbnail has at most the pixels of its image, and one at least."""
    tiny = look("image/png", encoded(two_halves(20, 10), "image/png")).thumbnail
    thin = look("image/png", encoded(Image.new("RGB", (4000, 1)), "image/png")).thumbnail

    assert tiny is not None
    assert thin is not None
    assert decoded(tiny).size == (20, 10)
    assert decoded(thin).size == (320, 1)


@pytest.mark.parametrize("content_type", ["image/jpeg", "image/png", "image/webp"])
def test_nothing_is_left_of_what_a_camera_noted(content_type: str) -> None:
    """Place, device and XMP are gone from the image and from the thumbnail."""
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + SECRET + b"</x:xmpmeta>"
    how: dict[str, object] = {"exif": exif()}
    if content_type != "image/png":
        how["xmp"] = xmp
    data = encoded(two_halves(), content_type, **how)
    assert SECRET in data

    found = look(content_type, data)

    assert found.image is not None
    assert found.thumbnail is not None
    assert SECRET not in found.image + found.thumbnail
    assert b"Exif" not in found.image
    assert dict(seen(found).getexif()) == {}


def test_nothing_is_left_of_comments_and_text() -> None:
    """Comments, IPTC, text chunks and whatever else a PNG carries do not come along."""
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", SECRET.decode())
    notes.add_text("Author", SECRET.decode(), zip=True)
    notes.add_itxt("XML:com.adobe.xmp", SECRET.decode())
    png = encoded(two_halves(), "image/png", pnginfo=notes, dpi=(300, 300))
    jpeg = encoded(two_halves(), "image/jpeg", comment=SECRET, dpi=(300, 300))
    iptc = b"\xff\xed" + struct.pack(">H", 16 + len(SECRET)) + b"Photoshop 3.0\0" + SECRET
    jpeg = jpeg[:2] + iptc + jpeg[2:]
    gif = encoded(two_halves(), "image/gif", comment=SECRET)
    assert SECRET in png
    assert SECRET in jpeg
    assert SECRET in gif

    images = {
        "png": look("image/png", png).image or b"",
        "jpeg": look("image/jpeg", jpeg).image or b"",
        "gif": look("image/gif", gif).image or b"",
        "film": look("image/gif", film("image/gif", comment=SECRET)).image or b"",
    }

    assert [name for name, image in images.items() if SECRET in image] == []
    assert set(chunks(images["png"])) == {b"IHDR", b"IDAT", b"IEND"}


@pytest.mark.parametrize("content_type", FORMATS)
def test_nothing_is_left_of_what_stood_behind_the_image(content_type: str) -> None:
    """A GIFAR is an image with a program behind its end: the image comes out alone."""
    data = encoded(two_halves(), content_type) + files.archive("META-INF/MANIFEST.MF") + SECRET

    found = look(content_type, data)

    assert found.image is not None
    assert SECRET not in found.image
    assert b"PK\x03\x04" not in found.image


def test_photograph_stands_upright() -> None:
    """The note that says which way up is gone, so the picture is turned."""
    upright = []
    for orientation in range(1, 9):
        # Sent as a camera would: turned, with a note that says so.
        back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}.get(orientation)
        turned = two_halves() if back is None else two_halves().transpose(Image.Transpose(back))
        data = encoded(turned, "image/jpeg", exif=exif(orientation), quality=100)
        image = seen(look("image/jpeg", data)).convert("RGB")
        left, right = image.getpixel((4, 10)), image.getpixel((35, 10))
        upright.append(image.size == (40, 20) and left[0] > 150 and right[2] > 150)  # type: ignore[index]

    assert upright == [True] * 8


def test_damaged_notes_are_no_reason_to_refuse_a_photograph() -> None:
    """The picture is what was sent."""
    data = encoded(two_halves(), "image/jpeg", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff" + SECRET)

    found = look("image/jpeg", data)

    assert seen(found).size == (40, 20)


def test_colours_stay_what_they_were_without_their_profile() -> None:
    """A profile that swaps red and blue is applied, and not passed on; a damaged one is dropped."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = bytearray(profile)
    for one, other in [(b"rXYZ", b"bXYZ"), (b"bXYZ", b"rXYZ")]:
        at = profile.index(one)
        swapped[at : at + 4] = other
    assert bytes(swapped) != profile

    turned = look("image/png", encoded(two_halves(), "image/png", icc_profile=bytes(swapped)))
    kept = look("image/jpeg", encoded(two_halves(), "image/jpeg", icc_profile=b"no profile" * 20))

    assert_near(seen(turned).getpixel((4, 10)), (30, 30, 200))
    assert_near(seen(kept).getpixel((4, 10)), LEFT)
    assert "icc_profile" not in seen(turned).info
    assert "icc_profile" not in seen(kept).info


def test_photograph_for_print_becomes_one_for_screens() -> None:
    """CMYK is not shown by every browser."""
    data = encoded(two_halves().convert("CMYK"), "image/jpeg")

    image = seen(look("image/jpeg", data))

    assert image.mode == "RGB"
    assert_near(image.getpixel((4, 10)), LEFT)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_png_of_every_kind_keeps_its_depth(mode: str) -> None:
    """Grey stays grey and 16 bits stay 16; each has a thumbnail."""
    image = Image.new("I;16", (40, 20), 40_000) if mode == "I;16" else two_halves().convert(mode)

    found = look("image/png", encoded(image, "image/png"))

    assert seen(found).mode == mode
    if mode == "I;16":
        assert seen(found).getpixel((0, 0)) == 40_000
    else:
        assert seen(found).convert("RGBA").tobytes() == image.convert("RGBA").tobytes()
    assert found.thumbnail is not None


def test_thumbnail_of_deep_grey_is_as_bright() -> None:
    """16 bits become 8 without turning white."""
    image = Image.new("I;16", (40, 20), 40_000)

    found = look("image/png", encoded(image, "image/png"))

    assert found.thumbnail is not None
    assert_near(decoded(found.thumbnail).convert("RGB").getpixel((20, 10)), (156, 156, 156))


def test_transparent_pixels_stay_transparent() -> None:
    """In a PNG with a palette, a GIF and a WebP, and in their thumbnails."""
    clear = Image.new("RGBA", (40, 20), (0, 0, 0, 0))
    clear.paste((255, 0, 0, 255), (0, 0, 20, 20))
    palette = clear.quantize(8)
    sent = {
        "image/png": encoded(palette, "image/png"),
        "image/gif": encoded(clear, "image/gif"),
        "image/webp": encoded(clear, "image/webp"),
    }

    found = {name: look(name, data) for name, data in sent.items()}

    alphas = {}
    for name, each in found.items():
        images = (each.image, each.thumbnail)
        shown = [decoded(data or b"").convert("RGBA").getchannel("A") for data in images]
        alphas[name] = [(alpha.getpixel((4, 10)), alpha.getpixel((35, 10))) for alpha in shown]
    assert alphas == {name: [(255, 0), (255, 0)] for name in sent}


@pytest.mark.parametrize("content_type", ["image/gif", "image/png", "image/webp"])
def test_film_still_moves(content_type: str) -> None:
    """All frames, as long as they were shown, as often; without notes on any of them."""
    data = film(content_type, frames=5, comment=SECRET, loop=3)

    image = seen(look(content_type, data))

    assert getattr(image, "n_frames", 1) == 5
    assert image.info["loop"] == 3
    places, times = [], []
    for n in range(5):
        image.seek(n)
        image.load()
        times.append(image.info["duration"])
        reds = image.convert("RGB").getchannel("G").point(lambda green: 255 * (green < 100))
        box = reds.getbbox()
        assert box is not None
        places.append(round(box[0] / 5))
    assert places == [0, 1, 2, 3, 4]
    assert times == [100] * 5


def test_film_that_is_shown_once_is_shown_once() -> None:
    """A GIF without a number of repeats has none afterwards."""
    image = seen(look("image/gif", film("image/gif", loop=None)))

    assert "loop" not in image.info


def test_frames_that_are_clear_stay_clear() -> None:
    """In a film with a transparent ground, what was shown before does not shine through."""
    frames = []
    for n in range(3):
        frame = Image.new("RGBA", (30, 10), (0, 0, 0, 0))
        frame.paste((255, 0, 0, 255), (n * 10, 0, n * 10 + 10, 10))
        frames.append(frame)
    data = encoded(frames[0], "image/gif", save_all=True, append_images=frames[1:], disposal=2)

    image = seen(look("image/gif", data))

    shown = []
    for n in range(3):
        image.seek(n)
        shown.append(image.convert("RGBA").getchannel("A").getbbox())
    assert shown == [(0, 0, 10, 10), (10, 0, 20, 10), (20, 0, 30, 10)]


@pytest.mark.parametrize(
    ("content_type", "data"),
    [
        ("image/png", bomb(30_000, 30_000)),
        ("image/png", header(0x7FFF_FFFF, 0x7FFF_FFFF) + chunk(b"IDAT", b"x\x9c")),
        ("image/png", bomb(SIDE_MAX, 4_000)),
        ("image/png", bomb(SIDE_MAX + 1, 1)),
        ("image/gif", b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\x08\0;"),
        ("image/gif", gif_of(100_000)),
        ("image/png", apng_of(100_000)),
    ],
    ids=[
        "30,000 × 30,000",
        "2 thousand million",
        "65 megapixels",
        "too wide",
        "gif",
        "gif frames",
        "apng frames",
    ],
)
def test_bomb_is_refused_before_it_goes_off(content_type: str, data: bytes) -> None:
    """What a few bytes say they are is judged before it is made."""
    assert len(data) < 10 << 20

    assert reason(content_type, data) is Reason.TOO_MANY_PIXELS


def test_webp_bomb_is_refused_before_it_goes_off() -> None:
    """A WebP says its size in its header, too: 16,383 × 16,383."""
    frame = b"VP8L" + struct.pack("<I", 10) + b"\x2f\xff\xff\xff\x0f" + bytes(5)
    data = b"RIFF" + struct.pack("<I", 4 + len(frame)) + b"WEBP" + frame

    assert reason("image/webp", data) is Reason.TOO_MANY_PIXELS


def test_film_has_so_many_pixels_and_frames() -> None:
    """A thousand frames are taken; one more, or a large picture too often, is not."""
    large = film("image/webp", frames=2)
    few = reason("image/gif", gif_of(FRAMES_MAX))
    many = reason("image/gif", gif_of(FRAMES_MAX + 2))

    assert few is None
    assert many is Reason.TOO_MANY_PIXELS
    assert reason("image/webp", large) is None


def test_large_film_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """All frames together have their limit."""
    monkeypatch.setattr("attachment_service.raster.ANIMATION_PIXELS_MAX", 40 * 20 * 4)

    short, long = (reason("image/gif", film("image/gif", frames=n)) for n in (4, 5))

    assert short is None
    assert long is Reason.TOO_MANY_PIXELS


def test_apng_that_lies_about_its_frames_is_what_it_is() -> None:
    """One that says it has more than there are is shown as far as it goes."""
    found = reason("image/png", apng_of(3, says=4_000_000))

    assert found in (None, Reason.IMAGE)


@pytest.mark.parametrize("content_type", FORMATS)
def test_damaged_image_is_refused(content_type: str) -> None:
    """Cut off anywhere, it is no image; nothing of a decoder's complaint is told."""
    data = encoded(two_halves(300, 200), content_type)
    pieces = [data[:at] for at in (20, 40, len(data) // 2, len(data) * 3 // 4)]

    reasons = [reason(content_type, piece) for piece in pieces]

    assert reasons == [Reason.IMAGE] * 4


@pytest.mark.parametrize("content_type", FORMATS)
def test_no_byte_turned_over_is_a_crash(content_type: str) -> None:
    """A damaged image is a picture or a verdict, never anything else."""
    data = encoded(two_halves(), content_type)

    reasons = set()
    for at in range(len(data)):
        for flipped in (data[at] ^ 0xFF, data[at] ^ 0x01):
            damaged = data[:at] + bytes([flipped]) + data[at + 1 :]
            reasons.add(reason(content_type, damaged))

    assert reasons <= {None, Reason.IMAGE, Reason.TYPE, Reason.TOO_MANY_PIXELS}


@pytest.mark.parametrize("name", [*files.BAD, "pdf", "zip", "text"])
@pytest.mark.parametrize("content_type", FORMATS)
def test_what_is_no_such_image_is_refused(content_type: str, name: str) -> None:
    """SVG, HTML and programs do not become images by being called so."""
    data = files.BAD.get(name) or files.GOOD[name][1]

    assert reason(content_type, data) is Reason.TYPE


@pytest.mark.parametrize("tail", [b"=1;alert(1)//", b"<html><script>alert(1)</script>", b""])
def test_magic_alone_is_no_image(tail: bytes) -> None:
    """A page or a script that begins as an image does is none."""
    magics = {
        "image/gif": b"GIF89a",
        "image/png": PNG,
        "image/jpeg": b"\xff\xd8\xff\xe0",
        "image/webp": b"RIFF\xff\0\0\0WEBP",
    }

    reasons = {name: reason(name, magic + tail) for name, magic in magics.items()}

    assert reasons == dict.fromkeys(magics, Reason.IMAGE)


def test_png_with_a_bomb_in_its_text_is_refused() -> None:
    """A compressed comment is not unpacked without end."""
    packed = zlib.compress(bytes(200 << 20), 9)
    text = chunk(b"zTXt", b"Comment\0\0" + packed)
    plain = encoded(two_halves(), "image/png")
    end = plain.index(b"IDAT") - 4
    data = plain[:end] + text + plain[end:]

    assert reason("image/png", data) in (None, Reason.IMAGE)


def test_jpeg_with_more_pictures_in_it_is_its_first() -> None:
    """A telephone's JPEG may hold others, in larger or in depth: the one that is seen is kept."""
    out = BytesIO()
    two_halves().save(out, "MPO", save_all=True, append_images=[Image.new("RGB", (90, 90))])

    image = seen(look("image/jpeg", out.getvalue()))

    assert (image.format, image.size) == ("JPEG", (40, 20))

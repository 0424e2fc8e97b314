"""Images, decoded and encoded anew: what comes out was written by us, pixel for pixel.

So nothing of the sender's passes but what is seen: no place and no camera (Exif, XMP, IPTC), no
comment, nothing behind the image's end, no second format in the same bytes. Colours become sRGB and
photographs stand upright, since the profile and the note that said otherwise are gone.
"""

import itertools
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from typing import Any, Final

from PIL import ExifTags, Image, ImageCms, ImageOps
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from attachment_service.kinds import ANIMATION_PIXELS_MAX, FRAMES_MAX, PIXELS_MAX, SIDE_MAX
from attachment_service.thumbnail import thumbnail
from attachment_service.verdicts import Reason, Rejected

_DECODERS: Final[dict[str, type[ImageFile]]] = {
    "image/jpeg": JpegImageFile,
    "image/png": PngImageFile,
    "image/gif": GifImageFile,
    "image/webp": WebPImageFile,
}
"""By content type. Named here rather than found by Pillow: a file meets the one decoder it was
declared for, and no JPEG is opened as the MPO it may also be."""

_SAVED: Final[dict[str, dict[str, Any]]] = {
    "image/jpeg": {"quality": 90},
    "image/png": {"compress_level": 4},  # the usual 6 takes twice as long for some per cent
    "image/gif": {},
    "image/webp": {"quality": 90, "method": 2},
}

_SEEN: Final = ("transparency", "duration", "loop")
"""What Pillow notes of an image that is part of what is seen."""

# Pillow compares sizes that come up while it reads, such as a later frame's, with this too.
Image.MAX_IMAGE_PIXELS = PIXELS_MAX
_BOMB: Final = (Image.DecompressionBombWarning, Image.DecompressionBombError)


class Raster:
    """An image in memory: its first frame upright in `first`, and the others when it moves."""

    def __init__(self, content_type: str, data: bytes) -> None:
        """Raises `Rejected` for what cannot be decoded or is too large to be."""
        self._content_type = content_type
        with _damage_is_a_verdict():
            self._file = _DECODERS[content_type](BytesIO(data))
            self._check_size()
            # An APNG may carry a picture for those who cannot show the film; it is not part of it.
            self._start = 1 if getattr(self._file, "default_image", False) else 0
            self._file.seek(self._start)
            self._file.load()
            self._moves = getattr(self._file, "is_animated", False)
            self.first = _seen(self._file.copy()) if self._moves else _still(self._file)

    def encode(self) -> bytes:
        """The same picture in the same format, and nothing else. Raises `Rejected`."""
        out = BytesIO()
        saved = _SAVED[self._content_type] | (self._film() if self._moves else {})
        with _damage_is_a_verdict():
            self.first.save(out, self._file.format, **saved)
        return out.getvalue()

    def __iter__(self) -> Iterator[Image.Image]:
        """Every frame after the first, whole; as often as somebody goes through them, which Pillow
        does twice. Raises `Rejected` when they are too many."""
        pixels = self.first.width * self.first.height
        for shown in itertools.count(2):
            try:
                self._file.seek(self._start + shown - 1)
            except EOFError:
                return
            if shown > FRAMES_MAX or shown * pixels > ANIMATION_PIXELS_MAX:
                raise Rejected(Reason.TOO_MANY_PIXELS)
            frame = _seen(self._file.copy())
            if frame.size != self.first.size:
                raise Rejected(Reason.IMAGE)
            yield frame

    def _check_size(self) -> None:
        width, height = self._file.size
        if max(width, height) > SIDE_MAX or width * height > PIXELS_MAX:
            raise Rejected(Reason.TOO_MANY_PIXELS)

    def _film(self) -> dict[str, Any]:
        """What Pillow needs to write all frames."""
        film: dict[str, Any] = {"save_all": True, "append_images": self}
        if self._content_type == "image/webp":  # its writer takes the times apart from the frames
            others = list(self)
            times = [frame.info.get("duration", 0) for frame in (self.first, *others)]
            film |= {"append_images": others, "duration": times}
        if "loop" in self.first.info:
            film["loop"] = self.first.info["loop"]
        if self._content_type == "image/gif" and self.first.has_transparency_data:
            film["disposal"] = 2  # else what one frame leaves clear shows the one before
        return film


def rehearse(content_type: str) -> None:
    """Decode and encode images of our own, with all that an image may have.

    Pillow loads some of itself when it is first needed. No file can be opened by then (`sandbox`),
    and it would look as if the image were damaged.
    """
    notes = Image.Exif()
    notes[ExifTags.Base.Orientation] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    plain = Image.new("RGBA", (2, 1), "#f008")
    if content_type == "image/jpeg":
        shown = [[plain.convert("RGB")]]
    else:
        other = Image.new("RGBA", (2, 1), "blue")
        shown = [[plain], [plain.convert("P")], [plain, other], [plain.convert("P"), other]]
    for first, *others in shown:
        out = BytesIO()
        form = _DECODERS[content_type].format
        noted = {"exif": notes, "icc_profile": profile}
        first.save(out, form, save_all=bool(others), append_images=others, **noted)
        raster = Raster(content_type, out.getvalue())
        thumbnail(raster.first)
        raster.encode()


def _seen(image: Image.Image) -> Image.Image:
    """*image* with nothing noted but what is seen."""
    image.info = {name: image.info[name] for name in _SEEN if name in image.info}
    return image


def _still(image: Image.Image) -> Image.Image:
    """*image* upright, in sRGB, in a mode that its format has, with nothing but what is seen."""
    with suppress(Exception):  # damaged Exif is no reason to refuse a photograph
        ImageOps.exif_transpose(image, in_place=True)
    profile = image.info.get("icc_profile")
    image = _seen(image)
    if profile:
        image = _in_srgb(image, profile)
    return image.convert("RGB") if image.mode == "CMYK" else image


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """*image* with its colours as sRGB has them; as it is where its profile is of no use."""
    mode = "RGBA" if image.has_transparency_data else "RGB"
    if image.mode == "P":
        image = image.convert(mode)
    if image.mode not in ("RGB", "RGBA", "CMYK"):
        return image  # grey, or 16 bits
    with suppress(ImageCms.PyCMSError, OSError, ValueError):
        given = ImageCms.ImageCmsProfile(BytesIO(profile))
        wanted = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, given, wanted, outputMode=mode)
        assert converted is not None  # only `inPlace` answers nothing
        return _seen(converted)
    return image


@contextmanager
def _damage_is_a_verdict() -> Iterator[None]:
    """Whatever a decoder trips over is the file's fault: it is told in a word, never quoted."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            yield
        except _BOMB:
            raise Rejected(Reason.TOO_MANY_PIXELS) from None
        except (Rejected, MemoryError):
            raise
        except Exception:
            raise Rejected(Reason.IMAGE) from None

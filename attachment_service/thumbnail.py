"""Small pictures of what is attached: WebP, `SIDE` pixels at the longer side or fewer."""

from io import BytesIO
from typing import Final

import pypdfium2
from PIL import Image

SIDE: Final = 320

# Else Pillow loads its writers when one is needed, and no file can be opened then (`sandbox`).
Image.preinit()


def thumbnail(image: Image.Image) -> bytes:
    """A small picture of *image*; a smaller one is not made larger."""
    shrink = min(1.0, SIDE / max(image.size))
    width, height = (max(1, round(side * shrink)) for side in image.size)
    if image.mode.startswith("I"):  # 16 bits, which Pillow would cut off rather than scale
        image = image.point(lambda deep: deep * (1 / 257)).convert("L")
    if image.mode not in ("RGB", "RGBA"):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    small = image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0)
    out = BytesIO()
    small.save(out, "WEBP", quality=80)
    return out.getvalue()


def first_page(pdf: bytes) -> bytes | None:
    """A small picture of a PDF's first page; nothing if it cannot be drawn, or is encrypted."""
    try:
        with pypdfium2.PdfDocument(pdf) as document:
            page = document[0]
            longer = max(page.get_size())
            if not longer > 0:
                return None
            # Drawn at twice the size and made smaller: thin lines and small print survive.
            return thumbnail(page.render(scale=2 * SIDE / longer).to_pil())
    except (pypdfium2.PdfiumError, ValueError, OverflowError):
        return None

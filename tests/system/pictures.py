"""Pictures of one page of print in every form that a picture may come in, and of a page that no form can hold."""
import io
import pathlib
import struct
import subprocess
import tempfile
import zlib

from PIL import Image, ImageDraw, ImageFont

WORDS = "Granite Ridge Middle School keeps a garden behind the library".split()
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"


def page(words=WORDS, scale=1, columns=3, size=(1000, 600)):
    """Black on white, five inches by three at 200 dots an inch."""
    image = Image.new("L", (size[0] * scale, size[1] * scale), 255)
    draw = ImageDraw.Draw(image)
    font = ImageFont.truetype(FONT, 40 * scale)
    for line, i in enumerate(range(0, len(words), columns)):
        draw.text((60 * scale, (50 + line * 80) * scale), " ".join(words[i:i + columns]), fill=0, font=font)
    return image


def strokes(text, left, bottom, size=12):
    """The text as a program for tablets draws a pen's strokes into a PDF: shapes, no letters."""
    font = ImageFont.truetype(FONT, size * 4)
    image = Image.new("1", (int(font.getlength(text)) + 8, size * 6), 1)
    ImageDraw.Draw(image).text((2, 2), text, fill=0, font=font)
    drawn = ["0 g"]
    for y in range(image.height):
        row = [image.getpixel((x, y)) == 0 for x in range(image.width)] + [False]
        for x in (i for i, ink in enumerate(row) if ink and not (i and row[i - 1])):
            drawn.append(f"{left + x / 4:.2f} {bottom + size - y / 4:.2f} {row.index(False, x) / 4 - x / 4:.2f} .26 re")
    return " ".join(drawn + ["f"])


def saved(image, kind, **how):
    out = io.BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


def png16(image, colours):
    """16 bits a sample, which PIL cannot write in colour: the samples' low bytes are noise, as a scanner's are."""
    rows, (width, height) = [], image.size
    for y in range(height):
        row = image.crop((0, y, width, y + 1)).tobytes()
        rows.append(b"\0" + bytes(b for v in row for b in (v, (v * 37 + y) & 255) * colours))

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    head = struct.pack(">IIBBBBB", width, height, 16, 0 if colours == 1 else 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"".join(rows))) + chunk(b"IEND", b"")


def see_through(image):
    """Ink on nothing: every colour is black, only the alpha tells paper from ink."""
    ink = Image.new("LA", image.size, (0, 0))
    ink.putalpha(image.point(lambda v: 255 - v))
    return ink


def turned(image, orientation):
    """As a camera held that way stores it: EXIF says how to look at it."""
    T = Image.Transpose
    undo = {1: None, 2: T.FLIP_LEFT_RIGHT, 3: T.ROTATE_180, 4: T.FLIP_TOP_BOTTOM, 5: T.TRANSPOSE, 6: T.ROTATE_90, 7: T.TRANSVERSE, 8: T.ROTATE_270}
    exif = Image.Exif()
    exif[274] = orientation
    stored = image.transpose(undo[orientation]) if undo[orientation] is not None else image
    return stored, exif


def heic(image):
    with tempfile.TemporaryDirectory() as folder:
        source, target = pathlib.Path(folder, "a.png"), pathlib.Path(folder, "a.heic")
        image.convert("RGB").save(source)
        subprocess.run(["heif-enc", "-q", "80", "-o", target, source], check=True, capture_output=True)
        return target.read_bytes()


def tiff(*images, **how):
    return saved(images[0], "TIFF", save_all=True, append_images=images[1:], **how)


def every_kind():
    """(what it is, its bytes), each a page of WORDS."""
    grey = page()
    colour = Image.merge("RGB", (grey.point(lambda v: 30 + v * 8 // 10), grey, grey.point(lambda v: v * 9 // 10)))
    yield "PNG, grey", saved(grey, "PNG")
    yield "PNG, colours", saved(colour, "PNG")
    yield "PNG, 1 bit", saved(grey.convert("1"), "PNG")
    yield "PNG, palette", saved(colour.quantize(16), "PNG")
    yield "PNG, palette with a transparent colour", saved(colour.quantize(16), "PNG", transparency=0)
    yield "PNG, grey with a transparent shade", saved(grey, "PNG", transparency=255)
    yield "PNG, 1 bit with a transparent shade", saved(grey.convert("1"), "PNG", transparency=1)
    yield "PNG, colours with a transparent one", saved(colour, "PNG", transparency=(30 + 255 * 8 // 10, 255, 255 * 9 // 10))
    yield "PNG, colours with alpha", saved(see_through(grey).convert("RGBA"), "PNG")
    yield "PNG, grey with alpha", saved(see_through(grey), "PNG")
    yield "PNG, 16 bits, grey", png16(grey, 1)
    yield "PNG, 16 bits, colours", png16(grey, 3)
    yield "JPEG, grey", saved(grey, "JPEG")
    yield "JPEG, progressive", saved(colour, "JPEG", progressive=True)
    yield "JPEG, CMYK", saved(colour.convert("CMYK"), "JPEG")
    for n in range(1, 9):
        stored, exif = turned(colour, n)
        yield f"JPEG, EXIF {n}", saved(stored, "JPEG", exif=exif)
    for n in (5, 6):
        stored, exif = turned(colour, n)
        yield f"PNG, EXIF {n}", saved(stored, "PNG", exif=exif)
        yield f"WebP, EXIF {n}", saved(stored, "WEBP", exif=exif)
        yield f"TIFF, orientation {n}", tiff(stored, tiffinfo={274: n})
    yield "WebP", saved(colour, "WEBP")
    yield "WebP, lossless, alpha", saved(see_through(grey).convert("RGBA"), "WEBP", lossless=True)
    yield "TIFF, grey", tiff(grey)
    yield "TIFF, LZW", tiff(colour, compression="tiff_lzw")
    yield "TIFF, JPEG inside", tiff(colour, compression="jpeg")
    yield "TIFF, fax", tiff(grey.convert("1"), compression="group4")
    yield "TIFF, CMYK", tiff(colour.convert("CMYK"))
    yield "TIFF, 16 bits", tiff(Image.frombytes("I;16", grey.size, bytes(b for v in grey.tobytes() for b in (0, v))))
    yield "TIFF, palette", tiff(colour.quantize(16))
    yield "TIFF, alpha", tiff(see_through(grey).convert("RGBA"))
    yield "HEIC", heic(colour)

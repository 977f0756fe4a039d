"""A page as a list of things to draw, in points from the top left; drawn as pixels here, as a PDF's own text in pdf.py."""
import functools
import glob
import pathlib

from PIL import Image, ImageChops, ImageDraw, ImageFont

WIDTH, HEIGHT = 612, 792
INK = 40
TYPED = {  # file of Debian's packages -> the base font of PDF with (nearly) its widths
    "liberation/LiberationSans-Regular.ttf": "Helvetica", "liberation/LiberationSerif-Regular.ttf": "Times-Roman",
    "liberation/LiberationMono-Regular.ttf": "Courier", "dejavu/DejaVuSans.ttf": None, "open-sans/OpenSans-Regular.ttf": None,
    "fonts-gnutypewriter/gnutypewriter.ttf": None, "charis/CharisSIL-Regular.ttf": None,
}
HANDS = {  # size that makes it as large as its neighbours; fonts without accents write only what has none
    "breip/Breip.ttf": 1.0, "klee/KleeOne-Regular.ttf": 0.85, "comic-neue/ComicNeue-Light.otf": 0.9, "dancingscript/DancingScript-Regular.otf": 0.95,
    "rufscript/Rufscript010.ttf": 0.95, "bwht/BecauseWeConnect-Regular.otf": 1.0, "bwht/BecauseWeOrganize-Regular.otf": 0.9,
}

ONE_CASE = ("BecauseWeConnect-Regular", "BecauseWeOrganize-Regular")  # hands whose small letters are capitals to the eye


def find(name):
    hits = glob.glob(f"/usr/share/fonts/*/{name}")
    return hits[0] if hits else None


def typed_fonts():
    return [p for p in map(find, TYPED) if p]


def hand_fonts(folder=None):
    """(path, size factor) of the hands there are: Debian's, and every font of a folder of one's own."""
    mine = [(p, s) for p, s in ((find(n), s) for n, s in HANDS.items()) if p]
    more = sorted(p for p in pathlib.Path(folder).rglob("*") if p.suffix in (".ttf", ".otf", ".woff")) if folder else []
    return mine + [(str(p), 1.0) for p in more]


@functools.lru_cache(maxsize=256)
def load(path, size):
    return ImageFont.truetype(path, size)


@functools.lru_cache(maxsize=64)
def missing_shape(path):
    return bytes(load(path, 40).getmask("\U0010fffe")), bytes(load(path, 40).getmask(""))


@functools.lru_cache(maxsize=4096)
def can_write(path, char):
    """Whether a font has the character: it draws something, and not its box for what is missing."""
    return char.isspace() or bytes(load(path, 40).getmask(char)) not in missing_shape(path)


def can_write_all(path, text):
    return all(can_write(path, c) for c in set(text))


class Sheet:
    def __init__(self, kind, entry):
        self.kind, self.entry = kind, entry
        self.print_ops, self.hand_ops, self.fields = [], [], []
        self.lines = []  # reading order: the truth of the page's text

    def text(self, x, y, text, font, size, hand=None):
        """Text with its baseline at y. `hand`: a random source, written by hand."""
        (self.hand_ops if hand else self.print_ops).append(("text", x, y, text, font, size, hand.random() if hand else None))

    def line(self, x0, y0, x1, y1, weight=0.6, grey=INK):
        self.print_ops.append(("line", x0, y0, x1, y1, weight, grey))

    def box(self, x0, y0, x1, y1):
        for a in ((x0, y0, x1, y0), (x0, y1, x1, y1), (x0, y0, x0, y1), (x1, y0, x1, y1)):
            self.line(*a)

    def field(self, name, x0, y0, x1, y1, value, size):
        """A fillable field of a PDF; its value is not drawn here."""
        self.fields.append((name, (x0, y0, x1, y1), value, size))

    def say(self, *parts):
        line = " ".join(p for p in parts if p)
        if line:
            self.lines.append(line)

    def truth(self):
        return "\n".join(self.lines)

    def image(self, dpi):
        import random
        scale = dpi / 72
        image = Image.new("L", (round(WIDTH * scale), round(HEIGHT * scale)), 255)
        draw = ImageDraw.Draw(image)
        for op in self.print_ops:
            if op[0] == "line":
                _, x0, y0, x1, y1, weight, grey = op
                draw.line([x0 * scale, y0 * scale, x1 * scale, y1 * scale], fill=grey, width=max(1, round(weight * scale)))
            else:
                _, x, y, text, font, size, _ = op
                draw.text((x * scale, y * scale), text, font=load(font, round(size * scale)), fill=INK, anchor="ls")
        for _, x, y, text, font, size, seed in self.hand_ops:
            write(image, x * scale, y * scale, text, load(font, round(size * scale)), random.Random(seed))
        return image


def width(text, font, size):
    """In points, measured at ten times the size."""
    return load(font, round(size * 10)).getlength(text) / 10


def write(image, x, y, text, font, rng):
    """A line by hand: each word a little higher, lower, turned and slanted as it comes."""
    slope, high = rng.uniform(-0.012, 0.012), font.size
    space = font.getlength(" ") * rng.uniform(0.95, 1.35)
    ink = rng.randint(20, 75)
    at = x
    for word in text.split():
        length = font.getlength(word)
        pad = high
        tile = Image.new("L", (int(length + 2 * pad), int(high * 3)), 255)
        ImageDraw.Draw(tile).text((pad, high * 2), word, font=font, fill=ink, anchor="ls")
        shear = rng.uniform(-0.06, 0.06)
        tile = tile.transform(tile.size, Image.AFFINE, (1, shear, -shear * high * 2, 0, 1, 0), Image.BICUBIC, fillcolor=255)
        tile = tile.rotate(rng.uniform(-1.2, 1.2), Image.BICUBIC, center=(pad, high * 2), fillcolor=255)
        down = slope * (at - x) + rng.uniform(-0.05, 0.05) * high
        spot = (int(at - pad), int(y + down - high * 2))
        box = (max(spot[0], 0), max(spot[1], 0), min(spot[0] + tile.width, image.width), min(spot[1] + tile.height, image.height))
        if box[2] > box[0] and box[3] > box[1]:
            cut = tile.crop((box[0] - spot[0], box[1] - spot[1], box[2] - spot[0], box[3] - spot[1]))
            image.paste(ImageChops.darker(image.crop(box), cut), box[:2])
        at += length + space

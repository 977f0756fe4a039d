#!/usr/bin/python3
"""lines.py OUT.lstmf --fonts FOLDER --words FOLDER --unicharset FILE [--lines N] [--seed S] [--numbers]: lines by hand, as lstmtraining
reads them.  FOLDER of words: eng.words and spa.words.  Each line is written in one of the fonts or, letter by letter, in some of them, bent, slanted, thickened, ruled and worn in its own
way, then shown as providers/reread.c shows a piece.
"""
import argparse
import functools
import glob
import io
import math
import pathlib
import random
import struct

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from texts import Texts

PRINT = ["liberation/LiberationSans-Regular.ttf", "liberation/LiberationSerif-Regular.ttf", "dejavu/DejaVuSans.ttf",
         "open-sans/OpenSans-Regular.ttf", "charis/CharisSIL-Regular.ttf", "liberation/LiberationSans-Bold.ttf"]
SIZES = 22, 64          # pixels
WITH_LABEL = 0.12       # so many lines begin with a printed label
PRINTED = 0.08          # so many are print, which must not be forgotten
RULED = 0.45
WIDEST = 1600
MIXED = 0.12            # so many lines take each letter from one of a few fonts: a hand that no font has
CAPITALS = 0.06         # so many are written in capitals
INKED = 0.4             # what counts as ink
CAPITAL_HANDS = ("amatic-sc", "permanent-marker", "rock-salt")
CONTRASTED, BLACK = 0.35, 0.25  # so many are shown at full contrast, black on white


@functools.lru_cache(maxsize=None)
def font(path, size):
    return ImageFont.truetype(path, size)


@functools.lru_cache(maxsize=None)
def missing_shapes(path):
    return {bytes(font(path, 40).getmask(c)) for c in ("\U0010fffe", "\ue123", "")}


@functools.lru_cache(maxsize=None)
def can_write(path, char):
    shape = bytes(font(path, 40).getmask(char))
    return char == " " or bool(shape) and shape not in missing_shapes(path)


@functools.lru_cache(maxsize=None)
def low_letters(path):
    """How high a font's low letters are, as a share of its size."""
    return max(1, sum(-font(path, 100).getbbox(c, anchor="ls")[1] for c in "aenorsx")) / 700


def is_capitals(path):
    """Whether a font's small letters are capitals."""
    return pathlib.Path(path).name.startswith(CAPITAL_HANDS)


def picture(ink):
    return Image.fromarray((ink * 255).astype(np.uint8))


def ink_of(image):
    return np.asarray(image, np.float32) / 255


class Pen:
    """What one line is written in: a font, or several of which each letter has one, all as large."""
    def __init__(self, rng, paths, size):
        self.rng, self.paths, self.of = rng, paths, {}
        self.faces = [font(p, round(size * low_letters(paths[0]) / low_letters(p))) for p in paths]

    def can_write(self, char):
        return any(can_write(p, char) for p in self.paths)

    def face(self, char):
        if char not in self.of:
            self.of[char] = self.rng.choice([f for f, p in zip(self.faces, self.paths) if can_write(p, char)])
        return self.of[char]

    def length(self, text):
        return self.faces[0].getlength(text) if len(self.faces) == 1 else sum(self.face(c).getlength(c) for c in text)


class Hand:
    """Writes lines; ink is 0 to 1, the baseline of a line at twice its size from the top."""
    def __init__(self, rng):
        self.rng, self.numpy = rng, np.random.default_rng(rng.getrandbits(32))

    def wave(self, shape, step, most):
        coarse = self.numpy.normal(0, most, (max(2, shape[0] // step + 2), max(2, shape[1] // step + 2))).astype(np.float32)
        return np.asarray(Image.fromarray(coarse, "F").resize((shape[1], shape[0]), Image.BICUBIC))

    def bend(self, ink, size):
        height, width = ink.shape
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        large, small = size * self.rng.uniform(0, 0.06), size * self.rng.uniform(0, 0.02)
        x, y = (v + self.wave(ink.shape, max(8, size), large) + self.wave(ink.shape, max(6, size // 3), small) for v in (x, y))
        x, y = np.clip(x, 0, width - 1.01), np.clip(y, 0, height - 1.01)
        left, top = x.astype(int), y.astype(int)
        x, y = x - left, y - top
        return (ink[top, left] * (1 - x) * (1 - y) + ink[top, left + 1] * x * (1 - y)
                + ink[top + 1, left] * (1 - x) * y + ink[top + 1, left + 1] * x * y)

    def letter(self, tile, char, face, x, y, size):
        """A letter of no two alike: a little larger, wider, leaning or turned."""
        rng = self.rng
        one = Image.new("L", (int(face.getlength(char) + 2 * size), size * 4), 0)
        ImageDraw.Draw(one).text((size, 2 * size), char, font=face, fill=255, anchor="ls")
        wide, high, lean, turn = rng.gauss(1, 0.05), rng.gauss(1, 0.05), rng.gauss(0, 0.05), rng.gauss(0, 0.03)
        one = one.transform(one.size, Image.AFFINE, (wide, lean, size * (1 - wide) - lean * 2 * size, turn, high, 2 * size * (1 - high) - turn * size),
                            Image.BILINEAR)
        spot = int(x - size), int(y - 2 * size)
        tile.paste(ImageChops.lighter(tile.crop((*spot, spot[0] + one.width, spot[1] + one.height)), one), spot)

    def word(self, word, pen, size, slant, loose):
        """A word as a tile with `size` of room around it, and how long it is."""
        rng = self.rng
        tile = Image.new("L", (int(pen.length(word) * 1.05 + 3 * size + len(word) * size * 0.1), size * 4), 0)
        at = float(size)
        if loose:  # letter by letter, none quite where it belongs
            apart = rng.uniform(-0.02, 0.07) * size
            for i, char in enumerate(word):
                self.letter(tile, char, pen.face(char), at, 2 * size + rng.gauss(0, 0.02) * size, size)
                at += pen.length(word[:i + 1]) - pen.length(word[:i]) + apart + rng.gauss(0, 0.015) * size
        else:
            ImageDraw.Draw(tile).text((size, 2 * size), word, font=pen.faces[0], fill=255, anchor="ls")
            at += pen.length(word)
        slant += rng.gauss(0, 0.03)
        tile = tile.transform(tile.size, Image.AFFINE, (1, slant, -slant * 2 * size, 0, 1, 0), Image.BILINEAR)
        return ink_of(tile.rotate(rng.gauss(0, 0.8), Image.BILINEAR, center=(size, 2 * size))), at - size

    def line(self, text, pen, size):
        rng = self.rng
        space = pen.faces[0].getlength(" ") * rng.uniform(0.9, 1.6) + rng.uniform(0, 0.15) * size
        slant, slope, loose = rng.gauss(0.03, 0.1), rng.uniform(-0.02, 0.02), len(pen.faces) > 1 or rng.random() < 0.35
        room = int(sum(pen.length(w) + space for w in text.split()) * 1.25 + 4 * size + len(text) * size * 0.12)
        ink, x = np.zeros((size * 4, room), np.float32), float(size)
        for word in text.split():
            tile, length = self.word(word, pen, size, slant, loose)
            tile = np.roll(tile, int(slope * (x - size) + rng.gauss(0, 0.03) * size), 0)
            left = int(x - size)
            width = min(tile.shape[1], room - left)
            if width <= 0:
                break
            ink[:, left:left + width] = np.maximum(ink[:, left:left + width], tile[:, :width])
            x += length + space
        ink = ink[:, :int(min(room, x + size))]
        wide = rng.uniform(0.86, 1.3)
        ink = self.bend(ink_of(picture(ink).resize((int(ink.shape[1] * wide), ink.shape[0]), Image.BILINEAR)), size)
        pen = rng.random()
        if pen < 0.18 and size > 30:
            ink = ink_of(picture(ink).filter(ImageFilter.MaxFilter(3)))
        elif pen < 0.28 and size > 44:
            ink = ink_of(picture(ink).filter(ImageFilter.MinFilter(3)))
        return ink

    def wear(self, ink, size):
        """Ink on paper, as a scanner or a telephone sees it."""
        rng = self.rng
        dark, light = rng.uniform(0, 90), rng.uniform(200, 255)
        grey = light - ink * (light - dark)
        if rng.random() < 0.25:
            grey = grey * np.linspace(rng.uniform(0.75, 1), rng.uniform(0.75, 1), grey.shape[1])[None, :]
        blur = rng.choice([0, 0.3, 0.5, 0.7, 0.7, 1.0]) * size / 36
        grey = np.asarray(Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(blur)), np.float32)
        if rng.random() < 0.7:
            grey = grey + self.numpy.normal(0, rng.uniform(1, 20), grey.shape)
        if rng.random() < 0.1:
            grey = np.where(grey > rng.uniform(110, 170), 255, 0)
        image = Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))
        if rng.random() < 0.3:
            squeezed = io.BytesIO()
            image.save(squeezed, "JPEG", quality=rng.randint(45, 88))
            image = Image.open(squeezed)
        return image.resize((WIDEST, image.height * WIDEST // image.width), Image.BILINEAR) if image.width > WIDEST else image


def full_contrast(image):
    grey = np.asarray(image, np.float32)
    ink, paper = np.quantile(grey, 0.02), np.quantile(grey, 0.5)
    return image if paper - ink < 20 else picture(np.clip((grey - ink) / (paper - ink), 0, 1))


def black_on_white(image):
    """At twice its size, by the threshold that parts its grey best (Otsu's)."""
    twice = image.resize((image.width * 2, image.height * 2), Image.BILINEAR)
    count = np.asarray(twice.histogram(), np.float64)
    below, level = count.cumsum(), np.arange(256)
    sums = (count * level).cumsum()
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = (sums[-1] * below / below[-1] - sums) ** 2 / (below * (below[-1] - below))
    best = int(np.nanargmax(apart[:-1]))
    return twice.point(lambda v: 255 * (v > best))


def shown(rng, image):
    """As one of the ways of providers/reread.c shows it."""
    way = rng.random()
    return full_contrast(image) if way < CONTRASTED else black_on_white(image) if way < CONTRASTED + BLACK else image


def printed(text, path, size):
    face = font(path, size)
    tile = Image.new("L", (int(face.getlength(text) + size), size * 4), 0)
    ImageDraw.Draw(tile).text((size // 2, size * 2), text, font=face, fill=255, anchor="ls")
    return ink_of(tile)


class Maker:
    def __init__(self, rng, fonts, texts, chars):
        self.rng, self.fonts, self.texts, self.chars = rng, fonts, texts, chars
        self.hand = Hand(rng)
        self.print = [p for n in PRINT for p in glob.glob(f"/usr/share/fonts/*/{n}")]

    def pen(self, size):
        rng = self.rng
        paths = [rng.choice(self.fonts)]
        if rng.random() < MIXED and not is_capitals(paths[0]):
            able = [p for p in self.fonts if not is_capitals(p)]
            paths += [rng.choice(able) for _ in range(rng.randint(2, 4))]
        return Pen(rng, paths, size)

    def text(self, numbers, pen):
        while True:
            text = self.texts.answer(numbers)
            if is_capitals(pen.paths[0]) or (self.rng.random() < CAPITALS and "@" not in text):
                text = text.upper()
            if set(text) - {" "} <= self.chars and all(pen.can_write(c) for c in text):
                return text

    def line(self, numbers=False):
        rng, kind = self.rng, self.rng.random()
        size = round(math.exp(rng.uniform(*map(math.log, SIZES))))
        in_print = kind > 1 - PRINTED
        pen = Pen(rng, [rng.choice(self.print)], size) if in_print else self.pen(size)
        text = self.text(numbers, pen)
        ink = printed(text, pen.paths[0], size) if in_print else self.hand.line(text, pen, size)
        if ink.max() <= INKED:  # a hair of a stroke, thinned away
            return self.line(numbers)
        begin = 0
        if kind < WITH_LABEL:
            label, small = self.texts.label(), max(12, int(size * rng.uniform(0.45, 0.8)))
            print_ = printed(label, rng.choice(self.print), small)
            begin = print_.shape[1]
            ink = np.pad(ink, ((0, 0), (begin, 0)))
            ink[2 * (size - small):2 * (size - small) + print_.shape[0], :begin] = print_
            text = label + " " + text
        return shown(rng, self.hand.wear(self.cut(ink, size, begin), size)), text

    def cut(self, ink, size, begin):
        """The line as Tesseract cuts it out: its ink and a few pixels around it; often with the rule that it stands on."""
        rng, (rows, columns) = self.rng, np.where(ink > INKED)
        margin = lambda: rng.choice([2, 3, 4, 4, 4, 5, 7])
        top, bottom, left, right = rows.min() - margin(), rows.max() + 1 + margin(), columns.min() - margin(), columns.max() + 1 + margin()
        if rng.random() < RULED:
            y, thick = 2 * size + int(rng.uniform(0, 0.3) * size), rng.choice([1, 1, 2, 2, 3])
            ink[y:y + thick, begin:] = np.maximum(ink[y:y + thick, begin:], rng.uniform(0.3, 1))
            bottom = max(bottom, y + thick + rng.randint(0, 4))
        bottom += int(size * rng.uniform(0, 0.4)) if rng.random() < 0.06 else 0
        top -= int(size * rng.uniform(0, 0.4)) if rng.random() < 0.06 else 0
        ink = np.pad(ink, size)
        return ink[top + size:bottom + size, left + size:right + size]


def sized(data):
    return struct.pack("<I", len(data)) + data


def page(image, text, number):
    """One line as Tesseract's ImageData is written: no file's name, number, PNG, language, text, one box with that text."""
    png = io.BytesIO()
    image.save(png, "PNG", compress_level=1)
    box = struct.pack("<hhhh", 0, 0, image.width, image.height)
    one = struct.pack("<I", 1)
    return (b"\1" + sized(b"") + struct.pack("<i", number) + sized(png.getvalue()) + sized(b"eng") + sized(text.encode())
            + one + box + one + sized(text.encode()) + b"\0")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=pathlib.Path)
    for name in ("fonts", "words", "unicharset"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--lines", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--numbers", action="store_true", help="mostly grades, numbers and addresses")
    given = parser.parse_args()
    rng = random.Random(given.seed)
    chars = {line.split(" ")[0] for line in given.unicharset.read_text().splitlines()[1:]}
    words = {}
    for language in ("eng", "spa"):
        known = (given.words / f"{language}.words").read_text().split()
        words[language] = [w for w in known if w.isalpha() and 1 < len(w) < 15 and set(w) <= chars and not w.isupper()]
        rng.shuffle(words[language])
    maker = Maker(rng, sorted(str(p) for p in given.fonts.iterdir()), Texts(rng, words), chars)
    pages = [page(*maker.line(given.numbers), n) for n in range(given.lines)]
    given.out.write_bytes(struct.pack("<I", len(pages)) + b"".join(pages))


if __name__ == "__main__":
    main()

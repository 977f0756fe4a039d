#!/usr/bin/python3
"""generate.py FOLDER [--entries N] [--seed S] [--hand-fonts FOLDER]: filled-in forms with their truth.

Writes documents of many kinds until N entries are made, and truth.json (format: README.md). The same seed gives the same
documents. Kinds come in turn, so that every set has some of each.
"""
import argparse
import json
import pathlib
import random
import sys

import layouts
import sheet
import words
from pdf import Pdf
from wear import WEAR

TYPED_WEAR = ["clean", "scan", "scan", "noisy", "photo"]
HAND_WEAR = ["clean", "scan", "scan", "noisy", "photo"]
# kind, filled in by hand?; one round makes 26 entries, half of them by hand
ROUND = [("typed", 0), ("hand", 1), ("typed", 0), ("hand", 1), ("text-layer", 0), ("hand", 1), ("acroform", 0), ("hand", 1), ("multi", 1),
         ("multi", 0), ("hand", 1), ("rotated", 0), ("rotated", 1), ("multi-text", 0), ("hand", 1), ("rotate-flag", 0), ("blank", 1),
         ("hand", 1), ("fax", 0), ("fax", 1), ("searchable", 0), ("stamped", 1), ("typed", 0), ("hand", 1)]
ENTRIES = {"multi": 3, "multi-text": 2, "blank": 2, "stamped": 2}


class Maker:
    def __init__(self, folder, seed, hand_folder):
        self.folder, self.rng = folder, random.Random(seed)
        self.typed, self.hands = sheet.typed_fonts(), sheet.hand_fonts(hand_folder)
        self.embedded = [f for f in self.typed if next(b for n, b in sheet.TYPED.items() if f.endswith(n))]
        if not self.typed or not self.hands:
            sys.exit("fonts are missing: tests/deps.sh accuracy")

    def style(self, kind):
        real_text = kind in ("text-layer", "acroform", "multi-text")
        return layouts.Style(self.rng, self.rng.choice(self.embedded if real_text else self.typed[:3] + self.typed[3:5]))

    def writer(self, style, kind, by_hand, text):
        rng = self.rng
        if kind == "acroform":
            return layouts.Writer(rng, None, 11, False)
        if not by_hand:
            real_text = kind in ("text-layer", "multi-text")
            return layouts.Writer(rng, rng.choice(self.embedded if real_text else self.typed), rng.uniform(10, 12), False)
        able = [h for h in self.hands if sheet.can_write_all(h[0], text)]
        font, factor = rng.choice(able)
        return layouts.Writer(rng, font, rng.uniform(13.5, 16.5) * factor, True)

    def entry(self, style, kind, by_hand, schools, number, pages):
        rng = self.rng
        language = rng.random() < 0.4
        values = words.entry(rng, schools, caps=rng.random() < 0.08)
        text = words.essay(rng, 1 if language else 0, rng.randint(7, 9))
        writer = self.writer(style, kind, by_hand, "".join(values.values()) + text)
        sheets = layouts.entry_sheets(style, writer, values, text, number, pages)
        truth = {"entry": number, "fields": values, "essay": text, "lang": "es" if language else "en", "handwritten": bool(by_hand),
                 "hand_font": pathlib.Path(writer.font).stem if by_hand else None}
        truth["one_case"] = truth["hand_font"] in sheet.ONE_CASE
        return truth, sheets

    def document(self, index, kind, by_hand):
        rng, style = self.rng, self.style(kind)
        schools = [words.school(rng)] if rng.random() < 0.6 else [words.school(rng) for _ in range(4)]
        entries, sheets = [], []
        pages = 2 if rng.random() < (0.5 if kind.startswith("multi") else 0.2) and kind not in ("blank", "rotated", "fax") else 1
        for number in range(1, ENTRIES.get(kind, 1) + 1):
            truth, own = self.entry(style, kind, by_hand, schools, number, pages)
            truth["pages"] = [len(sheets) + 1, len(sheets) + len(own)]
            entries.append(truth)
            sheets += own
            if kind == "blank" or (kind == "multi-text" and rng.random() < 0.5):
                sheets.append(sheet.Sheet("blank", None))
        if kind == "stamped" or (kind == "multi" and rng.random() < 0.4):
            sheets.insert(0, layouts.cover(self.typed[0]))
            for e in entries:
                e["pages"] = [p + 1 for p in e["pages"]]
        name = f"{'hand' if by_hand else 'typed'}-{index:03}-{kind}"
        turned, wear, dpi, file = self.write(name, kind, by_hand, sheets)
        return {"id": name, "file": file, "kind": kind, "profile": wear, "template": style.shape, "dpi": dpi, "pixel_rotation_ccw": turned,
                "page_count": len(sheets), "entries": entries,
                "pages": [{"page": i, "entry": s.entry, "kind": s.kind, "text": s.truth()} for i, s in enumerate(sheets, 1)]}

    def write(self, name, kind, by_hand, sheets):
        rng = self.rng
        if kind in ("text-layer", "acroform", "multi-text"):
            pdf = Pdf()
            for s in sheets:
                pdf.text_page(s, f"p{s.entry}_" if kind == "acroform" and rng.random() < 0.5 else "")
            (self.folder / f"{name}.pdf").write_bytes(pdf.bytes())
            return 0, "-", None, f"{name}.pdf"
        wear = "fax" if kind == "fax" else rng.choice(HAND_WEAR if by_hand else TYPED_WEAR) if kind in ("typed", "hand") else "scan"
        dpi = 150 if wear == "photo" else 204 if wear == "fax" else 200
        images = [WEAR[wear](s.image(dpi), rng) for s in sheets]
        turned = rng.choice([90, 180, 270]) if kind == "rotated" else 0
        images = [i.rotate(turned, expand=True) for i in images] if turned else images
        single = len(images) == 1 and kind in ("typed", "hand", "rotated")
        ending = rng.choice(["png", "jpg", "pdf"]) if single else "pdf"
        path = self.folder / f"{name}.{ending}"
        if ending == "png":
            images[0].save(path, dpi=(dpi, dpi))
        elif ending == "jpg":
            images[0].save(path, quality=rng.randint(70, 88), dpi=(dpi, dpi))
        else:
            pdf, flag = Pdf(), rng.choice([90, 180, 270]) if kind == "rotate-flag" else 0
            for s, image in zip(sheets, images):
                image = image.rotate(flag, expand=True) if flag else image  # /Rotate turns clockwise what was turned the other way
                pdf.picture(image, dpi, flag, rng.randint(70, 85), s.truth() if kind == "searchable" else "",
                            "Scanned by OfficeJet 4100" if kind == "stamped" else "")
            path.write_bytes(pdf.bytes())
        return turned, wear, dpi, path.name


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--entries", type=int, default=320)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hand-fonts", help="a folder with more fonts that look like handwriting")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    maker = Maker(given.folder, given.seed, given.hand_fonts)
    documents, entries = [], 0
    while entries < given.entries:
        kind, by_hand = ROUND[len(documents) % len(ROUND)]
        documents.append(maker.document(len(documents) + 1, kind, by_hand))
        entries += len(documents[-1]["entries"])
    truth = {"set": "generated", "seed": given.seed, "fields": list(words.LABELS), "documents": documents}
    (given.folder / "truth.json").write_text(json.dumps(truth, ensure_ascii=False, indent=1))
    print(f"{entries} entries in {len(documents)} documents, {sum(d['page_count'] for d in documents)} pages: {given.folder}")


if __name__ == "__main__":
    main()

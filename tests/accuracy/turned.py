#!/usr/bin/python3
"""turned.py FOLDER [--only NAME,…] [--keep FOLDER] [--json FILE]: what is lost when a set's pages are turned, put askew, compressed
hard or drawn smaller and larger.

FOLDER holds documents and truth.json (README.md).  Every page that is a picture is changed and read again by the two programs alone,
as `accuracy.py --quick` reads; documents without a picture (text layers, form fields) have nothing to change and stay as they are.
"drawn" changes nothing but the file: what the others are compared with.  Exit 1 when name, school and grade, or all fields,
lose more than two points against it.
"""
import argparse
import io
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

from PIL import Image, ImageOps

import accuracy
import score

MOST = 0.02
MEASURES = ("core", "all fields", "cer", "silent", "flagged though right")


def skewed(degrees):
    """Into a larger picture, so that no corner is lost, as a scanner's lid left open would show it."""
    return lambda image, n: image.rotate(degrees if n % 2 else -degrees, Image.BICUBIC, expand=True, fillcolor=paper(image))


def paper(image):
    """The commonest light value: what lies beside the sheet."""
    counts = image.convert("L").histogram()
    level = max(range(128, 256), key=counts.__getitem__)
    return level if image.mode == "L" else (level,) * 3


def scaled(by):
    return lambda image, n: image.resize((round(image.width * by), round(image.height * by)), Image.LANCZOS)


def turned(quarter):
    return lambda image, n: image.transpose(quarter)


def same(image, n):
    return image


# name: (what is done to a page's picture, by its number in the set; JPEG quality; by how much its dots an inch change)
CHANGES = {
    "drawn": (same, 100, 1.0),
    "90": (turned(Image.Transpose.ROTATE_90), 100, 1.0),
    "180": (turned(Image.Transpose.ROTATE_180), 100, 1.0),
    "270": (turned(Image.Transpose.ROTATE_270), 100, 1.0),
    "skew 2": (skewed(2.0), 100, 1.0),
    "skew 3": (skewed(3.0), 100, 1.0),
    "jpeg 35": (same, 35, 1.0),
    "scale 70": (scaled(0.7), 100, 0.7),
    "scale 150": (scaled(1.5), 100, 1.5),
}


def has_pictures(path):
    listed = subprocess.run(["pdfimages", "-list", path], capture_output=True, text=True, check=True)
    return len(listed.stdout.splitlines()) > 2


def pages_of(path, dpi):
    """The pictures of a document as a reader sees them; [] when it has none."""
    if path.suffix != ".pdf":
        with Image.open(path) as image:
            return [ImageOps.exif_transpose(image).convert("RGB" if image.mode not in ("1", "L") else "L")]
    if not has_pictures(path):
        return []
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["pdftoppm", "-r", str(dpi), "-gray", path, f"{folder}/page"], check=True)
        return [Image.open(io.BytesIO(p.read_bytes())) for p in sorted(pathlib.Path(folder).glob("page*"))]


def made(source, document, target, change, number):
    """One document of the changed set; its entry of truth.json."""
    do, quality, by = change
    path = source / document["file"]
    dpi = document["dpi"] or 200
    pages = pages_of(path, dpi)
    if not pages:
        shutil.copyfile(path, target / path.name)
        return document
    images = [do(page, number + i) for i, page in enumerate(pages)]
    if path.suffix == ".pdf":
        name = document["id"] + ".pdf"
        images[0].save(target / name, "PDF", resolution=dpi * by, save_all=True, append_images=images[1:], quality=quality)
    else:
        name = document["id"] + ".jpg"
        images[0].save(target / name, "JPEG", quality=quality, dpi=(dpi * by,) * 2)
    return {**document, "file": name}


def measure(source, truth, name, folder):
    target = folder / name.replace(" ", "-")
    target.mkdir()
    documents = [made(source, d, target, CHANGES[name], 100 * i) for i, d in enumerate(truth["documents"])]
    changed = {**truth, "set": f"{truth.get('set')}, {name}", "documents": documents}
    (target / "truth.json").write_text(json.dumps(changed))
    return score.score(changed, accuracy.quick(target, changed, target / "read"), [])


def rate(result, group, measure):
    value = result.get(group, {}).get("rates", {}).get(measure)
    return value["rate"] if value else float("nan")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--only", default=",".join(CHANGES), help="changes, separated by commas: " + ", ".join(CHANGES))
    parser.add_argument("--keep", type=pathlib.Path, help="leave the changed sets and what was read there")
    parser.add_argument("--json", type=pathlib.Path)
    given = parser.parse_args()
    truth = json.loads((given.folder / "truth.json").read_text())
    names = ["drawn"] + [n for n in given.only.split(",") if n != "drawn"]
    folder = given.keep or pathlib.Path(tempfile.mkdtemp(prefix="sheaf-turned-"))
    folder.mkdir(parents=True, exist_ok=True)
    results, lost = {}, []
    try:
        print(f"{'typed / handwritten':20}" + "".join(f"{m:>22}" for m in MEASURES) + f"{'lost, all':>20}")
        for name in names:
            results[name] = measure(given.folder, truth, name, folder)
            loss = {m: rate(results["drawn"], "all", m) - rate(results[name], "all", m) for m in ("core", "all fields")}
            lost += [name] if max(loss.values()) > MOST else []
            cells = [f"{rate(results[name], 'typed', m):.3f} / {rate(results[name], 'handwritten', m):.3f}" for m in MEASURES]
            print(f"{name:20}" + "".join(f"{c:>22}" for c in cells) + f"{loss['core']:+10.3f}{loss['all fields']:+10.3f}"
                  + ("  <<<<" if name in lost else ""), flush=True)
    finally:
        if not given.keep:
            shutil.rmtree(folder, ignore_errors=True)
    if given.json:
        given.json.write_text(json.dumps(results, indent=1))
    print("loses more than two points: " + (", ".join(lost) if lost else "none"))
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())

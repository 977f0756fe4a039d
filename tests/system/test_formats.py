"""Every kind of picture is read, page by page, by ocr-svc alone and through the whole stack."""
import json
import os
import shutil
import subprocess

import pytest
from PIL import Image

import documents
import pictures
from stack import BUILD, Stack

SIX = ("dispatcher", "persist-svc", "ocr-svc", "llm-svc", "notify-svc", "gateway")
heif = shutil.which("heif-enc")
KINDS = dict(pictures.every_kind()) if heif else {}
pytestmark = pytest.mark.skipif(not heif, reason="heif-enc is not installed (libheif-examples)")


def read(tmp_path, data):
    path = tmp_path / "document"
    path.write_bytes(data)
    done = subprocess.run([BUILD / "ocr-svc", "--read", path], capture_output=True, text=True, timeout=120, cwd=tmp_path,
                          env={k: v for k, v in os.environ.items() if not k.startswith("SHEAF_")})
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_is_read(tmp_path, kind):
    (page,), _ = read(tmp_path, KINDS[kind])
    assert page["text"].split() == pictures.WORDS
    assert page["failed"] is None and page["rotation"] == 0 and page["width"] > page["height"]
    boxes = [w["b"] for w in page["words"]]
    assert all(0 <= l < r <= 10000 and 0 <= t < b <= 10000 for l, t, r, b in boxes)
    assert boxes[0][0] < 1500 and boxes[0][1] < 2000  # the first word stands at the top left, whatever way the camera was held


def test_each_page_of_a_tiff_is_its_own(tmp_path):
    one, two, three = (pictures.page(pictures.WORDS[i:i + 3]) for i in (0, 3, 6))
    pages, _ = read(tmp_path, pictures.tiff(one, two.convert("1"), three, compression="tiff_lzw"))
    assert [p["text"].split() for p in pages] == [pictures.WORDS[i:i + 3] for i in (0, 3, 6)]


def test_a_page_that_cannot_be_read_leaves_the_others_alive(tmp_path):
    good = pictures.page().convert("1")
    pages, _ = read(tmp_path, pictures.tiff(good, Image.new("1", (12000, 12000), 1), good, compression="group4"))
    assert [p["failed"] for p in pages] == [None, "page_too_large", None]
    assert pages[0]["text"].split() == pages[2]["text"].split() == pictures.WORDS


def test_a_huge_jpeg_is_scaled_down_while_it_is_decoded(tmp_path):
    """96 megapixels, of which 40 are allowed; ten inches wide."""
    (page,), _ = read(tmp_path, pictures.saved(pictures.page(scale=13), "JPEG", dpi=(1300, 1300)))
    assert page["width"] == pytest.approx(720) and page["image"]["dpi"] == 650
    assert page["text"].split() == pictures.WORDS and page["image"]["width"] * page["image"]["height"] <= 40_000_000


def test_a_huge_png_is_refused_from_its_header(tmp_path):
    pages, why = read(tmp_path, pictures.saved(Image.new("1", (12000, 12000)), "PNG"))
    assert pages == [] and why.startswith("page_too_large")


@pytest.mark.parametrize("kind", ["GIF", "BMP", "ICO"])
def test_other_pictures_are_refused(tmp_path, kind):
    pages, why = read(tmp_path, pictures.saved(Image.new("L", (64, 64), 255), kind))
    assert pages == [] and why.startswith("unsupported_type")


@pytest.mark.parametrize("kind", ["PNG, grey", "JPEG, CMYK", "WebP", "TIFF, LZW", "HEIC"])
def test_a_picture_cut_short_is_damaged_as_a_document_or_as_its_page(tmp_path, kind):
    data = KINDS[kind]
    pages, why = read(tmp_path, data[:len(data) * 2 // 3])
    assert [p["failed"] for p in pages] == ["damaged"] or pages == [] and why.startswith("damaged")


def test_a_heic_is_known_by_its_compatible_brands_too(tmp_path):
    data = KINDS["HEIC"]
    (page,), _ = read(tmp_path, data[:8] + b"msf1" + data[12:])
    assert page["text"].split() == pictures.WORDS


def test_every_kind_goes_through_the_whole_stack():
    with Stack(*SIX) as stack:
        status, answer = stack.upload(*((f"{i}.bin", data) for i, data in enumerate(KINDS.values())))
        assert status == 202 and answer["errors"] is None
        ended = {kind: stack.job_done(job["job_id"], 120)["status"] for kind, job in zip(KINDS, answer["job_ids"])}
        assert set(ended.values()) == {"finished"}, ended


def test_a_page_that_lies_askew_is_read_line_by_line(tmp_path):
    """Three degrees: without putting its words straight as well, one line's end stands level with the next line's middle."""
    lines = [" ".join(pictures.WORDS[i:i + 5]) for i in (0, 5)] * 6
    image = pictures.page([w for line in lines for w in line.split()], columns=5, size=(1700, 1100))
    (page,), _ = read(tmp_path, pictures.saved(image.rotate(-3, Image.BICUBIC, expand=True, fillcolor=255), "PNG"))
    assert page["text"].splitlines() == lines
    assert -3.3 < page["slant"] < -2.7


@pytest.mark.parametrize("points_a_pixel", [1, 0.08])
def test_a_scan_on_a_page_of_a_senseless_size_is_read_like_a_letter(tmp_path, points_a_pixel):
    """A point a pixel is what many programs make of a picture: 23 inches; 0.08 make it less than two."""
    lines = [" ".join(pictures.WORDS[i:i + 5]) for i in (0, 5)] * 6
    image = pictures.page([w for line in lines for w in line.split()], columns=5, size=(1275, 1650))
    (page,), _ = read(tmp_path, pictures.saved(image, "PDF", resolution=72 / points_a_pixel))
    assert page["text"].splitlines() == lines
    assert page["image"]["dpi"] == 200 and abs(page["image"]["height"] - 2200) <= 1


@pytest.mark.parametrize("turned", [90, 270])
def test_a_form_of_few_words_that_lies_on_its_side_is_read_upright(tmp_path, turned):
    lines = documents.form_lines(21)[:6]
    image = documents.scan_image(lines).rotate(turned, expand=True)
    (page,), _ = read(tmp_path, pictures.saved(image, "PNG", dpi=(150, 150)))
    assert page["text"].splitlines() == [line for line in lines if line]
    assert page["rotation"] == turned and page["width"] < page["height"]

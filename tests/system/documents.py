"""Documents made for the tests; every name in them is invented."""
import csv
import io
import random
import zlib

FIRST = ["Ana", "Bruno", "Celia", "Dario", "Elena", "Felix", "Gala", "Hugo", "Irene", "Joel", "Kira", "Leo"]
LAST = ["Rivermoon", "Oakfeather", "Stonewell", "Brightwater", "Lindenhall", "Cloverfield"]
SCHOOLS = ["Maple Hollow Elementary School", "Granite Ridge Middle School", "Willow Bend School"]
ESSAY = ("My father gets up before the sun and makes breakfast for all of us. He listens when I speak and he never laughs at my "
         "mistakes. When I am afraid of the dark he sits beside my bed and tells me about the rivers where he grew up. He taught me "
         "how to ride a bicycle and how to say that I am sorry. I want to be as patient as he is when I am grown.")


def student(n):
    rng = random.Random(n)
    return {"student_name": f"{rng.choice(FIRST)} {rng.choice(LAST)}", "school_name": rng.choice(SCHOOLS),
            "grade": str(rng.randint(1, 12))}


def form_lines(n):
    s = student(n)
    return ["My Father, My Hero Essay Contest", "", f"Student's Name: {s['student_name']}", f"School Name: {s['school_name']}",
            f"Grade: {s['grade']}", "Teacher: Ms. Fernwood", "", "My Essay", *wrap(ESSAY + f" This is essay number {n}.", 80)]


def wrap(text, width):
    lines, line = [], ""
    for word in text.split():
        if len(line) + len(word) + 1 > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return lines + [line]


def escape(text):
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def pdf(pages, note="", slips=(), over="", annotations=(), turned=0):
    """A PDF with a text layer; pages: lists of lines. `note` makes the bytes differ. `slips`: pictures that lie on each page, with
    their places (left, bottom, width, height in points); `over`: what else is drawn on it, as a PDF says it. `annotations`: (kind, left,
    bottom, text) laid over each page. `turned`: degrees anticlockwise by which the text runs, on the same upright page."""
    objects = []

    def add(body):
        objects.append(body)
        return len(objects)
    catalog, tree = add(b""), add(b"")
    font = add(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    kids, pasted, drawn = [], b"", ""
    for n, (image, (left, bottom, width, height)) in enumerate(slips):
        data = zlib.compress(image.tobytes())
        slip = add(b"<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /FlateDecode "
                   b"/Length %d >> stream\n" % (*image.size, len(data)) + data + b"\nendstream")
        pasted += b"/S%d %d 0 R " % (n, slip)
        drawn += f"q {width} 0 0 {height} {left} {bottom} cm /S{n} Do Q "
    laid = []
    for kind, left, bottom, text in annotations:
        width, shown = 7 * len(text) + 4, f"BT /F1 11 Tf 2 3 Td ({escape(text)}) Tj ET".encode("latin-1")
        look = add(b"<< /Type /XObject /Subtype /Form /BBox [0 0 %d 15] /Resources << /Font << /F1 %d 0 R >> >> /Length %d >> stream\n"
                   % (width, font, len(shown)) + shown + b"\nendstream")
        said = f"/Contents ({escape(text)}) /DA (/F1 11 Tf)" if kind == "FreeText" else "/InkList [[0 0 1 1]]"
        laid.append(add(f"<< /Type /Annot /Subtype /{kind} /Rect [{left} {bottom} {left + width} {bottom + 15}] /F 4 {said} /AP << /N {look} 0 R >> >>"
                        .encode("latin-1")))
    turn = {0: "1 0 0 1 0 0", 90: "0 1 -1 0 612 0", 180: "-1 0 0 -1 612 792", 270: "0 -1 1 0 0 792"}[turned]
    for lines in pages:
        text = (drawn + f"{turn} cm BT /F1 11 Tf 54 {740 if turned in (0, 180) else 580} Td 16 TL " +
                " ".join(f"({escape(line)}) Tj T*" for line in lines) + f" ET {over}")
        data = zlib.compress(text.encode("latin-1"))
        content = add(b"<< /Length %d /Filter /FlateDecode >> stream\n" % len(data) + data + b"\nendstream")
        kids.append(add(b"<< /Type /Page /Parent %d 0 R /MediaBox [0 0 612 792] /Contents %d 0 R /Resources << /Font << /F1 %d 0 R >> "
                        b"/XObject << %s >> >> /Annots [%s] >>"
                        % (tree, content, font, pasted, b" ".join(b"%d 0 R" % a for a in laid))))
    objects[catalog - 1] = b"<< /Type /Catalog /Pages %d 0 R >>" % tree
    objects[tree - 1] = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(kids), b" ".join(b"%d 0 R" % k for k in kids))
    out = io.BytesIO(b"%PDF-1.4\n" + (f"% {note}\n".encode() if note else b""))
    out.seek(0, io.SEEK_END)
    offsets = []
    for n, body in enumerate(objects, 1):
        offsets.append(out.tell())
        out.write(b"%d 0 obj\n" % n + body + b"\nendobj\n")
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + b"".join(b"%010d 00000 n \n" % o for o in offsets))
    out.write(b"trailer << /Size %d /Root %d 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, catalog, start))
    return out.getvalue()


def form(n):
    """One student's form, one page, typed text."""
    return pdf([form_lines(n)], note=f"form {n}")


def scan_image(lines, dpi=150):
    from PIL import Image, ImageDraw, ImageFont
    image = Image.new("L", (int(8.5 * dpi), 11 * dpi), 255)
    draw = ImageDraw.Draw(image)
    font = ImageFont.truetype("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", int(11 * dpi / 72))
    for i, line in enumerate(lines):
        draw.text((0.75 * dpi, (0.75 + i * 0.24) * dpi), line, fill=0, font=font)
    return image


def scan_pdf(pages, dpi=150):
    """The same without a text layer: images of the pages."""
    out = io.BytesIO()
    images = [scan_image(lines, dpi) for lines in pages]
    images[0].save(out, "PDF", resolution=dpi, save_all=True, append_images=images[1:])
    return out.getvalue()


def png(lines):
    out = io.BytesIO()
    scan_image(lines).save(out, "PNG")
    return out.getvalue()


def csv_rows(text):
    """An export's lines as dictionaries."""
    return list(csv.DictReader(io.StringIO(text.decode())))

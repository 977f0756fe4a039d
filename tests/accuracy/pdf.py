"""A small PDF writer: pages of pictures, of text, or with fields to fill in."""
import io
import zlib

from sheet import HEIGHT, TYPED, WIDTH


def number(v):
    return f"{v:.2f}".rstrip("0").rstrip(".")


def string(text):
    data = text.encode("cp1252", "replace")
    return b"(" + data.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)") + b")"


class Pdf:
    def __init__(self):
        self.objects = [b"", b""]  # the catalogue and the page tree come last
        self.pages, self.widgets, self.fonts = [], [], {}

    def add(self, body):
        self.objects.append(body)
        return len(self.objects)

    def stream(self, head, data):
        return self.add(b"<< " + head + b" /Length %d >> stream\n" % len(data) + data + b"\nendstream")

    def font(self, base):
        if base not in self.fonts:
            self.fonts[base] = self.add(b"<< /Type /Font /Subtype /Type1 /BaseFont /%s /Encoding /WinAnsiEncoding >>" % base.encode())
        return self.fonts[base]

    def page(self, content, resources, width=WIDTH, height=HEIGHT, rotate=0, annots=()):
        body = self.stream(b"/Filter /FlateDecode", zlib.compress(content))
        self.pages.append(self.add(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %s %s] /Rotate %d /Contents %d 0 R /Resources << %s >> /Annots [%s] >>"
            % (number(width).encode(), number(height).encode(), rotate, body, resources, b" ".join(b"%d 0 R" % a for a in annots))))

    def picture(self, image, dpi, rotate=0, quality=80, hidden="", stamp=""):
        """A page that is a scan; `hidden`: searchable text under it; `stamp`: a scanner's own line of text."""
        if image.mode == "1":
            bits = b"/ColorSpace /DeviceGray /BitsPerComponent 1 /Filter /FlateDecode"
            data = zlib.compress(image.tobytes())
        else:
            out = io.BytesIO()
            image.save(out, "JPEG", quality=quality)
            data = out.getvalue()
            bits = b"/ColorSpace /Device%s /BitsPerComponent 8 /Filter /DCTDecode" % (b"RGB" if image.mode == "RGB" else b"Gray")
        xobject = self.stream(b"/Type /XObject /Subtype /Image /Width %d /Height %d " % image.size + bits, data)
        w, h = image.width * 72 / dpi, image.height * 72 / dpi
        content = f"q {number(w)} 0 0 {number(h)} 0 0 cm /I Do Q\n".encode()
        if hidden:
            content += b"BT 3 Tr /F 9 Tf 40 %d Td 12 TL " % int(h - 50)
            content += b" ".join(string(line) + b" Tj T*" for line in hidden.split("\n")) + b" ET\n"
        if stamp:
            content += b"BT /F 7 Tf 30 12 Td " + string(stamp) + b" Tj ET\n"
        font = self.font("Helvetica")
        self.page(content, b"/XObject << /I %d 0 R >> /Font << /F %d 0 R >>" % (xobject, font), w, h, rotate)

    def text_page(self, sheet, prefix=""):
        """A page of real text; fields of the sheet become fields of the PDF."""
        out, used = [], {}
        for op in sheet.print_ops + sheet.hand_ops:
            if op[0] == "line":
                _, x0, y0, x1, y1, weight, grey = op
                out.append(f"{number(weight)} w {number(grey / 255)} G {number(x0)} {number(HEIGHT - y0)} m {number(x1)} {number(HEIGHT - y1)} l S".encode())
            else:
                _, x, y, text, path, size, _ = op
                base = next(b for f, b in TYPED.items() if path.endswith(f) and b)
                used[base] = self.font(base)
                out.append(f"BT /{base} {number(size)} Tf {number(x)} {number(HEIGHT - y)} Td ".encode() + string(text) + b" Tj ET")
        annots = []
        for name, (x0, y0, x1, y1), value, size in sheet.fields:
            rect = " ".join(number(v) for v in (x0, HEIGHT - y1, x1, HEIGHT - y0)).encode()
            flags = b" /Ff 4096" if y1 - y0 > 60 else b""
            annots.append(self.add(b"<< /Type /Annot /Subtype /Widget /FT /Tx /F 4 /T " + string(prefix + name) + b" /V " + string(value)
                                   + b" /Rect [" + rect + b"] /DA (/Helvetica %s Tf 0 g)" % number(size).encode() + flags + b" >>"))
        self.widgets += annots
        self.page(b"\n".join(out), b"/Font << %s >>" % b" ".join(b"/%s %d 0 R" % (b.encode(), n) for b, n in used.items()), annots=annots)

    def bytes(self):
        form = b""
        if self.widgets:
            form = b" /AcroForm << /NeedAppearances true /Fields [%s] /DR << /Font << /Helvetica %d 0 R >> >> /DA (/Helvetica 11 Tf 0 g) >>" % (
                b" ".join(b"%d 0 R" % w for w in self.widgets), self.font("Helvetica"))
        self.objects[0] = b"<< /Type /Catalog /Pages 2 0 R%s >>" % form
        self.objects[1] = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(self.pages), b" ".join(b"%d 0 R" % p for p in self.pages))
        out, offsets = bytearray(b"%PDF-1.6\n"), []
        for n, body in enumerate(self.objects, 1):
            offsets.append(len(out))
            out += b"%d 0 obj\n" % n + body + b"\nendobj\n"
        start = len(out)
        out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(self.objects) + 1) + b"".join(b"%010d 00000 n \n" % o for o in offsets)
        out += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(self.objects) + 1, start)
        return bytes(out)

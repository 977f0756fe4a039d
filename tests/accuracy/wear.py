"""What happens to a sheet on its way into a file: scanners, telephones, fax machines."""
from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps


def noise(image, strength):
    grain = Image.effect_noise(image.size, strength)
    return ImageChops.add(image, grain, 1, -128)


def skew(image, rng, most):
    return image.rotate(rng.uniform(-most, most), Image.BICUBIC, fillcolor=int(image.getpixel((2, 2))))


def paper(image, rng):
    """White becomes the grey of paper, black the grey of ink."""
    low, high = rng.randint(0, 40), rng.randint(238, 252)
    return image.point(lambda v: low + v * (high - low) // 255)


def clean(image, rng):
    return image


def scan(image, rng):
    image = skew(paper(image, rng), rng, 1.0)
    return noise(image.filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 0.7))), rng.uniform(3, 8))


def noisy(image, rng):
    image = skew(paper(image, rng), rng, 1.6)
    draw = ImageDraw.Draw(image)
    for _ in range(rng.randint(30, 90)):
        x, y, r = rng.randrange(image.width), rng.randrange(image.height), rng.choice([1, 1, 2])
        draw.ellipse([x - r, y - r, x + r, y + r], fill=rng.randint(20, 120))
    x = rng.randrange(image.width)
    draw.line([x, 0, x + rng.randint(-20, 20), image.height], fill=170, width=1)
    return noise(image.filter(ImageFilter.GaussianBlur(0.6)), rng.uniform(12, 22))


def fax(image, rng):
    """204 × 98 dots an inch would be honest but hardly legible for anybody: the fine mode, 204 × 196."""
    image = skew(image, rng, 0.6).filter(ImageFilter.GaussianBlur(0.5))
    return image.point(lambda v: 255 if v > 150 else 0).convert("1")


def solve(rows):
    """Gauss, with the largest pivot."""
    n = len(rows)
    for i in range(n):
        best = max(range(i, n), key=lambda r: abs(rows[r][i]))
        rows[i], rows[best] = rows[best], rows[i]
        rows[i] = [v / rows[i][i] for v in rows[i]]
        for r in range(n):
            if r != i:
                rows[r] = [v - rows[r][i] * w for v, w in zip(rows[r], rows[i])]
    return [row[n] for row in rows]


def perspective(image, corners, size, fill):
    """The image with its corners (from the top left, clockwise) moved to `corners` of a new picture."""
    source = [(0, 0), (image.width, 0), (image.width, image.height), (0, image.height)]
    rows = []
    for (x, y), (u, v) in zip(corners, source):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y, u])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y, v])
    return image.transform(size, Image.PERSPECTIVE, solve(rows), Image.BICUBIC, fillcolor=fill)


def photo(image, rng):
    """A sheet on a table, seen a little from the side, in uneven light."""
    w, h = int(image.width * 1.08), int(image.height * 1.06)
    j = lambda: rng.uniform(-0.012, 0.012)
    corners = [((0.035 + j()) * w, (0.025 + j()) * h), ((0.965 + j()) * w, (0.025 + j()) * h),
               ((0.965 + j()) * w, (0.975 + j()) * h), ((0.035 + j()) * w, (0.975 + j()) * h)]
    table = rng.randint(60, 110)
    image = perspective(paper(image, rng), corners, (w, h), table)
    shade = Image.linear_gradient("L").rotate(rng.choice([0, 90, 180, 270])).resize((w, h))
    dark = rng.uniform(0.25, 0.45)
    shade = shade.point(lambda v: int(255 * (1 - dark) + v * dark))
    image = ImageChops.multiply(image, shade)
    warm = ImageOps.colorize(image, (10, 8, 5), (rng.randint(240, 255), rng.randint(232, 246), rng.randint(205, 232)))
    return ImageEnhance.Contrast(warm).enhance(0.95).filter(ImageFilter.GaussianBlur(0.5))


WEAR = {"clean": clean, "scan": scan, "noisy": noisy, "photo": photo, "fax": fax}

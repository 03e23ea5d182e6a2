"""The pictures of the captcha: letters that touch, bent, under curves of their own stroke and ink.

Ink and ground are two mottles, one dark and one light, at least 4.5:1 apart everywhere (WCAG AA); letters
and curves share the ink, so that no colour tells one from the other.
"""

import io
import math
import random
from pathlib import Path

import captcha
from PIL import Image, ImageDraw, ImageFont

VERA = str(Path(captcha.__file__).parent / "fonts" / "Vera.ttf")
WIDTH, HEIGHT = 260, 90
# Drawn twice as large, for smooth edges.
SCALE = 2
LIGHT, DARK = (218, 255), (0, 84)


def draw(text, *, seed):
    """`text` as a PNG. One seed makes one picture: it must be secret, or whoever knows it can draw the same."""
    chance = random.Random(seed)
    mask = Image.new("L", (WIDTH * SCALE, HEIGHT * SCALE))
    _write(mask, text, chance)
    _curve(mask, chance, fill=0, width=2)
    for width in (3, 4):
        _curve(mask, chance, fill=255, width=width)
    mask = _bent(mask, chance).resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    picture = Image.composite(_mottle(DARK, chance), _mottle(LIGHT, chance), mask)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def _write(mask, text, chance):
    """The letters side by side, each a little over the one before."""
    letters = [_letter(character, chance) for character in text]
    overlaps = [0] + [chance.randint(-1, 3) * SCALE for _ in letters[1:]]
    left = (mask.width - sum(letter.width for letter in letters) + sum(overlaps)) // 2
    for letter, overlap in zip(letters, overlaps, strict=True):
        left -= overlap
        top = (mask.height - letter.height) // 2 + chance.randint(-9, 9) * SCALE
        mask.paste(255, (left, top), letter)
        left += letter.width


def _letter(character, chance):
    """One letter in a font, size, weight, slant and width of its own, as a mask cut to its edges."""
    size = chance.randint(56, 66) * SCALE
    font = ImageFont.truetype(VERA, size) if chance.random() < 0.5 else ImageFont.load_default(size)
    letter = Image.new("L", (2 * size, 2 * size))
    ImageDraw.Draw(letter).text(
        (size, size), character, fill=255, font=font, anchor="mm", stroke_width=chance.randint(1, 4)
    )
    slant = chance.uniform(-0.3, 0.3)
    letter = letter.transform(
        letter.size, Image.Transform.AFFINE, (1, slant, -slant * size, 0, 1, 0), Image.Resampling.BICUBIC
    )
    letter = letter.rotate(chance.uniform(-20, 20), Image.Resampling.BICUBIC)
    letter = letter.crop(letter.getbbox())
    return letter.resize((int(letter.width * chance.uniform(0.85, 1.15)), letter.height))


def _curve(mask, chance, *, fill, width):
    """A wave from one edge to the other through where the letters stand."""
    middle = mask.height * chance.uniform(0.3, 0.7)
    slope = chance.uniform(-0.15, 0.15)
    reach = mask.height * chance.uniform(0.08, 0.25)
    length = mask.width * chance.uniform(0.45, 0.9)
    phase = chance.uniform(0, math.tau)
    points = [
        (x, middle + slope * (x - mask.width / 2) + reach * math.sin(math.tau * x / length + phase))
        for x in range(0, mask.width + 4, 4)
    ]
    ImageDraw.Draw(mask).line(points, fill=fill, width=width * SCALE, joint="curve")


def _bent(mask, chance):
    """The mask pulled along two waves, cell by cell."""
    cell = 10 * SCALE
    reach = chance.uniform(2.5, 4) * SCALE
    lengths = [chance.uniform(60, 110) * SCALE for _ in range(2)]
    phases = [chance.uniform(0, math.tau) for _ in range(2)]

    def source(x, y):
        return (
            x + reach * math.sin(math.tau * y / lengths[0] + phases[0]),
            y + reach * math.sin(math.tau * x / lengths[1] + phases[1]),
        )

    mesh = []
    for left in range(0, mask.width, cell):
        for top in range(0, mask.height, cell):
            right, bottom = left + cell, top + cell
            corners = (source(left, top), source(left, bottom), source(right, bottom), source(right, top))
            mesh.append(((left, top, right, bottom), [value for corner in corners for value in corner]))
    return mask.transform(mask.size, Image.Transform.MESH, mesh, Image.Resampling.BILINEAR)


def _mottle(shades, chance):
    """Soft patches of colour, each channel within `shades`."""
    patches = Image.new("RGB", (7, 3))
    patches.putdata([tuple(chance.randint(*shades) for _ in range(3)) for _ in range(21)])
    return patches.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)

"""Forms of six shapes: the same questions on lines, under their labels, in boxes, in tables, in two columns, close together."""
import words
from sheet import HEIGHT, WIDTH, Sheet, width

ORDER = ["student_name", "school_name", "grade", "teacher", "city", "father_name", "phone", "email"]


class Style:
    """How a document looks: its labels, fonts and sizes; who fills it in."""
    def __init__(self, rng, print_font, label_size=None):
        self.rng, self.print_font = rng, print_font
        self.labels = words.labels(rng)
        self.label_size = label_size or rng.uniform(8.5, 10.5)
        self.colon = rng.choice([":", ":", ""])
        self.left, self.right = rng.uniform(46, 62), WIDTH - rng.uniform(46, 62)
        self.shape = rng.choice(list(SHAPES))
        self.ruled = rng.random() < 0.7

    def label(self, field, colon=None):
        return self.labels[field] + (self.colon if colon is None else colon)


class Writer:
    """Fills a form in: typed, by hand, or into the fields of a PDF (font None)."""
    def __init__(self, rng, font, size, by_hand):
        self.rng, self.font, self.size, self.by_hand = rng, font, size, by_hand

    def put(self, sheet, field, x, y, text, room):
        if not self.font:
            sheet.field(field, x, y - self.size, x + room, y + 4, text, self.size)
        elif text:
            size = self.size * min(1, room / max(1, width(text, self.font, self.size) * 1.12))
            sheet.text(x + 3, y - 2, text, self.font, size, self.rng if self.by_hand else None)


def on_lines(sheet, style, writer, values, y):
    """Label: ________"""
    step = style.rng.uniform(25, 30)
    for field in ORDER:
        label = style.label(field, ":")
        sheet.text(style.left, y, label, style.print_font, style.label_size)
        x = style.left + width(label, style.print_font, style.label_size) + 6
        sheet.line(x, y + 2, style.right, y + 2)
        writer.put(sheet, field, x, y, values[field], style.right - x)
        sheet.say(label, values[field])
        y += step
    return y


def in_pairs(sheet, style, writer, values, y):
    """Two questions on a line where they are short."""
    for row in (["student_name"], ["school_name"], ["grade", "teacher"], ["city", "phone"], ["father_name"], ["email"]):
        ends = [style.left, style.left + (style.right - style.left) * (0.36 if row[0] == "grade" else 0.5), style.right]
        said = []
        for i, field in enumerate(row):
            x0, x1 = ends[i], ends[i + 1] if len(row) == 2 else style.right
            label = style.label(field, ":").split(" / ")[0].rstrip(":") + ":" if len(row) == 2 else style.label(field, ":")
            sheet.text(x0, y, label, style.print_font, style.label_size)
            x = x0 + width(label, style.print_font, style.label_size) + 5
            sheet.line(x, y + 2, x1 - 10, y + 2)
            writer.put(sheet, field, x, y, values[field], x1 - 14 - x)
            said += [label, values[field]]
        sheet.say(*said)
        y += 30
    return y


def under_labels(sheet, style, writer, values, y):
    """One column, the answer on a line below its label."""
    for field in ORDER:
        sheet.text(style.left, y, style.label(field), style.print_font, style.label_size)
        writer.put(sheet, field, style.left, y + 21, values[field], style.right - style.left)
        sheet.line(style.left, y + 23, style.right, y + 23)
        sheet.say(style.label(field))
        sheet.say(values[field])
        y += 38
    return y


def in_cells(sheet, style, writer, values, y):
    """A grid of boxes, the label small in a corner of each."""
    third = style.left + (style.right - style.left) * style.rng.uniform(0.6, 0.72)
    half = (style.left + style.right) / 2
    for (a, b), middle in zip((("school_name", "grade"), ("student_name", "teacher"), ("city", "email"), ("father_name", "phone")),
                              (third, half, half, half)):
        sheet.box(style.left, y, style.right, y + 37)
        sheet.line(middle, y, middle, y + 37)
        for field, x0, x1 in ((a, style.left, middle), (b, middle, style.right)):
            small = style.label_size * 0.82
            room = x1 - x0 - 10
            sheet.text(x0 + 4, y + 10, style.label(field, ""), style.print_font, small * min(1, room / width(style.label(field, ""), style.print_font, small)))
            writer.put(sheet, field, x0 + 4, y + 31, values[field], x1 - x0 - 12)
        sheet.say(style.label(a, ""), style.label(b, ""))
        sheet.say(values[a], values[b])
        y += 37
    return y + 16


def in_table(sheet, style, writer, values, y):
    """Labels in the left column, answers in the right one."""
    middle = style.left + max(width(style.label(f), style.print_font, style.label_size) for f in ORDER) + 12
    for field in ORDER:
        sheet.box(style.left, y, style.right, y + 26)
        sheet.line(middle, y, middle, y + 26)
        sheet.text(style.left + 5, y + 17, style.label(field), style.print_font, style.label_size)
        writer.put(sheet, field, middle + 4, y + 20, values[field], style.right - middle - 12)
        sheet.say(style.label(field), values[field])
        y += 26
    return y + 18


def in_columns(sheet, style, writer, values, y):
    """Two columns, each answer on a line below its label."""
    gap, half = 18, (style.right - style.left - 18) / 2
    for a, b in (("student_name", "teacher"), ("school_name", "city"), ("grade", "father_name"), ("phone", "email")):
        for field, x in ((a, style.left), (b, style.left + half + gap)):
            sheet.text(x, y, style.label(field), style.print_font, style.label_size * min(1, half / width(style.label(field), style.print_font, style.label_size)))
            writer.put(sheet, field, x, y + 22, values[field], half - 6)
            sheet.line(x, y + 24, x + half, y + 24)
        sheet.say(style.label(a), style.label(b))
        sheet.say(values[a], values[b])
        y += 43
    return y


SHAPES = {"lines": on_lines, "pairs": in_pairs, "under": under_labels, "cells": in_cells, "table": in_table, "columns": in_columns}


def wrap(text, font, size, room):
    lines, line = [], ""
    for word in text.split():
        if line and width(f"{line} {word}", font, size) * 1.1 > room:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return lines + [line]


def essay(sheet, style, writer, text, y):
    font = writer.font or style.print_font
    size = writer.size if writer.font else 11
    step = max(size * 1.45, 16)
    left, room = style.left + 4, style.right - style.left - 8
    lines = wrap(text, font, size, room)
    for i in range(max(len(lines), int((HEIGHT - 60 - y) / step) if style.ruled else 0)):
        base = y + i * step
        if base > HEIGHT - 34 and i >= len(lines):
            break
        if style.ruled:
            sheet.line(style.left, base + 4, style.right, base + 4, 0.4, 170)
        if i < len(lines):
            sheet.text(left, base, lines[i], font, size, writer.rng if writer.by_hand and writer.font else None)
            sheet.say(lines[i])


def entry_sheets(style, writer, values, text, number, pages):
    """The sheets of one entry: a form, and the essay on it or on a sheet of its own."""
    form = Sheet("form", number)
    y = 52.0
    for i, title in enumerate(style.labels["titles"]):
        size = 15 if i == 0 else 10
        x = (WIDTH - width(title, style.print_font, size)) / 2
        form.text(x, y, title, style.print_font, size)
        form.say(title)
        y += 20
    y = SHAPES[style.shape](form, style, writer, values, y + 14)
    if pages == 1:
        y += 8
        form.text(style.left, y, style.labels["essay"], style.print_font, 11)
        form.say(style.labels["essay"])
        essay(form, style, writer, text, y + 24)
        return [form]
    note = style.labels["next"]
    form.text(style.left + 8, y + 12, note, style.print_font, 8)
    form.say(note)
    second = Sheet("essay", number)
    y = 60.0
    if style.rng.random() < 0.5:
        second.text(style.left, y, style.labels["essay"], style.print_font, 11)
        second.say(style.labels["essay"])
        y += 26
    essay(second, style, writer, text, y)
    return [form, second]


def cover(font):
    sheet = Sheet("cover", None)
    for i, line in enumerate(words.COVER):
        sheet.text(70, 110 + i * 22, line, font, 11)
        sheet.say(line)
    return sheet

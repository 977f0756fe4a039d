#!/usr/bin/python3
"""deal.py FOLDER ROUND N OUT.lstmf...: to each OUT its own N lines of round ROUND, from all lines of FOLDER's NUMBER.lstmf, which lines.py made.

lstmtraining begins each file at its first line, so short rounds over the same files would see the same few lines again.
"""
import pathlib
import random
import struct
import sys

SEED = 7


def number(data, at):
    return struct.unpack_from("<I", data, at)[0]


def lines(data):
    """Of each line where it begins and ends (lines.py, page())."""
    at = 4
    for _ in range(number(data, 0)):
        begin = at
        at += 1                              # a picture follows
        at += 4 + number(data, at)           # its name
        at += 4                              # its number
        for _ in ("PNG", "language", "text"):
            at += 4 + number(data, at)
        at += 4 + 8 + 4                      # one box, one text of it
        at += 4 + number(data, at) + 1
        yield begin, at


def main():
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    folder, turn, n, outs = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
    files = [path.read_bytes() for path in sorted(folder.glob("[0-9]*.lstmf"))]
    all_lines = [(data, begin, end) for data in files for begin, end in lines(data)]
    random.Random(SEED).shuffle(all_lines)
    for i, out in enumerate(outs):
        first = (turn * len(outs) + i) * n
        own = [all_lines[k % len(all_lines)] for k in range(first, first + n)]
        pathlib.Path(out).write_bytes(struct.pack("<I", n) + b"".join(data[begin:end] for data, begin, end in own))


if __name__ == "__main__":
    main()

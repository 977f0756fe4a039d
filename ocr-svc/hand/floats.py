#!/usr/bin/python3
"""floats.py IN.lstm OUT.lstm: a network of Tesseract with whole numbers as weights, as Debian ships them, made one of floating-point
numbers, which lstmtraining goes on from.  The format is that of Tesseract 4 and 5 (its Network::Serialize and WeightMatrix::Serialize).
"""
import struct
import sys

INT8, ADAM, DOUBLE = 1, 4, 128      # how a matrix of weights is written
LAYER_RATES = 64                    # flag of a network that keeps a learning rate for each layer
WHOLE_NUMBERS = 1                   # flag of a recogniser
SERIES = ("Series", "Parallel", "Replicated", "RTLReversed", "TTBReversed", "XYTranspose", "ParBidiLSTM")
NUMBERS = {"Input": 5, "Convolve": 2, "Maxpool": 2, "Reconfig": 2}  # of four bytes, behind the head
GATES = 4


class Copy:
    """Reads one file and writes the other."""
    def __init__(self, data):
        self.data, self.at, self.out = data, 0, bytearray()

    def take(self, n):
        self.at += n
        if self.at > len(self.data):
            sys.exit("the network ends too early")
        return self.data[self.at - n:self.at]

    def copy(self, n):
        taken = self.take(n)
        self.out += taken
        return taken

    def number(self):
        return struct.unpack("<i", self.copy(4))[0]

    def text(self):
        return self.copy(self.number()).decode()


def weights(c):
    """A row of weights is whole numbers times the row's scale."""
    mode = c.take(1)[0]
    if not mode & DOUBLE or not mode & INT8:
        sys.exit("the weights are no whole numbers")
    rows, columns = struct.unpack("<II", c.take(8))
    c.take(1)  # what an empty cell holds
    cells = struct.unpack(f"<{rows * columns}b", c.take(rows * columns))
    n = struct.unpack("<I", c.take(4))[0]
    scales = struct.unpack(f"<{n}d", c.take(8 * n))
    c.out.append(DOUBLE | ADAM)
    c.out += struct.pack("<IId", rows, columns, 0.0)
    c.out += struct.pack(f"<{len(cells)}d", *(cell * scales[i // columns] for i, cell in enumerate(cells)))


def network(c):
    if c.copy(1) != b"\0":
        sys.exit("this is no network of Tesseract 4 or 5")
    kind = c.text()
    c.copy(2)  # whether it is in training
    flags = c.number()
    c.copy(12)  # inputs, outputs, weights
    c.text()    # its name
    if kind in SERIES:
        for _ in range(c.number()):
            network(c)
        if flags & LAYER_RATES:
            c.copy(4 * c.number())
    elif kind in NUMBERS:
        c.copy(4 * NUMBERS[kind])
    elif kind in ("LSTM", "SummLSTM"):
        c.number()
        for _ in range(GATES):
            weights(c)
    else:
        weights(c)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], "rb") as file:
        c = Copy(file.read())
    network(c)
    c.text()  # what the network looks like, in words
    flags = struct.unpack("<i", c.take(4))[0]
    c.out += struct.pack("<i", flags & ~WHOLE_NUMBERS)
    c.copy(len(c.data) - c.at)
    with open(sys.argv[2], "wb") as file:
        file.write(c.out)


if __name__ == "__main__":
    main()

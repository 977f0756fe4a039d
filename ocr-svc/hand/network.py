"""A network of Tesseract as a tree that can be changed, as floats.py, widen.py and average.py do.

The format is that of Tesseract 4 and 5 (its Network::Serialize and WeightMatrix::Serialize).  Weights are read as floating-point numbers, also where
they are whole ones as Debian ships them, and written as such: lstmtraining goes on from them.
"""
import struct
import sys

INT8, ADAM, DOUBLE = 1, 4, 128      # how a matrix of weights is written
LAYER_RATES = 64                    # flag of a network that keeps a learning rate for each layer
WHOLE_NUMBERS = 1                   # flag of a recogniser
SERIES = ("Series", "Parallel", "Replicated", "RTLReversed", "TTBReversed", "XYTranspose", "ParBidiLSTM")
NUMBERS = {"Input": 5, "Convolve": 2, "Maxpool": 2, "Reconfig": 2}  # of four bytes, behind the head
MEMORIES = ("LSTM", "SummLSTM")
GATES = 4


class Bytes:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        self.at += n
        if self.at > len(self.data):
            sys.exit("the network ends too early")
        return self.data[self.at - n:self.at]

    def number(self):
        return struct.unpack("<i", self.take(4))[0]

    def text(self):
        return self.take(self.number())

    def rest(self):
        return self.data[self.at:]


def text(data):
    return struct.pack("<i", len(data)) + data


def weights(source):
    """Rows of numbers; a row of whole numbers is them times the row's scale."""
    mode = source.take(1)[0]
    if not mode & DOUBLE:
        sys.exit("weights of an older Tesseract")
    rows, columns = struct.unpack("<II", source.take(8))
    if not mode & INT8:
        source.take(8)  # what an empty cell holds
        return [list(struct.unpack(f"<{columns}d", source.take(8 * columns))) for _ in range(rows)]
    source.take(1)
    cells = [struct.unpack(f"<{columns}b", source.take(columns)) for _ in range(rows)]
    n = source.number()  # rows, and room behind them
    scales = struct.unpack(f"<{n}d", source.take(8 * n))
    return [[cell * scale for cell in row] for row, scale in zip(cells, scales)]


class Layer:
    """kind, flags, inputs, outputs, parts (layers of a series), gates (matrices of weights, each a list of rows, the last column the bias)."""
    def __init__(self, source):
        if source.take(1) != b"\0":
            sys.exit("this is no network of Tesseract 4 or 5")
        self.kind = source.text().decode()
        self.training = source.take(2)
        self.flags, self.inputs, self.outputs, self.n_weights = (source.number() for _ in range(4))
        self.name, self.parts, self.gates, self.rates, self.numbers, self.seen = source.text(), [], [], b"", b"", None
        if self.kind in SERIES:
            self.parts = [Layer(source) for _ in range(source.number())]
            if self.flags & LAYER_RATES:
                self.rates = source.take(4 * source.number())
        elif self.kind in NUMBERS:
            self.numbers = source.take(4 * NUMBERS[self.kind])
        elif self.kind in MEMORIES:
            self.seen = source.number()  # its inputs and what it gave a step before
            self.gates = [weights(source) for _ in range(GATES)]
        else:
            self.gates = [weights(source)]

    def count(self):
        """Counts its weights anew, after a change."""
        for part in self.parts:
            part.count()
        if self.parts or self.gates:
            self.n_weights = sum(p.n_weights for p in self.parts) + sum(len(rows) * len(rows[0]) for rows in self.gates)

    def written(self):
        out = b"\0" + text(self.kind.encode()) + self.training
        out += struct.pack("<4i", self.flags, self.inputs, self.outputs, self.n_weights) + text(self.name)
        if self.kind in SERIES:
            out += struct.pack("<i", len(self.parts)) + b"".join(part.written() for part in self.parts)
            if self.flags & LAYER_RATES:
                out += struct.pack("<i", len(self.rates) // 4) + self.rates
        out += self.numbers + (b"" if self.seen is None else struct.pack("<i", self.seen))
        for rows in self.gates:
            out += bytes([DOUBLE | ADAM]) + struct.pack("<IId", len(rows), len(rows[0]), 0.0)
            out += b"".join(struct.pack(f"<{len(row)}d", *row) for row in rows)
        return out


def read(path):
    """The network, and what stands behind it in the file."""
    with open(path, "rb") as file:
        source = Bytes(file.read())
    return Layer(source), source.rest()


def write(path, network, rest):
    source = Bytes(rest)
    described = source.text()  # what the network looks like, in words
    flags = source.number()
    network.count()
    with open(path, "wb") as file:
        file.write(network.written() + text(described) + struct.pack("<i", flags & ~WHOLE_NUMBERS) + source.rest())

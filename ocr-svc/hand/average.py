#!/usr/bin/python3
"""average.py OUT.lstm IN.lstm...: the mean of networks of one shape that were trained from the same one: steadier than each."""
import sys

import network


def to_mean(layers):
    first = layers[0]
    for parts in zip(*(layer.parts for layer in layers)):
        to_mean(parts)
    first.gates = [[[sum(cell) / len(layers) for cell in zip(*rows)] for rows in zip(*gates)] for gates in zip(*(layer.gates for layer in layers))]


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    networks = [network.read(path) for path in sys.argv[2:]]
    to_mean([layer for layer, _ in networks])
    network.write(sys.argv[1], *networks[0])


if __name__ == "__main__":
    main()

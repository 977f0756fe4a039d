#!/usr/bin/python3
"""widen.py IN.lstm OUT.lstm WIDTH...: a network that reads as the one before, but whose layers with memory are as wide as said, from the first
to the last.

New cells see what the others see, by small weights drawn at random, and nobody listens to them yet; training finds out what they are good for.
"""
import random
import sys

import network

SMALL, SEED = 0.1, 1


class Widener:
    def __init__(self, widths):
        self.rng, self.widths = random.Random(SEED), list(widths)

    def insert(self, rows, at, more):
        """Inputs that the rows there are don't listen to."""
        for row in rows:
            row[at:at] = [0.0] * more

    def widen(self, layer, wider):
        """Its inputs are `wider` more than they were; answers how many more outputs it has."""
        before, more = layer.inputs, 0
        if layer.parts:
            more = wider
            for part in layer.parts:
                more = self.widen(part, more)
        elif layer.kind in network.MEMORIES:
            more = self.widths.pop(0) - layer.outputs
            for rows in layer.gates:
                self.insert(rows, before, wider)
                self.insert(rows, before + wider + layer.outputs, more)
                rows += [[self.rng.uniform(-SMALL, SMALL) for _ in rows[0]] for _ in range(more)]
            layer.seen += wider + more
        elif layer.gates:
            self.insert(layer.gates[0], before, wider)
        elif wider:
            sys.exit(f"{layer.kind} can't be widened")
        layer.inputs, layer.outputs = before + wider, layer.outputs + more
        return more


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    layer, rest = network.read(sys.argv[1])
    Widener(map(int, sys.argv[3:])).widen(layer, 0)
    network.write(sys.argv[2], layer, rest)


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""floats.py IN.lstm OUT.lstm: a network as Debian ships it, with whole numbers as weights, as one that lstmtraining goes on from."""
import sys

import network

if len(sys.argv) != 3:
    sys.exit(__doc__)
network.write(sys.argv[2], *network.read(sys.argv[1]))

#!/usr/bin/python3
"""How evenly batches spread over Redis nodes, when each batch lives whole in a shard picked at random (gateway/batches.c) and shards are dealt to
nodes in turn: the busiest node's work, of the mean.  A simulation, for ARCHITECTURE.md's "How large it gets"; no process is started.

    tests/bench/placement.py [--seed 1]
"""
import argparse
import random
import statistics

SHARDS = 64
RUNS = 200
LARGEST = 5000  # jobs of one batch: a district's


def batch_jobs(dice):
    """Mostly a class or a few files, now and then a school or a district: half have fewer than 12, one in a hundred more than 500."""
    return min(LARGEST, max(1, int(dice.lognormvariate(2.5, 1.6))))


def busiest_of_mean(dice, nodes, batches):
    work = [0] * nodes
    for _ in range(batches):
        work[dice.randrange(SHARDS) % nodes] += batch_jobs(dice)
    return max(work) * nodes / sum(work)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    dice = random.Random(parser.parse_args().seed)
    print("| nodes | batches in hand | busiest of mean, median | 95 of 100 below |\n|---:|---:|---:|---:|")
    for nodes in (2, 4, 8):
        for batches in (100, 1000, 10000):
            found = sorted(busiest_of_mean(dice, nodes, batches) for _ in range(RUNS))
            print(f"| {nodes} | {batches:,} | {statistics.median(found):.2f} | {found[int(0.95 * RUNS)]:.2f} |")


if __name__ == "__main__":
    main()

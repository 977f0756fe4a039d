#!/usr/bin/python3
"""make.py WORDS… >letters.model: which letters follow which in the words of the files (README.md here says where they come from).

Up to four letters tell how likely the next one is: counted over different words, names twice, smoothed after Witten and Bell, kept where the
words hold it often enough, what is not kept told by fewer letters.  The same words make the same bytes.
"""
import collections
import math
import struct
import sys
import unicodedata

EDGE = "^"                              # where a word begins or ends
SIGNS = "abcdefghijklmnopqrstuvwxyzñ" + EDGE
KEPT = [1, 1, 1, 3, 10]                 # followers of so many letters are kept from this count on
STEP, STEPS = 0.5, 16                   # of a natural logarithm; how many there are
SHORTEST, LONGEST = 3, 16               # letters of a word
NAME = 2                                # what a name counts
EVERY = 16                              # words of bits between two sums
LEAST = 1e-4


def sign(char):
    """The letter without case and accent, but ñ; None: it is none."""
    char = char.lower()
    plain = char if char == "ñ" else unicodedata.normalize("NFD", char)[0]
    return plain if plain in SIGNS[:-1] else None


def words(paths):
    """word -> what it counts"""
    counts = {}
    for path in paths:
        for word in open(path, encoding="utf-8"):
            word = word.strip()
            signs = [sign(c) for c in word]
            if SHORTEST <= len(word) <= LONGEST and not word.isupper() and None not in signs:
                key = "".join(signs)
                counts[key] = max(counts.get(key, 0), NAME if word[0].isupper() and word[1:].islower() else 1)
    return counts


def followers(counted):
    """what stands before -> sign -> how often"""
    found = collections.defaultdict(collections.Counter)
    for word, count in counted.items():
        text = EDGE + word + EDGE
        for i in range(1, len(text)):
            for before in range(min(len(KEPT) - 1, i) + 1):
                found[text[i - before:i]][text[i]] += count
    return found


class Model:
    def __init__(self, found):
        self.value, self.back = {}, {}   # of a string its last sign's steps; of what stands before, the steps of going on with less
        for length in range(len(KEPT)):
            for before in sorted(b for b in found if len(b) == length):
                self.learn(before, found[before])

    def steps(self, likelihood):
        return min(STEPS - 1, max(0, round(-math.log(likelihood) / STEP)))

    def likelihood(self, before, sign):
        steps = 0
        while before + sign not in self.value:
            steps += self.back.get(before, 0)
            before = before[1:]
        return math.exp(-STEP * (steps + self.value[before + sign]))

    def learn(self, before, seen):
        kept = {s: n for s, n in seen.items() if n >= KEPT[len(before)]}
        if not kept or (len(before) > 1 and before not in self.value):
            return
        every, kinds = sum(seen.values()), len(seen)
        less = {s: self.likelihood(before[1:], s) if before else 1 / len(SIGNS) for s in SIGNS}
        likely = {s: (n + kinds * less[s]) / (every + kinds) for s, n in kept.items()}
        rest, rest_less = (max(LEAST, 1 - sum(of[s] for s in kept)) for of in (likely, less))
        self.back[before] = self.steps(min(1, rest / rest_less))
        for s, likelihood in likely.items():
            self.value[before + s] = self.steps(likelihood)


def nibbles(values):
    values = values + [0] * (len(values) % 2)
    return bytes(a | b << 4 for a, b in zip(values[::2], values[1::2]))


def with_sums(numbers, bits):
    """The numbers, then of every EVERYth how many bits the ones before have."""
    sums, total = [], 0
    for i, n in enumerate(numbers):
        if i % EVERY == 0:
            sums.append(total)
        total += (n & bits).bit_count()
    return struct.pack(f"<{len(numbers)}I", *numbers) + struct.pack(f"<{len(sums)}I", *sums)


def written(model):
    """The strings as a tree, level by level: of each that has followers which, then flags which have some, then the steps."""
    order, masks = [""], []
    for string in order:
        if string in model.back:
            mask = sum(1 << i for i, s in enumerate(SIGNS) if string + s in model.value)
            masks.append(mask | model.back[string] << len(SIGNS))
            order += [string + s for i, s in enumerate(SIGNS) if mask >> i & 1]
    flags = [0] * ((len(order) + 31) // 32)
    for i, string in enumerate(order):
        if string in model.back:
            flags[i // 32] |= 1 << i % 32
    return struct.pack("<2I", len(order), len(masks)) + with_sums(masks, (1 << len(SIGNS)) - 1) + with_sums(flags, 0xFFFFFFFF) + \
        nibbles([model.value.get(s, 0) for s in order])


if __name__ == "__main__":
    sys.stdout.buffer.write(written(Model(followers(words(sys.argv[1:])))))

"""The measure of accuracy measures: made-up truth, made-up readings, known answers."""
import copy
import json
import pathlib
import random
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parents[1] / "accuracy"
sys.path.insert(0, str(HERE))
import score  # noqa: E402

FIELDS = {"student_name": "Ana María Peña", "school_name": "Lago Sereno School", "grade": "5to", "teacher": "", "phone": "(415) 555-0123"}
TRUTH = {"documents": [{"id": "a", "kind": "typed", "entries": [{"entry": 1, "pages": [1, 1], "fields": FIELDS, "essay": "one two three", "handwritten": False}],
                        "pages": [{"page": 1, "entry": 1, "kind": "form", "text": "one two three"}]}]}


def reading(needs_review=False, **changes):
    fields = {**FIELDS, **changes}
    return {"documents": {"a": {"pages": [{"page": 1, "text": "one two three"}],
                                "entries": [{"pages": [1, 1], "fields": fields, "essay": "one two three", "needs_review": needs_review}]}}}


def rate(predictions, name):
    return score.score(TRUTH, predictions)["typed"]["rates"][name]["rate"]


def test_a_perfect_reading_scores_one():
    for name in ("core", "all fields", "blank left blank", "splitting exact", "essay words within 3 %"):
        assert rate(reading(), name) == 1
    assert rate(reading(), "cer") == rate(reading(), "silent") == rate(reading(), "flagged though right") == 0


@pytest.mark.parametrize("field, other", [("student_name", "ANA MARIA PENA"), ("grade", "5"), ("grade", "5th"), ("grade", "Fifth"), ("phone", "+1 415.555.0123")])
def test_the_same_value_in_another_spelling_is_right_but_not_exact(field, other):
    assert rate(reading(**{field: other}), "all fields") == 1
    assert rate(reading(**{field: other}), "all fields exact") < 1


def test_a_wrong_required_field_is_silent_only_when_nobody_is_asked():
    assert rate(reading(grade="6"), "silent") == pytest.approx(1 / 3, abs=1e-3)
    assert rate(reading(grade="6", needs_review=True), "silent") == 0
    assert rate(reading(needs_review=True), "flagged though right") == 1


def test_an_invented_value_and_a_missing_one_are_told_apart():
    assert rate(reading(teacher="Mr. Nobody"), "blank left blank") == 0
    assert rate(reading(phone=""), "abstained") == pytest.approx(1 / 4)


def test_another_split_is_not_exact():
    other = copy.deepcopy(reading())
    other["documents"]["a"]["entries"].append({"pages": [1, 1], "fields": {}})
    assert rate(other, "splitting exact") == 0


def test_the_edit_distance_is_that_of_the_textbook():
    def plain(a, b):
        row = list(range(len(b) + 1))
        for i, c in enumerate(a, 1):
            last, row[0] = row[0], i
            for j, d in enumerate(b, 1):
                last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (c != d))
        return row[-1]
    rng = random.Random(5)
    for _ in range(300):
        a, b = ("".join(rng.choice("abc") for _ in range(rng.randint(0, 12))) for _ in range(2))
        assert score.distance(a, b) == plain(a, b)


def test_the_interval_holds_the_rate_and_narrows_with_more_values():
    low, high = score.interval(90, 100)
    wide_low, wide_high = score.interval(9, 10)
    assert wide_low < low < 0.9 < high < wide_high


def generate(folder, entries):
    """A set of our own; its truth."""
    import sheet
    if not sheet.hand_fonts() or not sheet.find("liberation/LiberationSans-Regular.ttf"):
        pytest.skip("fonts of tests/deps.sh accuracy are not installed")
    subprocess.run([sys.executable, "-B", HERE / "generate.py", folder, "--entries", str(entries), "--seed", "9"], check=True, stdout=subprocess.DEVNULL)
    return json.loads((folder / "truth.json").read_text())


def test_made_forms_are_split_right_their_essays_whole_and_no_value_is_from_another_entry(tmp_path):
    import accuracy
    for document in generate(tmp_path, 12)["documents"]:
        read = accuracy.read_quickly(tmp_path, document, tmp_path)
        assert [e["pages"] for e in read["entries"]] == [e["pages"] for e in document["entries"]], document["id"]
        for want, got in zip(document["entries"], read["entries"]):
            first, last = want["pages"]
            assert all(first <= page <= last for page in got["evidence"].values()), document["id"]
            words = len(score.fold(want["essay"]).split())
            assert want["handwritten"] or abs(len(score.fold(got["essay"]).split()) - words) <= 0.03 * words, document["id"]


def test_the_generator_makes_the_same_set_from_the_same_seed(tmp_path):
    made = [generate(tmp_path / name, 5) for name in ("one", "two")]
    assert made[0] == made[1] and len(made[0]["documents"]) == 5
    for d in made[0]["documents"]:
        assert (tmp_path / "one" / d["file"]).read_bytes() == (tmp_path / "two" / d["file"]).read_bytes()

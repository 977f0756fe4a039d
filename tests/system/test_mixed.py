"""Pages made of text on which pictures lie: the text is taken as it is, the pictures are read, and nothing is read twice."""
import documents
import pictures
from stack import Stack
from test_formats import read

SIX = ("dispatcher", "persist-svc", "ocr-svc", "llm-svc", "notify-svc", "gateway")
SLIP = (150, 200, 300, 180)  # points: left, bottom, width, height
TEXT = documents.form_lines(21)


def page_of(tmp_path, *slips, lines=TEXT):
    (page,), _ = read(tmp_path, documents.pdf([lines], slips=slips))
    return page


def words(page, source):
    return [w for w in page["words"] if w["s"] == source]


def assert_text_is_whole(page, lines=TEXT):
    said = " ".join(lines).replace("'", "’")  # as the standard encoding of a PDF's fonts has it
    assert " ".join(w["t"] for w in words(page, "t")).split() == said.split()


def assert_slip_is_read(page, slip=SLIP):
    read_words = [w["t"] for w in words(page, "o")]
    assert read_words == pictures.WORDS
    left, bottom, width, height = slip
    for l, t, r, b in (w["b"] for w in words(page, "o")):
        assert left - 10 <= l * 0.0612 and r * 0.0612 <= left + width + 10
        assert 792 - bottom - height - 10 <= t * 0.0792 and b * 0.0792 <= 792 - bottom + 10


def test_a_slip_pasted_on_a_page_of_text_is_read(tmp_path):
    page = page_of(tmp_path, (pictures.page(), SLIP))
    assert page["source"] == "mixed" and page["failed"] is None
    assert_text_is_whole(page)
    assert_slip_is_read(page)


def test_a_slip_that_was_pasted_on_its_side_is_read(tmp_path):
    said = pictures.WORDS * 4
    image = pictures.page(said, columns=5, size=(1300, 800))
    page = page_of(tmp_path, (image.rotate(90, expand=True), (200, 40, 234, 380)))
    assert_text_is_whole(page)
    assert sorted(w["t"] for w in words(page, "o")) == sorted(said)


def test_a_slip_that_covers_half_of_the_page_leaves_the_text_as_it_is(tmp_path):
    lines, slip = TEXT[:8], (40, 40, 530, 480)
    page = page_of(tmp_path, (pictures.page(size=(1000, 900)), slip), lines=lines)
    assert page["source"] == "mixed"
    assert_text_is_whole(page, lines)
    assert_slip_is_read(page, slip)


def test_two_slips_are_both_read(tmp_path):
    one, two = pictures.page(pictures.WORDS[:5]), pictures.page(pictures.WORDS[5:])
    page = page_of(tmp_path, (one, (60, 250, 240, 144)), (two, (330, 60, 240, 144)))
    assert [w["t"] for w in words(page, "o")] == pictures.WORDS


def test_a_crest_is_no_slip_and_the_page_is_not_even_drawn(tmp_path):
    page = page_of(tmp_path, (pictures.page(), (500, 720, 60, 36)))
    assert page["source"] == "text" and page["ink"] == -1


def test_text_that_stands_on_a_picture_is_not_read_twice(tmp_path):
    """A tinted box under the answers, as forms have."""
    page = page_of(tmp_path, (pictures.page([]).point(lambda v: 235), (40, 560, 530, 200)))
    assert page["source"] == "text"
    assert_text_is_whole(page)


def test_a_name_on_a_slip_comes_into_the_record():
    student = documents.student(22)
    lines = [line for line in documents.form_lines(22) if not line.startswith("Student's Name")]
    slip = pictures.page(["Student's Name:", *student["student_name"].split()])
    with Stack(*SIX) as stack:
        _, answer = stack.upload(("pasted.pdf", documents.pdf([lines], slips=[(slip, SLIP)])))
        job = stack.job_done(answer["job_ids"][0]["job_id"], 60)
        record = stack.get(f"/api/records/{job['result']['submission_ids'][0]}")[1]["record"]
        assert {k: record[k] for k in student} == student


# ---- what somebody typed or wrote over a form ----

STUDENT = documents.student(21)
ANSWERS = [(150, 704 - 16 * i, STUDENT[field]) for i, field in enumerate(("student_name", "school_name", "grade"))]
UNANSWERED = [line.split(":")[0] + ":" if line.startswith(("Student's Name", "School Name", "Grade")) else line for line in TEXT]
HEADED = ("Student’s Name:", "School Name:", "Grade:")


def assert_answered(page):
    lines = page["text"].splitlines()
    for head, (_, _, answer) in zip(HEADED, ANSWERS):
        assert f"{head} {answer}" in lines


def test_answers_that_a_viewer_laid_over_the_form_as_text_are_its_words(tmp_path):
    (page,), _ = read(tmp_path, documents.pdf([UNANSWERED], annotations=[("FreeText", *answer) for answer in ANSWERS]))
    assert page["source"] == "text" and page["failed"] is None
    assert_answered(page)


def test_answers_drawn_as_the_strokes_of_a_pen_are_recognised(tmp_path):
    drawn = " ".join(pictures.strokes(text, left, bottom) for left, bottom, text in ANSWERS)
    (page,), _ = read(tmp_path, documents.pdf([UNANSWERED], over=drawn))
    assert page["source"] == "mixed"
    assert_text_is_whole(page, UNANSWERED)
    assert_answered(page)


def test_one_answer_of_a_pen_among_typed_ones_is_recognised(tmp_path):
    left, bottom, answer = ANSWERS[0]
    lines = [line if not line.startswith("Student's Name") else "Student's Name:" for line in TEXT]
    (page,), _ = read(tmp_path, documents.pdf([lines], over=pictures.strokes(answer, left, bottom)))
    assert page["source"] == "mixed"
    assert f"{HEADED[0]} {answer}" in page["text"].splitlines()


def test_a_page_whose_text_answers_everything_is_not_drawn_so_that_strokes_on_it_are_not_seen(tmp_path):
    (page,), _ = read(tmp_path, documents.pdf([TEXT], over=pictures.strokes("Well done", 300, 100)))
    assert page["source"] == "text"
    assert_text_is_whole(page)


def test_small_answers_in_ink_are_recognised(tmp_path):
    (page,), _ = read(tmp_path, documents.pdf([UNANSWERED], annotations=[("Ink", *answer) for answer in ANSWERS]))
    assert page["source"] == "mixed"
    assert_text_is_whole(page, UNANSWERED)
    assert_answered(page)


def test_a_page_whose_text_lies_on_its_side_is_read_upright(tmp_path):
    (upright,), _ = read(tmp_path, documents.pdf([TEXT[:30]]))
    for turned, clockwise in ((90, 90), (180, 180), (270, 270)):
        (page,), _ = read(tmp_path, documents.pdf([TEXT[:30]], turned=turned))
        assert page["source"] == "text" and page["rotation"] == clockwise
        assert page["text"] == upright["text"]
        assert page["width"] > page["height"] if turned != 180 else page["width"] < page["height"]

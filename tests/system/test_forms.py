"""Documents as they really come, through the whole stack: entries out of rhythm, and another form than the built-in one."""
import io

import pytest

import documents
from stack import TOP, Stack
from fakes.vision import Vision

SIX = ("dispatcher", "persist-svc", "ocr-svc", "llm-svc", "notify-svc", "gateway")
LIBRARY_CARD = TOP / "tests" / "fixtures" / "form-library-card.json"


def records_of(stack, *files):
    status, answer = stack.upload(*files)
    assert status == 202, answer
    batch = stack.batch_done(answer["batch_id"], timeout=120)
    assert batch["failed"] == 0, batch
    status, answer = stack.get(f"/api/records?batch={answer['batch_id']}&limit=500")
    assert status == 200
    return sorted(answer["records"], key=lambda r: (r["filename"], r["chunk_index"] or 0))


# ---- entries out of rhythm -------------------------------------------------------------------------------------

ESSAY = documents.wrap(documents.ESSAY, 80)


def head(n):
    return documents.form_lines(n)[:6]


def marked(word):
    """An essay that says whose it is."""
    return documents.wrap(documents.ESSAY + f" I call it {word}.", 80)


# A cover, a form with its essay, a form whose essay is on a page without a header, a blank back, a form with its essay, a blank back,
# a form whose essay runs over two pages, a form with its essay.
PAGES = [["To the committee,", "Enclosed are the pages of our class.", "Sincerely,", "The office"],
         [*head(1), "", "My Essay", *marked("alder")],
         [*head(2), "", "Write your essay on the next page."], marked("birch"), [],
         [*head(3), "", "My Essay", *marked("cedar")], [],
         [*head(4), "", "Write your essay on the next page."], ["My Essay", *ESSAY], marked("daphne"),
         [*head(5), "", "My Essay", *marked("elm")]]
SPANS = [(2, 2), (3, 4), (6, 6), (8, 10), (11, 11)]
TREES = ["alder", "birch", "cedar", "daphne", "elm"]


@pytest.fixture(scope="module")
def stack():
    with Stack(*SIX) as s:
        yield s


@pytest.mark.parametrize("kind, make", [("text", documents.pdf), ("scan", documents.scan_pdf)])
def test_entries_out_of_rhythm_keep_their_pages_their_values_and_their_essays(stack, kind, make):
    records = records_of(stack, (f"rhythm-{kind}.pdf", make(PAGES)))
    assert [(r["chunk_page_start"], r["chunk_page_end"]) for r in records] == SPANS
    for n, (record, tree) in enumerate(zip(records, TREES), 1):
        assert {f: record[f] for f in documents.student(n)} == documents.student(n)
        first, last = record["chunk_page_start"], record["chunk_page_end"]
        for field, evidence in record["evidence"].items():
            pages = evidence["pages"] if field == "essay" else [evidence["page"]]
            assert all(first <= p <= last for p in pages), (n, field, evidence)
        status, full = stack.get(f"/api/records/{record['submission_id']}")
        assert status == 200
        full = full.get("record", full)
        assert [t for t in TREES if t in full["essay_text"]] == [tree]
        words = len(documents.ESSAY.split()) * (2 if tree == "daphne" else 1) + 4
        assert abs(full["word_count"] - words) <= 0.03 * words


# ---- another form ----------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def library():
    with Stack(*SIX, SHEAF_FORM=LIBRARY_CARD) as s:
        yield s


def card(name="Ana Rivermoon", ticked=("Child",)):
    boxes = " ".join(f"[{'x' if c in ticked else ' '}] {c}" for c in ("Adult", "Child", "Senior"))
    return ["Library Card Application", "", f"Reader's Name: {name}", "Home Branch: Old Mill", f"Membership: {boxes}",
            "Language: [ ] English [x] Español", "Contact Email: ana.rivermoon@example.org", "Daytime Phone: (415) 555-0123"]


def values(record):
    return {f: e["value"] for f, e in record["evidence"].items() if "value" in e}


def test_another_form_is_a_file_from_the_page_to_the_record(library):
    (record,) = records_of(library, ("card.pdf", documents.pdf([card()])))
    assert values(record) == {"reader_name": "Ana Rivermoon", "branch": "Old Mill", "membership": "Child", "language": "Spanish",
                              "contact": "ana.rivermoon@example.org", "card_phone": "(415) 555-0123"}
    assert record["review_reason_codes"] == "" and not record["needs_review"]


def test_a_document_of_several_cards_becomes_one_record_each(library):
    records = records_of(library, ("cards.pdf", documents.pdf([card("Ana Rivermoon"), [], card("Bruno Stonewell", ["Senior"])])))
    assert [values(r)["reader_name"] for r in records] == ["Ana Rivermoon", "Bruno Stonewell"]
    assert [values(r)["membership"] for r in records] == ["Child", "Senior"]


@pytest.mark.parametrize("ticked", [[], ["Adult", "Senior"]])
def test_a_required_answer_that_is_not_clear_is_missing_and_flagged(library, ticked):
    (record,) = records_of(library, (f"unclear-{len(ticked)}.pdf", documents.pdf([card(ticked=ticked)])))
    assert "membership" not in values(record)
    assert record["review_reason_codes"] == "MISSING_MEMBERSHIP" and record["needs_review"]


def test_a_scanned_card_is_read_by_its_file(library):
    (record,) = records_of(library, ("scan.png", documents.png(card())))
    assert values(record)["reader_name"] == "Ana Rivermoon" and values(record)["branch"] == "Old Mill"
    assert values(record).get("membership", "Child") == "Child"


# ---- one school in many entries --------------------------------------------------------------------------------

SCHOOLS = ["Yarnwick Ottermoor School", "Yarnwick Ottermoor School", "Yarnwlck Oftermoor Schaol", "Willow Bend School"]


class Hesitant(Vision):
    """Reads as many black bars as a page has as that entry's form, and is unsure of the third one's school."""

    @staticmethod
    def lines_of(picture):
        row = picture.convert("L").resize((picture.width, 1))
        dark = [row.getpixel((x, 0)) < 128 for x in range(picture.width)]
        n = sum(a and not b for a, b in zip(dark, dark[1:] + [False]))
        return ["My Father, My Hero Essay Contest", f"Student's Name: {documents.student(n)['student_name']}",
                f"School Name: {SCHOOLS[n - 1]}", "Grade: 5", "My Essay", *ESSAY]

    @staticmethod
    def word(text, x, y, width, height, more):
        made = Vision.word(text, x, y, width, height, more)
        if text in SCHOOLS[2].split():
            made["confidence"] = 0.4
            for symbol in made["symbols"]:
                symbol["confidence"] = 0.4
        return made


def bars(n):
    from PIL import Image, ImageDraw
    image = Image.new("L", (1275, 1650), 255)
    for i in range(n):
        ImageDraw.Draw(image).rectangle([150 + i * 240, 0, 250 + i * 240, 1650], fill=0)
    return image


def test_a_doubtful_school_is_the_one_that_the_documents_other_entries_name():
    pages = [bars(n) for n in range(1, 5)]
    out = io.BytesIO()
    pages[0].save(out, "PDF", resolution=150, save_all=True, append_images=pages[1:])
    with Hesitant(Hesitant.lines_of) as vision, Stack(*SIX, SHEAF_LLM="rules", **vision.env()) as stack:
        records = records_of(stack, ("class.pdf", out.getvalue()))
        assert [r["school_name"] for r in records] == [SCHOOLS[0]] * 3 + ["Willow Bend School"]
        assert records[2]["evidence"]["school_name"]["raw"] == SCHOOLS[2] and records[2]["evidence"]["school_name"]["page"] == 3
        (alone,) = records_of(stack, ("alone.png", png(bars(3))))
        assert alone["school_name"] != SCHOOLS[0] and alone["needs_review"]


def test_a_doubtful_school_is_the_one_that_two_other_documents_of_the_batch_name():
    with Hesitant(Hesitant.lines_of) as vision, Stack(*SIX, SHEAF_LLM="rules", **vision.env()) as stack:
        batch = stack.post("/api/batches", {})[1]["batch_id"]

        def school_of(name, n):
            status, answer = stack.upload((name, png(bars(n), name)), fields=[("batch_id", batch)])
            assert status == 202, answer
            assert stack.job_done(answer["job_ids"][0]["job_id"])["status"] == "finished"
            (record,) = [r for r in stack.get(f"/api/records?batch={batch}")[1]["records"] if r["filename"] == name]
            return record["school_name"]
        assert school_of("first.png", 1) == SCHOOLS[0]
        assert school_of("one is not enough.png", 3) != SCHOOLS[0]
        assert school_of("second.png", 2) == SCHOOLS[0]
        assert school_of("other.png", 4) == SCHOOLS[3]
        assert school_of("now told by two.png", 3) == SCHOOLS[0]
        (alone,) = records_of(stack, ("another batch.png", png(bars(3), "another batch")))
        assert alone["school_name"] != SCHOOLS[0]


def test_a_doubtful_school_is_the_one_of_the_operators_list(tmp_path):
    (tmp_path / "schools.csv").write_text(f"School,Town\n{SCHOOLS[3]},Ashby\n{SCHOOLS[0]},Alderpoint\n")
    with Hesitant(Hesitant.lines_of) as vision, Stack(*SIX, SHEAF_LLM="rules", SHEAF_SCHOOLS=tmp_path / "schools.csv", **vision.env()) as stack:
        (record,) = records_of(stack, ("alone.png", png(bars(3))))
        assert record["school_name"] == SCHOOLS[0] and record["evidence"]["school_name"]["raw"] == SCHOOLS[2]


def png(image, note=""):
    from PIL.PngImagePlugin import PngInfo
    out, info = io.BytesIO(), PngInfo()
    info.add_text("note", note)  # other bytes, another document
    image.save(out, "PNG", pnginfo=info)
    return out.getvalue()

"""The faults that a class meets, F21 to F32, each with the tests that cause it; a test here looks whether they exist.

F21 (a bank that attacks)           test_class_fuzz.test_f21_any_bytes_are_a_bank_or_listed_faults
                                    test_class_fuzz.test_f21_any_change_of_a_bank_is_a_bank_or_listed_faults
                                    test_class_faults.test_f21_what_toml_and_a_bank_refuse
F22 (archives and folders)          test_classroom_files.test_an_archive_is_read_without_unpacking
                                    test_classroom_files.test_links_pipes_and_other_files_are_not_opened
                                    test_classroom_files.test_too_many_entries_are_refused_whole
                                    test_class_fuzz.test_f22_any_archive_is_read_or_refused
F23 (JSON that attacks)             test_classroom_files.test_what_is_no_submission_is_noted_and_the_rest_goes_on
                                    test_classroom.test_the_future_is_noted
                                    test_class_fuzz.test_f23_any_bytes_are_a_submission_or_a_listed_fault
F24 (one bad file of many)          test_class_faults.test_f24_one_bad_file_of_three_hundred_costs_one_line
F25 (HTML and scripts)              test_class_report.test_f25_in_a_browser_nothing_of_a_hostile_class_runs_or_is_loaded
F26 (formulas)                      test_classroom.test_formulas_are_defused
                                    test_class_exchange.test_f26_a_name_is_no_formula_in_any_table
                                    test_class_exchange.test_f26_the_tables_of_a_hostile_class
F27 (edited)                        test_classroom_files.test_an_edit_names_its_part
                                    test_class_fuzz.test_f23_f27_any_change_of_a_submission_goes_through_every_command
                                    test_class_similar.test_an_honest_run_agrees_with_its_replay_and_an_edited_one_differs
F28 (copied or replayed)            test_classroom_files.test_another_students_file_under_a_new_name_is_seen
                                    test_class_similar.test_the_command_lists_pairs_and_shared_records_and_changes_no_mark
F29 (clocks and zones)              test_class_course.test_f29_a_late_day_ends_at_the_clock_time_of_due_also_where_the_clocks_change
                                    test_class_course.test_f29_in_spring_the_short_day_is_a_day
                                    test_class_course.test_f29_times_in_an_archive_are_of_the_zone_or_in_utc_where_it_says_so
F30 (two graders, a killed one)     test_classroom.test_two_graders_at_once_and_a_killed_one_leave_a_whole_gradebook
                                    test_classroom.test_a_kill_in_mid_write_leaves_the_old_gradebook_and_the_next_grading_mends_it
F31 (graded again)                  test_class_course.test_f31_a_regrade_keeps_the_old_prints_the_difference_and_marks_by_hand_win
F32 (places)                        test_class_faults.test_f32_spaces_and_letters_of_everywhere_in_paths
                                    test_class_faults.test_f32_a_place_that_cant_be_written_is_said_and_nothing_is_lost
"""  # noqa: E501 - names of tests

import csv
import json
import re
from importlib import import_module
from pathlib import Path

import pytest
import thirty
from test_class_course import invoke

from finetune_lab.classroom.faults import ClassError
from finetune_lab.errors import LabError
from finetune_lab.quiz.bank import BankError
from finetune_lab.quiz.loading import load_bank
from finetune_lab.quiz.version import grader_version, version_of


def test_every_fault_from_21_to_32_has_tests_that_exist():
    named = re.findall(r"(test_\w+)\.(test_\w+)", __doc__)
    assert len(named) == 28
    missing = [f"{module}.{name}" for module, name in named if not hasattr(import_module(module), name)]
    assert missing == []
    assert re.findall(r"^(F\d+) ", __doc__, re.MULTILINE) == [f"F{number}" for number in range(21, 33)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('id = "a"\nid = "b"', "not TOML"), ("x = " + "[" * 20_000, "nested too deep|not TOML"),
        ("id = !!python/object:os.system", "not TOML"), ("id = " + "9" * 9999, "not TOML"), ("a: &a [*a]", "not TOML"),
        ("id = 1\n" * 1 + "#" * 2_000_001, "over 2000000 bytes"), ('id = "\\ud800"', "not TOML"), ("", "faults"),
    ],
)  # fmt: skip
def test_f21_what_toml_and_a_bank_refuse(tmp_path, text, said):
    path = tmp_path / "bank.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BankError, match=said):
        load_bank(path)


def test_f24_one_bad_file_of_three_hundred_costs_one_line(tmp_path):
    thirty.hand_in_all(tmp_path / "made")
    good = json.loads((tmp_path / "made" / "02.json").read_text("utf-8"))
    (tmp_path / "in").mkdir()
    for number in range(299):
        good["student"] = f"s{number:03}"
        good["answers"] = good["answers"][:3]
        (tmp_path / "in" / f"{number}.json").write_text(json.dumps(good), encoding="utf-8")
    (tmp_path / "in" / "bad.json").write_bytes(b"\x80\x04\x95cposix\nsystem\n.")
    result = invoke("grade", tmp_path / "in", "--out", tmp_path / "book.csv")
    assert result.stdout.startswith("299 students")
    assert result.stderr.count("bad.json: not read") == 1
    with (tmp_path / "book.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 299


def test_f32_spaces_and_letters_of_everywhere_in_paths(tmp_path, monkeypatch):
    folder = tmp_path / "Ein Kurs — 課程 n° 1"
    folder.mkdir()
    monkeypatch.chdir(folder)
    thirty.hand_in_all(folder / "Abgaben (1)")
    Path("Übung 1.csv").write_text(thirty.canvas_roster(), encoding="utf-8")
    invoke("init", thirty.COURSE, "--roster", "Übung 1.csv", "--out", "mein kurs.toml")
    invoke("grade", "Abgaben (1)", "--course", "mein kurs.toml", "--out", "Noten Übung.csv")
    invoke("report", "Abgaben (1)", "--course", "mein kurs.toml", "--out", "Bericht.html")
    for kind in ("canvas", "gradescope"):
        invoke("export", "Noten Übung.csv", "--as", kind)
    assert {"Noten Übung.canvas.csv", "Noten Übung.gradescope", "Noten Übung.details.json", "Bericht.html"} <= {
        path.name for path in folder.iterdir()
    }
    windows = {
        name for name in ("con", "aux", "nul") for path in Path("Noten Übung.gradescope").iterdir() if path.stem == name
    }
    assert windows == set()


def test_f32_a_place_that_cant_be_written_is_said_and_nothing_is_lost(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    thirty.hand_in_all(tmp_path / "in")
    invoke("grade", "in")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    Path("full").write_text("a file, no folder", encoding="utf-8")
    for command in (
        ["grade", "in", "--out", "full/book.csv"], ["report", "in", "--out", "none/report.html"],
        ["review", "in", "--sheet", "none/sheet.csv"], ["export", "--as", "canvas", "--out", "none/x.csv"],
        ["export", "gradebook.csv", "--as", "gradescope", "--out", "full"], ["init", "ml", "--out", "none/course.toml"],
        ["override", "ann", "quick-qlora", "1", "--overrides", "full/marks.csv"],
    ):  # fmt: skip
        with pytest.raises(ClassError, match=r"can't be (written|made)"):
            invoke(*command)
    assert {name: (tmp_path / name).read_bytes() for name in before} == before


def test_the_graders_version_is_that_of_its_sources(tmp_path):
    rules, words = tmp_path / "judge.py", tmp_path / "words.toml"
    rules.write_bytes(b"a = 1\nb = 2\n")
    words.write_bytes(b"x\n")
    first = version_of([rules, words])
    assert version_of([words, rules]) == first
    rules.write_bytes(b"a = 1\r\nb = 2\r\n")  # the same lines, on Windows
    assert version_of([rules, words]) == first
    rules.write_bytes(b"a = 1\nb = 3\n")
    assert version_of([rules, words]) != first
    assert re.fullmatch("[0-9a-f]{12}", grader_version())


def test_the_graders_version_knows_every_file_that_can_change_a_verdict():
    """What grading imports within quiz is in the version, but for the tables of results themselves."""
    from finetune_lab import quiz
    from finetune_lab.quiz.version import HERE, RULES

    counted = {path for pattern in RULES for path in HERE.glob(pattern)}
    imported, waiting = set(), [HERE / "grading.py", HERE / "loading.py"]
    while waiting:
        path = waiting.pop()
        if path not in imported and path.exists():
            imported.add(path)
            names = re.findall(r"^from finetune_lab\.quiz\.([\w.]+) import", path.read_text("utf-8"), re.MULTILINE)
            waiting += [Path(quiz.__file__).parent / f"{name.replace('.', '/')}.py" for name in names]
    assert len(imported) > 15
    harmless = {"verdict.py", "lines.py", "schema.py"}  # shape of a grade, lines and faults of a bank that is refused
    assert {path.name for path in imported - counted} <= harmless


def test_the_error_classes_are_ours():
    assert issubclass(ClassError, LabError)

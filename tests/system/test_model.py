"""The protocol's model (proto/model): every order of events within its bounds, and that each check in it is needed."""
import pathlib
import re
import subprocess

import pytest

MODEL = pathlib.Path(__file__).resolve().parents[2] / "proto" / "model" / "sheaf.pml"
# Which property each mutant breaks, with one fault.
MUTANTS = {"NO_TOKEN_CHECK": "COUNTED_ONCE", "ANY_RUN": "OWN_RUN", "RECLAIM_DEAD_ONLY": "ENDS", "RENEW_NO_CHECK": "LEASE",
           "ADOPT_NO_CHECK": "LEASE", "GIVE_BACK_NO_CHECK": "LEASE", "ROW_NO_TOKEN": "ROW"}


def search(folder, model, pan, run=(), optimise="-O2"):
    """What spin's verifier says about the model; hash-compact, so that all states of the largest search fit into 700 MB."""
    subprocess.run(["spin", "-a", *(f"-D{x}" for x in model), str(MODEL)], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["gcc", optimise, "-w", "-DNOFAIR", *(f"-D{x}" for x in pan), "-o", "pan", "pan.c"], cwd=folder, check=True)
    said = subprocess.run(["./pan", "-m10000", *run], cwd=folder, stdout=subprocess.PIPE, text=True, timeout=3600).stdout  # half a minute of CPU
    figures = {"errors": int(re.search(r"errors: (\d+)", said)[1]), "states": int(re.search(r"(\d+) states, stored", said)[1])}
    print(model, figures, re.search(r"elapsed time (\S+)", said)[1] + " s")
    return figures, said


def test_model_holds_at_every_step_with_two_faults_and_a_rerun(tmp_path):
    figures, said = search(tmp_path, ["FAULTS=2", "RERUNS=1"], ["SAFETY", "HC4"], ["-w25"])
    assert figures["errors"] == 0, said
    assert figures["states"] > 5_000_000
    assert "Search not completed" not in said and "max search depth too small" not in said
    # Every step of the model was taken, so what was checked is not a model in which nothing goes wrong.
    unreached = [line for line in re.findall(r"state \d+, (.*)", said) if line != '"-end-"']
    assert not unreached


def test_model_always_comes_to_its_end(tmp_path):
    figures, said = search(tmp_path, ["FAULTS=1", "RERUNS=1"], ["NP", "HC4"], ["-l"])
    assert figures["errors"] == 0, said
    figures, said = search(tmp_path, ["FAULTS=1", "RERUNS=0", "RENEW_NO_CHECK", "CHECK=99"], ["NP", "HC4"], ["-l"], "-O0")
    assert "non-progress cycle" in said  # and it would notice if it did not


@pytest.mark.parametrize("mutant", MUTANTS)
def test_model_without_one_check_breaks_its_promise(tmp_path, mutant):
    figures, said = search(tmp_path, ["FAULTS=1", mutant, f"CHECK={MUTANTS[mutant]}"], ["SAFETY", "BFS"], optimise="-O0")
    assert figures["errors"] == 1 and "assertion violated" in said

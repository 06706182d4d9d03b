"""GitHub's workflows: YAML with jobs that run what the Makefile has, on actions of a fixed major version."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def steps(path: Path) -> list[dict]:
    return [step for job in yaml.safe_load(path.read_text())["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.stem)
def test_actions_are_pinned_and_commands_exist(path):
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for step in steps(path):
        assert ("uses" in step) != ("run" in step), step
        if "uses" in step:
            assert re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"]), step
        elif step["run"].startswith("make "):
            assert step["run"].split()[1] in targets, step
        else:
            assert (ROOT / step["run"].split()[0]).stat().st_mode & 0o100, step


def test_the_book_is_built_uploaded_and_deployed():
    page = yaml.safe_load((ROOT / ".github/workflows/pages.yml").read_text())
    used = [step.get("uses", step.get("run", "")).split("@")[0] for step in steps(ROOT / ".github/workflows/pages.yml")]
    order = [used.index(name) for name in ("make book", "actions/upload-pages-artifact", "actions/deploy-pages")]
    assert order == sorted(order)
    upload = next(s for s in page["jobs"]["build"]["steps"] if "upload-pages" in s.get("uses", ""))
    assert upload["with"]["path"] == "book/_build/html"
    assert page["jobs"]["deploy"]["needs"] == "build"
    assert {"pages": "write", "id-token": "write"}.items() <= page["permissions"].items()


def test_executed_notebooks_get_a_branch_without_a_history(tmp_path):
    checkout, remote = tmp_path / "checkout", tmp_path / "remote.git"
    folder = checkout / "book/_build/html/_sources/notebooks"
    folder.mkdir(parents=True)
    (checkout / ".github").mkdir()
    script = checkout / ".github/push_notebooks.sh"
    script.write_bytes((ROOT / ".github/push_notebooks.sh").read_bytes())
    script.chmod(0o755)

    def git(*words, where=checkout):
        command = ["git", "-C", str(where), "-c", "user.name=t", "-c", "user.email=t@localhost", *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "code")
    git("init", "-q", "--bare", str(remote))
    for content in ("first", "second"):
        (folder / "00_start_here.ipynb").write_text(content)
        (folder / "00_start_here.md").write_text("its text")
        subprocess.run([script, str(remote)], check=True)
    assert git("ls-tree", "-r", "--name-only", "executed", where=remote).split() == ["notebooks/00_start_here.ipynb"]
    assert git("show", "executed:notebooks/00_start_here.ipynb", where=remote) == "second"
    assert git("rev-list", "--count", "executed", where=remote).strip() == "1"

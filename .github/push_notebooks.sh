#!/usr/bin/env bash
# Put the notebooks as the book ran them on the branch `executed` of REMOTE, alone and without a history: Colab opens
# notebooks of a branch. Usage, after `make book`: .github/push_notebooks.sh REMOTE
set -euo pipefail
cd "$(dirname "$0")/.."
commit="$(git rev-parse HEAD)"
branch="$(mktemp -d)"
trap 'rm -rf "$branch"' EXIT
mkdir "$branch/notebooks"
cp book/_build/html/_sources/notebooks/*.ipynb "$branch/notebooks"
cd "$branch"
git init --quiet --initial-branch executed
git add notebooks
git -c user.name=book -c user.email=book@localhost commit --quiet --message "Notebooks as the book ran them at $commit"
git push --quiet --force "$1" executed

#!/bin/sh
# Builds the last commit twice and compares the release files: `scripts/check_reproducible.sh x86_64`. The two folders
# share nothing compiled, and their names differ in length.
set -eu
architecture=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
first=$scratch/first second=$scratch/a-second-one/further-down
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
unset MAKEFLAGS

for folder in "$first" "$second"; do
  mkdir -p "$folder"
  git archive HEAD | tar -x -C "$folder"
  ln -s "$PWD/.venv" "$folder/.venv"
  make --no-print-directory -C "$folder" build ARCHITECTURE="$architecture"
  (cd "$folder" && .venv/bin/python scripts/release.py .aws-sam/build "$architecture" dist)
done
diff --recursive "$first/dist" "$second/dist"

#!/bin/sh
# torch 2.13.0: torchrun refuses an option of the script that begins like two of its own, though it stands
# behind the script's name.
#
# The help says that what follows the script are the script's arguments. `--run DIR` behind it is looked at all
# the same: it could mean --run-path or --run_path, two spellings of one option, so torchrun ends with exit
# code 2 and starts nothing. `--runs` reaches the script, and so does everything behind a `--` before its name.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy
echo 'import sys; print("script got", sys.argv[1:])' > "$folder/script.py"
run() {
    code=0
    "$folder/venv/bin/python" -m torch.distributed.run --standalone "$@" > "$folder/out" 2>&1 || code=$?
    echo "$* -> exit code $code, $(grep -oE 'script got.*|ambiguous option.*' "$folder/out")"
}
cd "$folder"
{ run script.py --run here; run script.py --runs here; run -- script.py --run here; } | tee seen
[ "$(grep -c 'exit code 2, ambiguous option: --run could match --run-path, --run_path' seen)" = 1 ]
[ "$(grep -c "exit code 0, script got" seen)" = 2 ]

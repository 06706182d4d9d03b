#!/usr/bin/env bash
# Everything that wants to be seen on a GPU, on a bare machine with PyTorch and no network, in at most 8 minutes:
#
#     benchmarks/gpu.sh OUT [--device cuda|cpu] [--wheels FOLDER] [--seconds 480]
#
# OUT receives the result of every part as it comes, a log, and gpu.json with all of them; checkpoints lie beside it in
# OUT-trained. FOLDER holds wheels of what the machine lacks of pyproject.toml's packages. PYTHON names the interpreter,
# COMMIT the commit where there is no checkout. --device cpu is a rehearsal with tiny sizes.
# Exit status: how many parts failed.
set -uo pipefail
started=$SECONDS device=cuda wheels="" seconds=480 failed=0
[ $# -gt 0 ] && [ "${1#-}" = "$1" ] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mkdir -p "$1" && out=$(cd "$1" && pwd) && shift
while [ $# -gt 0 ]; do
  case $1 in
    --device) device=$2 ;; --wheels) wheels=$(cd "$2" && pwd) ;; --seconds) seconds=$2 ;;
    *) echo "error: what is $1?" >&2; exit 2 ;;
  esac
  shift 2
done
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
export PYTHONPATH="$PWD" PYTHONUNBUFFERED=1
log=$out/log.txt
: > "$log"
if [ -n "$wheels" ]; then
  "$python" -m pip install -q --no-index --no-deps --no-compile --target "$out-packages" "$wheels"/*.whl >> "$log" 2>&1 ||
    { tail -5 "$log"; exit 1; }
  PYTHONPATH="$PWD:$out-packages"
fi

part() { # NAME SECONDS COMMAND...: run it, for no longer than that and no longer than there is
  local name=$1 limit=$2 left=$((seconds - SECONDS + started)) begun=$SECONDS status=0
  shift 2
  [ "$left" -lt "$limit" ] && limit=$left
  [ "$limit" -gt 5 ] || { echo "$name: no time left"; failed=$((failed + 1)); return; }
  echo "== $name, at most $limit s" >> "$log"
  timeout --signal TERM --kill-after 20 "$limit" "$@" >> "$log" 2>&1 || status=$?
  [ "$status" -eq 0 ] || failed=$((failed + 1))
  echo "$name: exit status $status after $((SECONDS - begun)) s"
}

# One thread for each test process, and none for what others already test on a CPU.
if [ "$device" = cpu ]; then chosen=(-k histograms); else chosen=(-n 4 --dist worksteal); fi
part tests 120 env OMP_NUM_THREADS=1 \
  "$python" -m pytest -v "${chosen[@]}" --durations 8 --junitxml "$out/tests.xml" tests/test_device.py
part bench 120 "$python" -m benchmarks.gpu bench "$out" --device "$device"
part epoch 150 "$python" -m benchmarks.gpu epoch "$out" --device "$device"
part evaluation 60 "$python" -m benchmarks.gpu evaluation "$out" --device "$device"
part study 460 "$python" -m benchmarks.gpu study "$out" --device "$device"
seconds=$((seconds + 60)) part collect 30 "$python" -m benchmarks.gpu collect "$out" --device "$device"
exit "$failed"

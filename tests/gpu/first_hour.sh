#!/usr/bin/env bash
# What to run when a GPU can be had, in parts of under ten minutes that need no network:
#   tests/gpu/first_hour.sh tests | sanitizer | parts | steps | peers | predicted
# Figures go to $OUT (or build/gpu); put them into tests/bench/RESULTS.md with the GPU's name.
set -euo pipefail
cd "$(dirname "$0")/../.."
OUT=$(realpath -m "${OUT:-build/gpu}")
PYTHON=${PYTHON:-python}
PEERS=${PEERS:-$PYTHON}
mkdir -p "$OUT"
nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv | tee "$OUT/gpu.txt" || true
case "${1:-}" in
  tests)      # the same checks on the device: every spec, bits twice, copies, a warm start
    timeout 570 "$PYTHON" -m pytest -q tests/gpu | tee "$OUT/tests.txt" ;;
  sanitizer)  # memory, races and uninitialised words of every kernel of four specs
    for tool in memcheck racecheck initcheck; do
      timeout 180 compute-sanitizer --tool "$tool" --error-exitcode 9 \
        "$PYTHON" -m pytest -q tests/gpu -k "circle or mnist_cnn or adding or transformer" \
        2>&1 | tee "$OUT/sanitizer_$tool.txt" | tail -5
    done ;;
  parts)      # what a step is made of: launches, registers, predicted beside measured
    for spec in mnist_cnn transformer characters; do
      "$PYTHON" -m gradc_runtime.cli bench "specs/$spec.nn" --target cuda | tee -a "$OUT/parts.txt"
    done ;;
  steps)      # steps of all workloads
    (cd tests/bench && timeout 570 "$PYTHON" run.py --target cuda --peers gradc-cuda --rounds 2 \
      --results "$OUT/steps.json" --page "$OUT/steps.md") | tee "$OUT/steps.txt" ;;
  peers)      # the same beside PyTorch eager and JAX; with --slow torch.compile and graphs
    (cd tests/bench && timeout 570 "$PYTHON" run.py --target cuda --python "$PEERS" --rounds 2 "${@:2}" \
      --results "$OUT/peers.json" --page "$OUT/peers.md") | tee "$OUT/peers.txt" ;;
  predicted)  # what was predicted, to be held against it
    (cd tests/bench && "$PYTHON" predicted.py --gpu "${2:-H200}") | tee "$OUT/predicted.txt" ;;
  *) sed -n '2,4p' "$0"; exit 2 ;;
esac

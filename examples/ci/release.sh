#!/usr/bin/env bash
# Register a trained model and promote it, in any CI: the job fails when a gate refuses, and says why.
#
# Usage: release.sh NAME MODEL_FILE METRICS_JSON REQUIREMENTS_JSON
#   MODELYARD_URI   the registry: a folder, or http://host:5000
#   CI_COMMIT       the commit that the model was trained from (optional; recorded as code_version)
set -euo pipefail

name=$1 model=$2 metrics=$3 requirements=$4

reference=$(modelyard register --name "$name" --model-path "$model" --metrics "$(cat "$metrics")" \
  --metadata "{\"code_version\": \"${CI_COMMIT:-}\"}" --output json | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])')
echo "registered $name as $reference"

# Exit code 6 means that a gate refused; every verdict has been printed by then.
modelyard promote "$reference" --target-stage staging --requirements "$requirements"
modelyard verify "$reference"
modelyard promote "$reference" --target-stage production --requirements "$requirements" --comment "released by CI"
modelyard alias "$name" champion "$reference"

#!/usr/bin/env bash
# Gate and promote a version of a model, in any CI. Everything is said by environment variables:
#
#   MODELYARD_URI        the registry: http://host:5000, or a folder
#   MODELYARD_TOKEN      a token that may read, request promotions, and move versions (never printed)
#   PROMOTE_REFERENCE    the version: fraud/1.4.2, fraud@candidate, an id
#   PROMOTE_STAGE        the stage that it shall enter; production if unset
#   PROMOTE_REQUIREMENTS what the move needs beyond the stage graph: JSON, or a JSON or YAML file
#   PROMOTE_TIMEOUT      how long approvals are waited for, such as 30m; 30m if unset
#   PROMOTE_COMMENT      why; kept with the promotion
#   PROMOTE_CHECK_ONLY   true: only tell whether the gates are met, and move nothing
#   PROMOTE_PACKAGE      what pip installs where there is no modelyard yet; `modelyard` if unset
#   PROMOTE_SUMMARY      a file that gets the gates as a Markdown table; GITHUB_STEP_SUMMARY if unset
#
# Exit codes: 0 moved, 3 no such version, 4 not allowed, 5 conflict, 6 refused by a gate or by people, 8 not decided in
# time. A request that was not decided stays open: the next run of the job goes on with it.
set -euo pipefail

: "${MODELYARD_URI:?names the registry}" "${PROMOTE_REFERENCE:?names the version}"
stage=${PROMOTE_STAGE:-production}
summary=${PROMOTE_SUMMARY:-${GITHUB_STEP_SUMMARY:-}}

if ! command -v modelyard >/dev/null; then
  python3 -m pip install --quiet "${PROMOTE_PACKAGE:-modelyard}"
fi

options=(--target-stage "$stage")
[ -z "${PROMOTE_REQUIREMENTS:-}" ] || options+=(--requirements "$PROMOTE_REQUIREMENTS")
[ -z "$summary" ] || options+=(--summary "$summary")

if [ "${PROMOTE_CHECK_ONLY:-false}" = true ]; then
  exec modelyard gates "${options[@]}" -- "$PROMOTE_REFERENCE"
fi

options+=(--wait --timeout "${PROMOTE_TIMEOUT:-30m}")
[ -z "${PROMOTE_COMMENT:-}" ] || options+=(--comment "$PROMOTE_COMMENT")

# In place of the shell, so that the signal which ends a job reaches it: it tells that the request stays open.
exec modelyard promote "${options[@]}" -- "$PROMOTE_REFERENCE"

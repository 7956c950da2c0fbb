#!/usr/bin/env bash
# What action.yml does once both programs are in PATH. Its inputs come as variables: no text of a workflow becomes a command.
set -uo pipefail
reports="${RUNNER_TEMP:-$(mktemp -d)}/gatecheck"
summary="${GITHUB_STEP_SUMMARY:-/dev/null}"
mkdir -p "$reports"
echo "reports=$reports" >>"${GITHUB_OUTPUT:-/dev/null}"
status=0
# The worst status is the status of the step.
keep() { if [ "$1" -gt "$status" ]; then status="$1"; fi; }

if [ -n "${CHECK:-}" ]; then
    arguments=(check "$CHECK")
    if [ -n "${DENY:-}" ]; then arguments+=(--deny "$DENY"); fi
    rolegate "${arguments[@]}"
    keep $?
    # The same findings once more, for machines; the status has been kept.
    if [ -n "${SARIF:-}" ]; then rolegate "${arguments[@]}" --format sarif >"$SARIF" || true; fi
fi

# Judges one gate: a name for its reports, then how `gatecheck run` gets to it.
judge() {
    local name="$1" words=()
    shift
    read -r -d '' -a words <<<"${PATTERNS:-} ${ARGUMENTS:-}" || true
    gatecheck run "$@" ${words[@]+"${words[@]}"} --format "json=$reports/$name.json" --format "html=$reports/$name.html" \
        --format "junit=$reports/$name.xml" --format "markdown=$reports/$name.md"
    keep $?
    if [ -f "$reports/$name.md" ]; then cat "$reports/$name.md" >>"$summary"; fi
}

if [ -n "${LAUNCH:-}" ]; then judge launch --launch "$LAUNCH"; fi
if [ -n "${GATE:-}" ]; then judge gate --gate "$GATE"; fi
if [ -n "${URL:-}" ]; then
    if [ -n "${BUNDLE:-}" ]; then judge url "$URL" --bundle "$BUNDLE"; else judge url "$URL"; fi
fi
exit "$status"

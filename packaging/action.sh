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

# Asks one gate or site: a name for the reports, further words as a workflow writes them, then the command.
judge() {
    local name="$1" words=()
    read -r -d '' -a words <<<"$2" || true
    shift 2
    gatecheck "$@" ${words[@]+"${words[@]}"} --format "json=$reports/$name.json" --format "html=$reports/$name.html" \
        --format "junit=$reports/$name.xml" --format "markdown=$reports/$name.md"
    keep $?
    if [ -f "$reports/$name.md" ]; then cat "$reports/$name.md" >>"$summary"; fi
}

more="${PATTERNS:-} ${ARGUMENTS:-}"
if [ -n "${LAUNCH:-}" ]; then judge launch "$more" run --launch "$LAUNCH"; fi
if [ -n "${GATE:-}" ]; then judge gate "$more" run --gate "$GATE"; fi
if [ -n "${URL:-}" ]; then
    if [ -n "${BUNDLE:-}" ]; then judge url "$more" run "$URL" --bundle "$BUNDLE"; else judge url "$more" run "$URL"; fi
fi
if [ -n "${AUDIT:-}" ]; then judge audit "${AUDIT_ARGUMENTS:-}" audit "$AUDIT" --site "${SITE:-.}"; fi
exit "$status"

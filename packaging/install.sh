#!/usr/bin/env bash
# Puts both programs of a release into a folder: packaging/install.sh VERSION FOLDER
# What is downloaded is held to the checksums of the release. GATECHECK_RELEASES names another place of releases.
set -euo pipefail
version="${1#v}" folder="$2"
releases="${GATECHECK_RELEASES:-https://github.com/gatecheck/gatecheck/releases/download}"

system="${GATECHECK_SYSTEM:-$(uname -s)-$(uname -m)}"
case "$system" in
    Linux-x86_64) target=x86_64-unknown-linux-musl ;;
    Linux-aarch64 | Linux-arm64) target=aarch64-unknown-linux-musl ;;
    Darwin-x86_64) target=x86_64-apple-darwin ;;
    Darwin-arm64) target=aarch64-apple-darwin ;;
    MINGW*-x86_64 | MSYS*-x86_64) target=x86_64-pc-windows-msvc ;;
    *)
        echo "no release is built for $system; build it: cargo install --git https://github.com/gatecheck/gatecheck" >&2
        exit 2
        ;;
esac
name="gatecheck-v$version-$target"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
for file in "$name.tar.gz" SHA256SUMS; do
    curl --fail --silent --show-error --location --retry 3 --output "$work/$file" "$releases/v$version/$file"
done
sha256() { if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi; }
grep -F " $name.tar.gz" "$work/SHA256SUMS" >"$work/sum" || { echo "SHA256SUMS does not name $name.tar.gz" >&2; exit 1; }
(cd "$work" && sha256 --check --status sum) || { echo "$name.tar.gz is not what SHA256SUMS says" >&2; exit 1; }
mkdir -p "$folder"
tar -xzf "$work/$name.tar.gz" -C "$work"
for program in gatecheck rolegate; do
    for file in "$work/$name/$program" "$work/$name/$program.exe"; do
        if [ -f "$file" ]; then cp "$file" "$folder/"; fi
    done
done

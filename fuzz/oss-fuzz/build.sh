#!/bin/bash -eu
# Builds every target of this checkout into $OUT, each with its seeds and, where it has one, its dictionary.
cd "$SRC/gatecheck"
cargo fuzz build -O --features all

targets="$(cargo fuzz list)"
host="$(rustc -vV | sed -n 's/^host: //p')"
for target in $targets; do
    cp "${CARGO_TARGET_DIR:-fuzz/target}/$host/release/$target" "$OUT/"
    find "fuzz/corpus/$target" "fuzz/regressions/$target" -type f ! -name .gitkeep -print0 |
        sort -z | xargs -0 zip -q -j "$OUT/${target}_seed_corpus.zip"
    if [ -f "fuzz/dictionaries/$target.dict" ]; then
        cp -L "fuzz/dictionaries/$target.dict" "$OUT/"
    fi
done

#!/bin/bash -eu
# What OSS-Fuzz runs, on this checkout.
exec "$SRC/gatecheck/fuzz/oss-fuzz/build.sh"

#!/bin/sh
# Tells the stories of a run on several machines that share a disk, by GNU parallel over SSH, and joins the parts:
#
#     PROMPTS=prompts.txt OUT=stories HOSTS=one,two,three sh configs/cluster/parallel.sh --model smollm2 --seeds 1..100
#
# Each machine tells one part at a time, with all its cores; without HOSTS this one does. There are eight parts, or PARTS. What is asked of
# the stories stands behind. What broke off is tried again; after that the same line goes on from there.
set -eu
: "${PROMPTS:?names the file of the prompts}"
: "${OUT:?names the folder for the parts}"
parts=${PARTS:-8}

# shellcheck disable=SC2046 # one word a number
parallel --quote --jobs=1 --sshlogin="${HOSTS:-:}" --workdir="$PWD" --retries=3 --line-buffer --tagstring='part {}' \
    afterword batch "$PROMPTS" --out "$OUT/part-{}" --shard "{}/$parts" --strict "$@" ::: $(seq "$parts")

afterword batch --merge "$OUT"/part-* --out "$OUT/whole"

#!/bin/sh
# plant.sh IN PATCH OUT: makes OUT, a copy of the source IN with the bug of
# PATCH, which tests must catch. A patch that does not fit any more fails.
set -u
patch -s --fuzz=0 -r - -o "$3.new" "$1" "$2" && mv "$3.new" "$3" && exit 0
rm -f "$3.new"
echo "plant: $2 does not apply to $1: make the patch anew" >&2
exit 1

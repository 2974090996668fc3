# copy_tree.sh: copies the sources of this tree, and nothing that was built in
# it. Sourced by quickstart.sh and by tests/run.sh.
# shellcheck shell=sh

# git_in FROM COMMAND...: the clone may be another user's, who could have git
# start a program (core.fsmonitor).
git_in() {
	clone=$1
	shift
	git -c safe.directory='*' -c core.fsmonitor=false -C "$clone" "$@"
}

# list_tree FROM: the names of the sources, each ended by a NUL. In a clone they
# are what git knows, but for files that were removed since; in a release's tree
# what its MANIFEST lists (see dist-hook in Makefile.am).
list_tree() {
	if git_in "$1" rev-parse --git-dir >/dev/null 2>&1; then
		{
			git_in "$1" ls-files -z --deduplicate &&
			    git_in "$1" ls-files -z --deduplicate --deleted
		} | sort -z | uniq -zu
	elif [ -f "$1/MANIFEST" ]; then
		tr '\n' '\0' <"$1/MANIFEST"
	elif [ -e "$1/config.status" ]; then
		echo "$1 was configured in place, and nothing lists its" \
		    "sources: make -C $1 distclean" >&2
		return 1
	else
		(cd "$1" && find . -type f ! -path './build*' -print0)
	fi
}

# copy_tree FROM TO: TO is made. The copies belong to whoever runs this, have
# the times of their originals, and replace what was there.
copy_tree() {
	mkdir -p "$2" && list_tree "$1" >"$2.list" && [ -s "$2.list" ] ||
	    return 1
	tar -c -C "$1" --null --verbatim-files-from -T "$2.list" |
	    tar -x --no-same-owner --no-same-permissions -C "$2" &&
	    rm -f "$2.list"
}

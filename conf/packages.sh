# packages.sh: installs Debian packages that are missing. Sourced by
# quickstart.sh and by tests/run.sh.
# shellcheck shell=sh

# missing_packages NAME...: those that are not installed.
missing_packages() {
	for package; do
		# shellcheck disable=SC2016 # a format of dpkg-query's
		dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null |
		    grep -q '^.i' || printf '%s ' "$package"
	done
}

# install_packages NAME...: as root or with sudo, and without a question where
# there is no terminal. Debian starts a web server as it is installed; ours are
# started by whoever asked for them, so that is put off for the moment
# (invoke-rc.d asks policy-rc.d).
install_packages() {
	policy=/usr/sbin/policy-rc.d
	sudo=
	[ "$(id -u)" = 0 ] || sudo=sudo
	[ -z "$sudo" ] || [ -t 0 ] || sudo='sudo -n'
	ours=no
	if [ ! -e $policy ]; then
		ours=yes
		printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null &&
		    $sudo chmod 755 $policy
	fi
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get -q update
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get -q install -y \
	    --no-install-recommends "$@"
	installed=$?
	[ $ours = no ] || $sudo rm -f $policy
	return $installed
}

#!/bin/sh
# Says in one line what this machine lacks for `make setup` and how to get it.   usage: preflight.sh PYTHON
python=$1

missing() {
	echo "setup: $1 is missing: Debian and Ubuntu: apt-get install $2    Fedora: dnf install $3" >&2
	exit 1
}

[ "$(uname -s)" = Linux ] || { echo "setup: this program needs Linux (network namespaces, nftables); this is $(uname -s)" >&2; exit 1; }
command -v "$python" >/dev/null || missing "$python" python3 python3
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
	echo "setup: $python is $("$python" -V 2>&1), Python 3.11 or newer is needed; name one with: make PYTHON=python3.12" >&2
	exit 1
}
"$python" -c 'import ensurepip, venv' 2>/dev/null || missing "Python's venv module" python3-venv python3
compiler=${CC:-cc}
command -v "$compiler" >/dev/null || missing "a C compiler ($compiler)" "gcc libc6-dev" "gcc glibc-static"
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
echo 'int main(void) { return 0; }' >"$scratch/probe.c"
"$compiler" -static -o "$scratch/probe" "$scratch/probe.c" 2>/dev/null || missing "a static C library" libc6-dev glibc-static

#!/bin/sh
# Builds the real Kubernetes programs that tests and benchmarks run against, from Go modules, into a cache; what is there is kept.
#   usage: build.sh [PROGRAM ...]       without names: all; those that cluster tests need come first
# The cache is $MIDONETKUBE_CACHE, else ~/.cache/midonet-kubernetes; programs lie in kubernetes/MINOR/ and cni/ there.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${MIDONETKUBE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/midonet-kubernetes}
names="$*"

wanted() { [ "$names" = "" ] || case " $names " in *" $1 "*) true ;; *) false ;; esac }

# build TARGET MODULE PACKAGE [LINKER FLAGS]: one program, unless it is there
build() {
	[ -x "$1" ] && return
	command -v go >/dev/null || {
		echo "kubernetes: Go is missing (1.21 or newer; it fetches the version that it needs): Debian and Ubuntu: apt-get install golang-go    Fedora: dnf install golang    or https://go.dev/dl" >&2
		exit 1
	}
	mkdir -p "$(dirname "$1")"
	echo "kubernetes: building ${1#"$cache"/}"
	(cd "$here/$2" && CGO_ENABLED=0 nice go build -trimpath -ldflags "-s -w ${4:-}" -o "$1.$$" "$3")
	mv "$1.$$" "$1"
}

# kubernetes MINOR PROGRAM PACKAGE: /version and --version say what it was built from
kubernetes() {
	if wanted "$2" && [ ! -x "$cache/kubernetes/$1/$2" ]; then
		version=$(sed -n 's|^.*k8s.io/kubernetes \(v[0-9.]*\)$|\1|p' "$here/$1/go.mod")
		stamp=k8s.io/component-base/version
		build "$cache/kubernetes/$1/$2" "$1" "$3" \
			"-X $stamp.gitVersion=$version -X $stamp.gitMajor=1 -X $stamp.gitMinor=${1#1.} -X $stamp.gitTreeState=clean"
	fi
}

plugin() { if wanted "$(basename "$1")"; then build "$cache/cni/$(basename "$1")" cni "$1"; fi; }

kubernetes 1.35 etcd go.etcd.io/etcd/server/v3
for name in kube-apiserver kubectl kube-controller-manager; do
	kubernetes 1.35 $name k8s.io/kubernetes/cmd/$name
done
kubernetes 1.36 kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver # with the rest of 1.35, as during an upgrade
for name in bridge loopback; do
	plugin github.com/containernetworking/plugins/plugins/main/$name
done
plugin github.com/containernetworking/plugins/plugins/ipam/host-local
for name in portmap bandwidth tuning; do
	plugin github.com/containernetworking/plugins/plugins/meta/$name
done
plugin github.com/containernetworking/cni/cnitool
for name in kube-scheduler kube-proxy kubelet; do
	kubernetes 1.35 $name k8s.io/kubernetes/cmd/$name
done
kubernetes 1.35 agnhost k8s.io/kubernetes/test/images/agnhost

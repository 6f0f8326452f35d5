//go:build tools

// The API server of a second minor, so that nothing depends on one.
package tools

import (
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
)

// SPDX-License-Identifier: Apache-2.0

//go:build tools

// Package kube names the programs that tools/build-kube builds, so that go.mod holds them.
package kube

import (
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kubectl"
)

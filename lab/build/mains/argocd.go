// Argo CD without the parts that the lab does not run: its command line, its API server, the generators of ApplicationSets
// and the notifications. As upstream's, one program that acts by the name that it is called by.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/klog/v2"

	controller "github.com/argoproj/argo-cd/v3/cmd/argocd-application-controller/commands"
	gitaskpass "github.com/argoproj/argo-cd/v3/cmd/argocd-git-ask-pass/commands"
	reposerver "github.com/argoproj/argo-cd/v3/cmd/argocd-repo-server/commands"
	"github.com/argoproj/argo-cd/v3/util/log"
)

var commands = map[string]func() *cobra.Command{
	"argocd-application-controller": controller.NewCommand,
	"argocd-repo-server":            reposerver.NewCommand,
	"argocd-git-ask-pass":           gitaskpass.NewCommand,
}

func main() {
	name := os.Getenv("ARGOCD_BINARY_NAME")
	command, found := commands[name]
	if !found {
		fmt.Fprintf(os.Stderr, "ARGOCD_BINARY_NAME=%q: the lab's Argo CD has no such part\n", name)
		os.Exit(2)
	}
	klog.SetLogger(log.NewLogrusLogger(log.NewWithCurrentConfig()))
	if err := command().Execute(); err != nil {
		os.Exit(1)
	}
}

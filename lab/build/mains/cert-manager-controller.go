// cert-manager's controller with what needs nothing outside of the cluster: issuers that are self-signed, and those with a CA of their own.
// Without ACME, Vault, Venafi, Ingresses and the election of a leader. It lies in the module, for it uses what only that may import.
package main

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"
	logsapi "k8s.io/component-base/logs/api/v1"

	"github.com/cert-manager/cert-manager/pkg/controller"
	"github.com/cert-manager/cert-manager/pkg/healthz"
	logf "github.com/cert-manager/cert-manager/pkg/logs"

	// Each registers itself.
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/approver"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/ca"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/selfsigned"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/issuing"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/keymanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/metrics"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/readiness"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/requestmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/revisionmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/trigger"
	_ "github.com/cert-manager/cert-manager/pkg/controller/clusterissuers"
	_ "github.com/cert-manager/cert-manager/pkg/controller/issuers"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/ca"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/selfsigned"
)

const workers = 5

func main() {
	logf.InitLogs()
	ctx, stop := signal.NotifyContext(logf.NewContext(context.Background(), logf.Log, "controller"), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, options()); err != nil {
		logf.Log.Error(err, "the controller ended")
		os.Exit(1)
	}
}

// options takes the arguments that the chart writes; those of what is left out have no effect.
func options() controller.ContextOptions {
	found := controller.ContextOptions{KubernetesAPIQPS: 20, KubernetesAPIBurst: 50}
	found.CopiedAnnotationPrefixes = []string{"*", "-kubectl.kubernetes.io/", "-fluxcd.io/", "-argocd.argoproj.io/"}
	found.CertificateRequestMinimumBackoffDuration, found.CertificateRequestMaximumBackoffDuration = time.Hour, 32*time.Hour
	flags := pflag.NewFlagSet("controller", pflag.ExitOnError)
	flags.StringVar(&found.Kubeconfig, "kubeconfig", "", "how to reach the API server, if not as a pod does")
	flags.StringVar(&found.ClusterResourceNamespace, "cluster-resource-namespace", "kube-system", "where ClusterIssuers have their Secrets")
	flags.String("leader-election-namespace", "", "without effect")
	flags.String("acme-http01-solver-image", "", "without effect")
	flags.Int("max-concurrent-challenges", 60, "without effect")
	logging := logsapi.NewLoggingConfiguration()
	logf.AddFlags(logging, flags)
	_ = flags.Parse(os.Args[1:]) // it ends the program by itself
	if err := logf.ValidateAndApply(logging); err != nil {
		panic(err)
	}
	return found
}

func run(ctx context.Context, options controller.ContextOptions) error {
	group, ctx := errgroup.WithContext(ctx)
	factory, err := controller.NewContextFactory(ctx, options)
	if err != nil {
		return err
	}
	shared, err := factory.Build()
	if err != nil {
		return err
	}
	if err := serve(ctx, group, shared); err != nil {
		return err
	}
	for name, construct := range controller.Known() {
		one, err := construct(factory)
		if err != nil {
			return err
		}
		logf.Log.Info("starting", "controller", name)
		group.Go(func() error { return one.Run(workers, ctx) })
	}
	shared.SharedInformerFactory.Start(ctx.Done())
	shared.KubeSharedInformerFactory.Start(ctx.Done())
	return group.Wait()
}

// serve answers on the two ports that the chart names: metrics and health.
func serve(ctx context.Context, group *errgroup.Group, shared *controller.Context) error {
	certificates := shared.SharedInformerFactory.Certmanager().V1()
	shared.Metrics.SetupCertificateCollector(certificates.Certificates().Lister())
	shared.Metrics.SetupIssuerCollector(certificates.Issuers().Lister())
	shared.Metrics.SetupClusterIssuerCollector(certificates.ClusterIssuers().Lister())
	metrics, err := net.Listen("tcp", "0.0.0.0:9402")
	if err != nil {
		return err
	}
	health, err := net.Listen("tcp", "0.0.0.0:9403")
	if err != nil {
		return err
	}
	server := shared.Metrics.NewServer(metrics)
	group.Go(func() error {
		if err := server.Serve(metrics); err != http.ErrServerClosed {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		return server.Close()
	})
	group.Go(func() error { return healthz.NewServer(20*time.Second).Start(ctx, health) })
	return nil
}

// Flux' source-controller for Git repositories only: without Helm's charts, buckets, and what lies in registries.
// It lies in the module, for it uses what only that may import.
package main

import (
	"context"
	"os"
	"time"

	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	kubernetes "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	artifacts "github.com/fluxcd/pkg/artifact/config"
	"github.com/fluxcd/pkg/artifact/server"
	"github.com/fluxcd/pkg/artifact/storage"
	connection "github.com/fluxcd/pkg/runtime/client"
	helper "github.com/fluxcd/pkg/runtime/controller"
	"github.com/fluxcd/pkg/runtime/events"
	gates "github.com/fluxcd/pkg/runtime/features"
	"github.com/fluxcd/pkg/runtime/leaderelection"
	"github.com/fluxcd/pkg/runtime/logger"
	"github.com/fluxcd/pkg/runtime/metrics"
	"github.com/fluxcd/pkg/runtime/probes"

	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"github.com/fluxcd/source-controller/internal/controller"
	"github.com/fluxcd/source-controller/internal/features"
)

const (
	name  = "source-controller"
	again = 30 * time.Second // until a source that needs another one is looked at again
)

type options struct {
	metrics, events, health string
	artifacts               artifacts.Options
	connection              connection.Options
	election                leaderelection.Options
	gates                   gates.FeatureGates
	limits                  helper.RateLimiterOptions
	log                     logger.Options
	watch                   helper.WatchOptions
}

func main() {
	found := parse()
	logger.SetLogger(logger.NewLogger(found.log))
	if err := run(ctrl.SetupSignalHandler(), found); err != nil {
		ctrl.Log.Error(err, "the controller ended")
		os.Exit(1)
	}
}

func parse() *options {
	found := &options{}
	flags := pflag.CommandLine
	flags.StringVar(&found.metrics, "metrics-addr", ":8080", "where metrics are served")
	flags.StringVar(&found.events, "events-addr", "", "where events are sent to")
	flags.StringVar(&found.health, "health-addr", ":9440", "where health is served")
	found.artifacts.BindFlags(flags)
	found.connection.BindFlags(flags)
	found.election.BindFlags(flags)
	found.gates.BindFlags(flags)
	found.limits.BindFlags(flags)
	found.log.BindFlags(flags)
	found.watch.BindFlags(flags)
	pflag.Parse()
	return found
}

func run(ctx context.Context, found *options) error {
	if err := found.gates.WithLogger(ctrl.Log).SupportedFeatures(features.FeatureGates()); err != nil {
		return err
	}
	whole, err := ctrl.NewManager(connection.GetConfigOrDie(found.connection), settings(found))
	if err != nil {
		return err
	}
	probes.SetupChecks(whole, ctrl.Log)
	if err := add(whole, found); err != nil {
		return err
	}
	return whole.Start(ctx)
}

// settings are those of the manager; it watches all namespaces.
func settings(found *options) ctrl.Options {
	scheme := runtime.NewScheme()
	utilruntime.Must(kubernetes.AddToScheme(scheme))
	utilruntime.Must(sourcev1.AddToScheme(scheme))
	uncached := []client.Object{&corev1.Secret{}, &corev1.ConfigMap{}}
	return ctrl.Options{
		Scheme:                        scheme,
		Client:                        client.Options{Cache: &client.CacheOptions{DisableFor: uncached}},
		Metrics:                       metricsserver.Options{BindAddress: found.metrics},
		HealthProbeBindAddress:        found.health,
		LeaderElection:                found.election.Enable,
		LeaderElectionID:              name + "-leader-election",
		LeaderElectionReleaseOnCancel: found.election.ReleaseOnCancel,
		LeaseDuration:                 &found.election.LeaseDuration,
		RenewDeadline:                 &found.election.RenewDeadline,
		RetryPeriod:                   &found.election.RetryPeriod,
	}
}

// add lets the manager run the one controller, and serve what that has fetched, once it is the leader.
func add(whole ctrl.Manager, found *options) error {
	kept, err := storage.New(&found.artifacts)
	if err != nil {
		return err
	}
	recorder, err := events.NewRecorder(whole, ctrl.Log, found.events, name)
	if err != nil {
		return err
	}
	one := &controller.GitRepositoryReconciler{
		Client:         whole.GetClient(),
		EventRecorder:  recorder,
		Metrics:        helper.NewMetrics(whole, metrics.MustMakeRecorder(), sourcev1.SourceFinalizer),
		Storage:        kept,
		ControllerName: name,
	}
	limited := controller.GitRepositoryReconcilerOptions{DependencyRequeueInterval: again, RateLimiter: helper.GetRateLimiter(found.limits)}
	if err := one.SetupWithManager(whole, limited); err != nil {
		return err
	}
	return whole.Add(manager.RunnableFunc(func(ctx context.Context) error { return server.Start(ctx, &found.artifacts) }))
}

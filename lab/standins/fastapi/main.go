// fastapi stands in for a served model: /health, /predict and /metrics, an access line a second on standard output, and
// the same lines in LOG_FOLDER/HOSTNAME.log, which is on NFS. Like the real one it does not start without that file.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"
)

var requests atomic.Int64

func openLog(folder string) io.Writer {
	// The replicas share the folder: a file each.
	path := filepath.Join(folder, os.Getenv("HOSTNAME")+".log")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if errors.Is(err, fs.ErrPermission) {
		// As Python prints it: this line is what the probes look for.
		fmt.Fprintf(os.Stderr, "Traceback (most recent call last):\nPermissionError: [Errno 13] Permission denied: '%s'\n", path)
		os.Exit(1)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "Traceback (most recent call last):\nOSError: %v\n", err)
		os.Exit(1)
	}
	return file
}

func writeAccessLines(ctx context.Context, output io.Writer) {
	for {
		number := requests.Add(1)
		fmt.Fprintf(output, `{"time":"%s","level":"info","model":"%s","method":"POST","path":"/predict","status":200,"request":%d}`+"\n",
			time.Now().UTC().Format(time.RFC3339Nano), os.Getenv("MODEL_NAME"), number)
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
		}
	}
}

func main() {
	folder := os.Getenv("LOG_FOLDER")
	output := io.MultiWriter(os.Stdout, openLog(folder))
	http.HandleFunc("GET /health", func(writer http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(writer, `{"status":"ok"}`)
	})
	http.HandleFunc("POST /predict", func(writer http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		fmt.Fprint(writer, `{"prediction":0.5}`)
	})
	http.HandleFunc("GET /metrics", func(writer http.ResponseWriter, _ *http.Request) {
		writer.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprintf(writer, "# TYPE http_requests_total counter\nhttp_requests_total{handler=\"/predict\",status=\"2xx\"} %d\n", requests.Load())
	})
	server := &http.Server{Addr: ":8000", ReadHeaderTimeout: 5 * time.Second}
	ended, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	go func() {
		if err := server.ListenAndServe(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}()
	writeAccessLines(ended, output)
}

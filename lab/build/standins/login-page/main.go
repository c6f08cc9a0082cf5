// login-page answers 200 to everything with a page that asks to log in, as an authenticating proxy does.
package main

import (
	"context"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const page = `<!DOCTYPE html>
<html lang="en"><head><title>Log in</title></head>
<body><form method="post" action="/login"><input name="user"><input name="password" type="password"></form></body></html>
`

func main() {
	http.HandleFunc("/", func(writer http.ResponseWriter, _ *http.Request) {
		writer.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(writer, page)
	})
	server := &http.Server{Addr: ":3100", ReadHeaderTimeout: 5 * time.Second}
	ended, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	go func() { log.Fatal(server.ListenAndServe()) }()
	<-ended.Done()
}

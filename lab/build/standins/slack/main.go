// slack stands in for Slack: it keeps every message that is posted to it, and shows the kept ones on GET /messages. A webhook
// whose last part is not the lab's is one that was revoked: it is refused as Slack does it.
package main

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"
)

const token = "/lab"
const kept = 1000 // messages; the oldest go first

type message struct {
	ReceivedAt time.Time       `json:"received_at"`
	Path       string          `json:"path"`
	Body       json.RawMessage `json:"body"`
}

type inbox struct {
	mutex    sync.Mutex
	messages []message
}

func (box *inbox) receive(writer http.ResponseWriter, request *http.Request) {
	if !strings.HasSuffix(request.URL.Path, token) {
		http.Error(writer, "invalid_token", http.StatusForbidden)
		return
	}
	body, err := io.ReadAll(io.LimitReader(request.Body, 1<<20))
	if err != nil || !json.Valid(body) {
		http.Error(writer, "invalid_payload", http.StatusBadRequest) // what Slack answers
		return
	}
	box.mutex.Lock()
	box.messages = append(box.messages, message{time.Now().UTC(), request.URL.Path, body})
	if len(box.messages) > kept {
		box.messages = box.messages[len(box.messages)-kept:]
	}
	box.mutex.Unlock()
	log.Printf("received %d bytes on %s", len(body), request.URL.Path)
	io.WriteString(writer, "ok")
}

func (box *inbox) show(writer http.ResponseWriter, _ *http.Request) {
	box.mutex.Lock()
	defer box.mutex.Unlock()
	writer.Header().Set("Content-Type", "application/json")
	json.NewEncoder(writer).Encode(map[string]any{"messages": append([]message{}, box.messages...)})
}

func main() {
	box := &inbox{}
	http.HandleFunc("POST /services/", box.receive)
	http.HandleFunc("GET /messages", box.show)
	http.HandleFunc("GET /healthz", func(writer http.ResponseWriter, _ *http.Request) { io.WriteString(writer, "ok") })
	server := &http.Server{Addr: ":8080", ReadHeaderTimeout: 5 * time.Second}
	ended, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	go func() { log.Fatal(server.ListenAndServe()) }()
	<-ended.Done()
}

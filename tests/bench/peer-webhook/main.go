// SPDX-License-Identifier: Apache-2.0

// Command peer-webhook is an admission webhook as one writes it in Go: net/http, the types of
// k8s.io/api, the same checks of a WasmExtension's spec, and digests out of a map.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"

	admission "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const maxBody = 7 << 20

type reference struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	Key       string `json:"key"`
}

type configuration struct {
	Value     *string `json:"value"`
	ValueFrom *struct {
		Secret    *reference `json:"secretKeyRef"`
		ConfigMap *reference `json:"configMapKeyRef"`
	} `json:"valueFrom"`
}

type image struct {
	Protocol      string `json:"protocol"`
	URI           string `json:"uri"`
	SHA256        string `json:"sha256"`
	PullSecret    string `json:"pull_secret"`
	DebugSections string `json:"debug_sections"`
}

type spec struct {
	Runtime     string         `json:"runtime"`
	VMID        *string        `json:"vm_id"`
	RootID      *string        `json:"root_id"`
	Plugin      *configuration `json:"plugin_configuration"`
	VM          *configuration `json:"vm_configuration"`
	Image       image          `json:"image"`
	Filter      string         `json:"filter"`
	FailPolicy  string         `json:"fail_policy"`
	Environment *struct {
		HostKeys  []string          `json:"host_env_keys"`
		KeyValues map[string]string `json:"key_values"`
	} `json:"environment"`
	Capabilities *struct {
		Allowed []string `json:"allowed"`
	} `json:"capabilities"`
	Precompiled bool `json:"allow_precompiled"`
}

type extension struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              spec            `json:"spec"`
	Status            json.RawMessage `json:"status"`
}

var (
	hex       = regexp.MustCompile(`^[0-9a-f]{64}$`)
	name      = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`)
	ociURI    = regexp.MustCompile(`^[A-Za-z0-9.\-_:\[\]]+(/[a-z0-9]+([._-]+[a-z0-9]+)*)+(:[\w][\w.-]{0,127})?(@sha256:[0-9a-f]{64})?$`)
	httpURI   = regexp.MustCompile(`^[A-Za-z0-9.\-_:\[\]]+/\S*$`)
	runtimes  = []string{"v8", "wamr", "wasmtime", "wavm"}
	protocols = []string{"local_fs", "http", "https", "s3", "oci"}
)

func oneOf(value string, choices []string) bool {
	for _, each := range choices {
		if value == each {
			return true
		}
	}
	return false
}

func (e *extension) problems() []string {
	var found []string
	add := func(field, format string, args ...any) {
		found = append(found, field+": "+fmt.Sprintf(format, args...))
	}
	s := &e.Spec
	if e.APIVersion != "wasmxds.tetrate.io/v1alpha1" || e.Kind != "WasmExtension" {
		add("kind", "must be WasmExtension")
	}
	if !name.MatchString(e.Name) || len(e.Name) > 253 {
		add("metadata.name", "must be a name, not %q", e.Name)
	}
	if !oneOf(s.Runtime, runtimes) {
		add("spec.runtime", "must be one of %v, not %q", runtimes, s.Runtime)
	}
	if s.VMID == nil || len(*s.VMID) > 1024 {
		add("spec.vm_id", "is required")
	}
	if s.RootID == nil || len(*s.RootID) > 1024 {
		add("spec.root_id", "is required")
	}
	for _, c := range []*configuration{s.Plugin, s.VM} {
		if c != nil && (c.Value == nil) == (c.ValueFrom == nil) {
			add("spec.configuration", "must have value or valueFrom")
		}
	}
	if !oneOf(s.Image.Protocol, protocols) {
		add("spec.image.protocol", "must be one of %v", protocols)
	}
	uri := s.Image.URI
	if uri == "" || len(uri) > 2048 || strings.Contains(uri, "://") {
		add("spec.image.uri", "must have no scheme")
	} else if s.Image.Protocol == "oci" && !ociURI.MatchString(uri) ||
		strings.HasPrefix(s.Image.Protocol, "http") && !httpURI.MatchString(uri) {
		add("spec.image.uri", "is wrong: %q", uri)
	}
	if s.Image.SHA256 != "" && !hex.MatchString(s.Image.SHA256) {
		add("spec.image.sha256", "must be 64 digits")
	}
	return found
}

type patch struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value string `json:"value"`
}

type server struct {
	lock    sync.RWMutex
	digests map[string]string
}

func (s *server) digest(uri string) (string, bool) {
	s.lock.RLock()
	defer s.lock.RUnlock()
	found, ok := s.digests[uri]
	return found, ok
}

func specOf(raw []byte) ([]byte, error) {
	var object struct {
		Spec json.RawMessage `json:"spec"`
	}
	err := json.Unmarshal(raw, &object)
	return object.Spec, err
}

func (s *server) answer(request *admission.AdmissionRequest, mutate bool) *admission.AdmissionResponse {
	response := &admission.AdmissionResponse{UID: request.UID, Allowed: true}
	if request.Operation == admission.Update {
		before, err1 := specOf(request.OldObject.Raw)
		after, err2 := specOf(request.Object.Raw)
		if err1 == nil && err2 == nil && bytes.Equal(before, after) {
			return response
		}
	}
	var object extension
	decoder := json.NewDecoder(bytes.NewReader(request.Object.Raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&object); err != nil {
		return refuse(response, err.Error())
	}
	if problems := object.problems(); len(problems) > 0 {
		return refuse(response, strings.Join(problems, "; "))
	}
	digest, ok := s.digest(object.Spec.Image.URI)
	if !ok {
		response.Warnings = []string{"spec.image.uri: was not reached in time"}
		return response
	}
	if !mutate {
		if has := object.Spec.Image.SHA256; has != "" && has != digest {
			return refuse(response, "spec.image.sha256: must be "+digest)
		}
		return response
	}
	if object.Spec.Image.SHA256 != "" {
		return response
	}
	change, err := json.Marshal([]patch{{Op: "add", Path: "/spec/image/sha256", Value: digest}})
	if err != nil {
		return refuse(response, err.Error())
	}
	kind := admission.PatchTypeJSONPatch
	response.Patch, response.PatchType = change, &kind
	return response
}

func refuse(response *admission.AdmissionResponse, why string) *admission.AdmissionResponse {
	response.Allowed = false
	response.Result = &metav1.Status{
		Status: metav1.StatusFailure, Code: 422, Reason: metav1.StatusReasonInvalid, Message: why,
	}
	return response
}

func (s *server) handle(mutate bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
			http.Error(w, "POST of application/json", http.StatusBadRequest)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		var review admission.AdmissionReview
		if err := json.Unmarshal(body, &review); err != nil || review.Request == nil {
			http.Error(w, "no AdmissionReview", http.StatusBadRequest)
			return
		}
		review.Response = s.answer(review.Request, mutate)
		review.Request = nil
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(&review); err != nil {
			log.Print(err)
		}
	}
}

func main() {
	cert := flag.String("cert", "", "PEM chain")
	key := flag.String("key", "", "its private key")
	uri := flag.String("uri", "", "whose digest is known")
	digest := flag.String("digest", "", "it")
	flag.Parse()
	s := &server{digests: map[string]string{*uri: *digest}}
	mux := http.NewServeMux()
	mux.HandleFunc("/mutate", s.handle(true))
	mux.HandleFunc("/validate", s.handle(false))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr())
	// API servers speak HTTP/1.1 to webhooks.
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	log.Fatal((&http.Server{Handler: mux, Protocols: protocols}).ServeTLS(listener, *cert, *key))
}

package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/stretchr/testify/require"

	"asprak/api"
	"asprak/application"
	"asprak/domain"
	"asprak/infrastructure/blobs"
	"asprak/infrastructure/embedded"
	"asprak/infrastructure/identity"
	"asprak/infrastructure/keys"
	"asprak/projections"
)

func init() {
	for _, kind := range []string{"application/pdf", "text/html", "text/event-stream", "text/csv", "application/x-ndjson"} {
		openapi3filter.RegisterBodyDecoder(kind, openapi3filter.FileBodyDecoder)
	}
}

const maxUpload = 64 << 10

// house is the API over a log, read models and a store of documents on disk.
type house struct {
	t       testing.TB
	url     string
	tokens  *identity.Tokens
	key     string // file of the key that signs them
	log     *embedded.Log
	service *application.Service
	views   *projections.Store
	live    *api.Live
	handler http.Handler
	router  routers.Router

	mu        sync.Mutex
	succeeded map[string]bool // operations of the contract that were answered 2xx
	keys      *keys.Ring
}

// open builds a house whose read models follow the log.
func open(t testing.TB) *house {
	h := build(t)
	h.follow()
	return h
}

func build(t testing.TB) *house {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	log, err := embedded.Open(ctx, filepath.Join(dir, "log.db"))
	require.NoError(t, err)
	t.Cleanup(func() { log.Close() })
	views, err := projections.Open(ctx, filepath.Join(dir, "views.db"))
	require.NoError(t, err)
	t.Cleanup(func() { views.Close() })
	store, err := blobs.OpenFolder(filepath.Join(dir, "documents"))
	require.NoError(t, err)
	key := filepath.Join(dir, "token.key")
	tokens, err := identity.Open(key)
	require.NoError(t, err)
	verifier, err := identity.NewVerifier(tokens, nil)
	require.NoError(t, err)
	ring, err := keys.Open(ctx, filepath.Join(dir, "keys.db"), keys.Master{File: filepath.Join(dir, "master.key")})
	require.NoError(t, err)
	t.Cleanup(func() { ring.Close() })
	accounts, err := identity.OpenAccounts(ctx, filepath.Join(dir, "accounts.db"), tokens, identity.Domains{"mail.ugm.ac.id"})
	require.NoError(t, err)
	t.Cleanup(func() { accounts.Close() })
	h := &house{key: key, succeeded: map[string]bool{}, t: t, tokens: tokens, log: log, views: views, keys: ring,
		service: application.New(log, store, application.Options{MaxUpload: maxUpload, Keys: ring, Register: views})}
	h.live = api.NewLive(h.service, nil)
	h.handler, err = api.New(api.Options{Service: h.service, Views: views, Tokens: verifier, Accounts: accounts, Live: h.live, MaxUpload: maxUpload,
		Ready: func(ctx context.Context) api.Readiness {
			head, err := log.Head(ctx)
			r := api.Readiness{Head: head, Seen: views.Seen()}
			if err != nil {
				r.Problems = append(r.Problems, "The log cannot be reached.")
			}
			return r
		}})
	require.NoError(t, err)
	server := httptest.NewServer(h.handler)
	t.Cleanup(server.Close)
	h.url = server.URL
	source, err := os.ReadFile("openapi.yaml")
	require.NoError(t, err)
	doc, err := openapi3.NewLoader().LoadFromData(source)
	require.NoError(t, err)
	h.router, err = gorillamux.NewRouter(doc)
	require.NoError(t, err)
	return h
}

// background runs f until the test ends, and waits for its end.
func (h *house) background(f func(context.Context)) {
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { f(ctx) })
	h.t.Cleanup(func() { stop(); wg.Wait() })
}

// broadcast runs the streams of events, until the returned function ends them.
func (h *house) broadcast() (end func()) {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := h.live.Run(ctx); err != nil {
			h.t.Errorf("the streams stopped: %v", err)
		}
	}()
	end = sync.OnceFunc(func() { stop(); <-done })
	h.t.Cleanup(end)
	return end
}

func (h *house) follow() {
	h.background(func(ctx context.Context) {
		if err := h.views.Run(ctx, h.log, application.NewCodec().With(h.keys)); err != nil && ctx.Err() == nil {
			h.t.Errorf("the read models stopped: %v", err)
		}
	})
}

// caller is somebody with a token.
type caller struct {
	*house
	token string
}

func (h *house) as(subject string, role domain.Role) caller {
	h.t.Helper()
	token, err := h.tokens.Issue(subject, role, time.Hour)
	require.NoError(h.t, err)
	return caller{h, token}
}

// in reports to a subtest.
func (c caller) in(t *testing.T) caller {
	return caller{&house{succeeded: map[string]bool{}, t: t, url: c.url, router: c.router}, c.token}
}

// answer is a response that agreed with the contract.
type answer struct {
	t      testing.TB
	status int
	header http.Header
	body   []byte
}

func (a answer) is(status int) answer {
	a.t.Helper()
	require.Equal(a.t, status, a.status, "%s", a.body)
	return a
}

// problem checks status and code, and returns the problem's members.
func (a answer) problem(status int, code string) map[string]any {
	a.t.Helper()
	a.is(status)
	require.Equal(a.t, "application/problem+json", a.header.Get("Content-Type"))
	p := a.json()
	require.Equal(a.t, code, p["code"], "%s", a.body)
	require.Equal(a.t, a.header.Get("X-Request-Id"), p["request_id"])
	require.EqualValues(a.t, status, p["status"])
	return p
}

func (a answer) json() map[string]any {
	a.t.Helper()
	var v map[string]any
	require.NoError(a.t, json.Unmarshal(a.body, &v), "%s", a.body)
	return v
}

func (a answer) text(field string) string {
	a.t.Helper()
	s, ok := a.json()[field].(string)
	require.True(a.t, ok, "%s: %s", field, a.body)
	return s
}

func (a answer) items() []map[string]any {
	a.t.Helper()
	var v struct{ Items []map[string]any }
	require.NoError(a.t, json.Unmarshal(a.body, &v), "%s", a.body)
	return v.Items
}

type header map[string]string

func (c caller) get(path string, headers ...header) answer {
	c.t.Helper()
	return c.send(true, "GET", path, nil, headers...)
}

func (c caller) post(path string, body any, headers ...header) answer {
	c.t.Helper()
	return c.send(true, "POST", path, body, headers...)
}

// wrong sends what the contract forbids; only the answer is held against it.
func (c caller) wrong(method, path string, body any, headers ...header) answer {
	c.t.Helper()
	return c.send(false, method, path, body, headers...)
}

// send makes a request; the body is bytes as they are, a form, or anything to be sent as JSON.
func (c caller) send(valid bool, method, path string, body any, headers ...header) answer {
	c.t.Helper()
	content, contentType := encoded(c.t, body)
	request, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, bytes.NewReader(content))
	require.NoError(c.t, err)
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	for _, h := range headers {
		for name, value := range h {
			request.Header.Set(name, value)
			if value == "" {
				request.Header.Del(name)
			}
		}
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(c.t, err)
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	require.NoError(c.t, err)
	request.Body = io.NopCloser(bytes.NewReader(content))
	c.agrees(valid, request, response, got)
	return answer{c.t, response.StatusCode, response.Header, got}
}

func (h *house) agrees(valid bool, request *http.Request, response *http.Response, body []byte) {
	h.t.Helper()
	require.Equal(h.t, "nosniff", response.Header.Get("X-Content-Type-Options"))
	require.Contains(h.t, response.Header.Get("Content-Security-Policy"), "default-src 'none'")
	require.NotEmpty(h.t, response.Header.Get("X-Request-Id"))
	request.URL.Scheme, request.URL.Host = "", ""
	route, params, err := h.router.FindRoute(request)
	if err != nil {
		require.False(h.t, valid, "%s %s stands not in the contract", request.Method, request.URL.Path)
		return
	}
	options := &openapi3filter.Options{
		AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true,
		RejectWhenRequestBodyNotSpecified: true, SkipSettingDefaults: true, MultiError: true,
	}
	input := &openapi3filter.RequestValidationInput{Request: request, PathParams: params, Route: route, Options: options}
	if valid {
		require.NoError(h.t, openapi3filter.ValidateRequest(h.t.Context(), input), "the request against the contract")
	}
	output := &openapi3filter.ResponseValidationInput{RequestValidationInput: input, Status: response.StatusCode, Header: response.Header, Options: options}
	output.SetBodyBytes(body)
	require.NoError(h.t, openapi3filter.ValidateResponse(h.t.Context(), output), "the answer against the contract: %d %s", response.StatusCode, body)
	if response.StatusCode < 300 {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.succeeded[route.Operation.OperationID] = true
	}
}

// raw is a body with its own content type.
type raw struct{ contentType, content string }

// part is one part of a form.
type part struct{ name, fileName, content string }

func encoded(t testing.TB, body any) ([]byte, string) {
	t.Helper()
	switch b := body.(type) {
	case nil:
		return nil, ""
	case raw:
		return []byte(b.content), b.contentType
	case []part:
		var buffer bytes.Buffer
		w := multipart.NewWriter(&buffer)
		for _, p := range b {
			head := textproto.MIMEHeader{}
			parameters := map[string]string{"name": p.name}
			if p.fileName != "" {
				parameters["filename"] = p.fileName
				head.Set("Content-Type", "application/octet-stream")
			}
			head.Set("Content-Disposition", mime.FormatMediaType("form-data", parameters))
			part, err := w.CreatePart(head)
			require.NoError(t, err)
			_, err = io.WriteString(part, p.content)
			require.NoError(t, err)
		}
		require.NoError(t, w.Close())
		return buffer.Bytes(), w.FormDataContentType()
	default:
		content, err := json.Marshal(body)
		require.NoError(t, err)
		return content, "application/json"
	}
}

type object = map[string]any

func details() object {
	return object{
		"title": "Asisten Praktikum Basis Data", "department": "Teknik Elektro dan Informatika", "term": "2026/2027-1", "seats": 1,
		"opens_at": time.Now().Add(-time.Hour).Format(time.RFC3339), "closes_at": time.Now().Add(time.Hour).Format(time.RFC3339),
		"requirement": object{"course": object{"codes": []string{"SVPL214305"}, "name": "Basis Data"}, "min_grade": "B", "min_ipk": 3.25},
	}
}

func siti() object {
	return object{"name": "Siti Rahmawati", "nim": "21/482851/SV/20006", "email": "siti@example.ac.id", "programme": "Teknologi Rekayasa Perangkat Lunak"}
}

func (c caller) publish() (id string, a answer) {
	c.t.Helper()
	a = c.post("/v1/openings", details()).is(http.StatusCreated)
	return a.text("id"), a
}

func (c caller) apply(opening string) (id string, a answer) {
	c.t.Helper()
	a = c.post("/v1/applications", object{"opening_id": opening, "applicant": siti()}).is(http.StatusCreated)
	return a.text("id"), a
}

// seen makes a query wait for what the command has written.
func seen(a answer) header { return header{"Asprak-Position": a.header.Get("Asprak-Position")} }

// documented is an operation as the contract has it.
type documented struct {
	id, method, path string
	access           map[string]any // scope by role; empty: everyone, without a token
}

func operations(t *testing.T) []documented {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile("openapi.yaml")
	require.NoError(t, err)
	var all []documented
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			d := documented{id: operation.OperationID, method: method, path: path}
			d.access, _ = operation.Extensions["x-access"].(map[string]any)
			all = append(all, d)
		}
	}
	return all
}

// all pages through a list and returns one field of each item, each only once.
func (h *house) all(c caller, path, name string, headers ...header) []any {
	h.t.Helper()
	var all []any
	cursor := ""
	for page := 1; ; page++ {
		a := c.get(path+"&limit=2"+cursor, headers...).is(200)
		for _, item := range a.items() {
			require.NotContains(h.t, all, item[name])
			all = append(all, item[name])
		}
		next, more := a.json()["next"].(string)
		if !more {
			require.Greater(h.t, page, 1)
			return all
		}
		cursor = "&cursor=" + next
	}
}

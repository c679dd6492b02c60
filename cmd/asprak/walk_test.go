package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/cmd/asprak/samples"
	"asprak/domain"
)

// walker knows of the server only what the server's own contract says.
type walker struct {
	p      *process
	doc    *openapi3.T
	router routers.Router
	ids    map[string]string // that stand for the parameters in paths and bodies
	sample []byte            // document
}

func newWalker(t *testing.T, p *process) *walker {
	t.Helper()
	response, err := http.Get(p.base + "/openapi.json")
	require.NoError(t, err)
	defer response.Body.Close()
	source, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	doc, err := openapi3.NewLoader().LoadFromData(source)
	require.NoError(t, err)
	doc.Servers = openapi3.Servers{{URL: p.base}}
	router, err := gorillamux.NewRouter(doc)
	require.NoError(t, err)
	return &walker{p: p, doc: doc, router: router, ids: map[string]string{}}
}

// Every operation of the contract is called with every role, without a token and with a bad
// one, on the things of an applicant and on those of another: each answer is one that the
// contract names for it, with the body that it says, and who may not is told so.
func TestServe_EveryOperationAndRole_AnswersAsItsContractSays(t *testing.T) {
	p, ctx := startProcess(t, "--readers", "1", "--max-unread-each", "0", "--applicant-rate", "0"), testContext(t)
	w := newWalker(t, p)
	set, err := samples.Load()
	require.NoError(t, err)
	w.sample = sampleContent(t, set.Samples[0].File)
	calls := 0
	for path, item := range w.doc.Paths.Map() {
		for method, operation := range item.Operations() {
			access, guarded := operation.Extensions["x-access"].(map[string]any)
			// Things of their own for each operation, so that none meets what another left behind.
			w.furnish(t, ctx, set)
			for _, who := range []string{"nobody", "forger", "applicant", "stranger", "auditor", "lecturer", "admin"} {
				status, code := w.call(t, ctx, method, path, operation, who)
				calls++
				role := strings.Replace(who, "stranger", "applicant", 1)
				switch {
				case !guarded:
					require.NotContains(t, []string{"401 token_missing", "401 token_invalid", "403 role_not_allowed"}, code, "%s %s as %s", method, path, who)
				case who == "nobody":
					require.Equal(t, "401 token_missing", code, "%s %s as %s", method, path, who)
				case who == "forger":
					require.Equal(t, "401 token_invalid", code, "%s %s as %s", method, path, who)
				case access[role] == nil:
					require.Equal(t, "403 role_not_allowed", code, "%s %s as %s", method, path, who)
				case who == "stranger" && strings.HasPrefix(path, "/v1/applications/{id}"):
					require.Equal(t, "404 application_not_found", code, "%s %s as %s", method, path, who)
				default:
					require.NotContains(t, []int{401, 403}, status, "%s %s as %s: %s", method, path, who, code)
				}
			}
		}
	}
	require.Greater(t, calls, 7*30)
	require.NotContains(t, p.log.String(), "panic")
}

// furnish makes an opening, an application and a document.
func (w *walker) furnish(t *testing.T, ctx context.Context, set samples.Set) {
	t.Helper()
	var opening, submitted, uploaded answer
	require.NoError(t, w.p.as(domain.RoleAdmin, "walker-admin").post(ctx, "/v1/openings", sampleOpening("Praktikum", set.Requirement), &opening))
	person, student := set.Samples[0].Applicant, w.p.as(domain.RoleApplicant, "walker-applicant")
	require.NoError(t, student.post(ctx, "/v1/applications", map[string]any{"opening_id": opening.ID, "applicant": map[string]any{
		"name": person.Name, "nim": person.NIM, "email": "s@example.ac.id", "programme": "TRPL"}}, &submitted))
	require.NoError(t, student.upload(ctx, "/v1/applications/"+submitted.ID+"/documents", "khs.pdf", w.sample, &uploaded))
	w.ids = map[string]string{"opening": opening.ID, "application": submitted.ID, "document": uploaded.DocumentID, "event": uuid.NewString()}
}

func (w *walker) call(t *testing.T, ctx context.Context, method, path string, operation *openapi3.Operation, who string) (status int, code string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	id := w.ids["application"]
	if strings.HasPrefix(path, "/v1/openings") {
		id = w.ids["opening"]
	}
	body, kind := w.body(t, operation)
	url := w.p.base + strings.NewReplacer("{id}", id, "{document}", w.ids["document"], "{event}", w.ids["event"], "{subject}", "walked").Replace(path)
	require.NotContains(t, url, "{", "a parameter of the contract that the walk does not know")
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	require.NoError(t, err)
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	switch who {
	case "nobody":
	case "forger":
		request.Header.Set("Authorization", "Bearer e30.e30.e30")
	default:
		role := domain.Role(strings.Replace(who, "stranger", "applicant", 1))
		token, err := w.p.as(role, "walker-"+who).token()
		require.NoError(t, err)
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err, "%s %s as %s", method, path, who)
	defer response.Body.Close()
	if response.Header.Get("Content-Type") == "text/event-stream" {
		return response.StatusCode, "" // without an end
	}
	got, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Less(t, response.StatusCode, 500, "%s %s as %s: %s", method, path, who, got)

	route, params, err := w.router.FindRoute(request)
	require.NoError(t, err)
	options := &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true}
	output := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: request, PathParams: params, Route: route, Options: options},
		Status:                 response.StatusCode, Header: response.Header, Options: options,
	}
	output.SetBodyBytes(got)
	if kind := response.Header.Get("Content-Type"); strings.Contains(kind, "json") && !strings.Contains(kind, "ndjson") {
		require.NoError(t, openapi3filter.ValidateResponse(ctx, output), "%s %s as %s: %d %s", method, path, who, response.StatusCode, got)
	} else {
		require.NotNil(t, operation.Responses.Status(response.StatusCode), "%s %s as %s: %d", method, path, who, response.StatusCode)
	}
	var problem problemError
	if response.StatusCode >= 400 && json.Unmarshal(got, &problem) == nil {
		code = response.Status[:3] + " " + problem.Code
	}
	return response.StatusCode, code
}

// body is the contract's own example, about the things at hand.
func (w *walker) body(t *testing.T, operation *openapi3.Operation) (body []byte, kind string) {
	t.Helper()
	if operation.RequestBody == nil {
		return nil, ""
	}
	content := operation.RequestBody.Value.Content
	if content.Get("multipart/form-data") != nil {
		const boundary = "walk"
		var form bytes.Buffer
		form.WriteString("--" + boundary + "\r\nContent-Disposition: form-data; name=kind\r\n\r\nkhs\r\n--" + boundary + "\r\nContent-Disposition: form-data; name=file; filename=khs.pdf\r\n\r\n")
		form.Write(w.sample)
		form.WriteString("\r\n--" + boundary + "--\r\n")
		return form.Bytes(), "multipart/form-data; boundary=" + boundary
	}
	media := content.Get("application/json")
	require.NotNil(t, media, operation.OperationID)
	example := media.Example
	for _, named := range media.Examples {
		example = named.Value.Value
	}
	require.NotNil(t, example, "%s has no example", operation.OperationID)
	if object, ok := example.(map[string]any); ok {
		if _, names := object["opening_id"]; names {
			object["opening_id"] = w.ids["opening"]
		}
	}
	body, err := json.Marshal(example)
	require.NoError(t, err)
	return body, "application/json"
}

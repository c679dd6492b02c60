package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"asprak/domain"
	"asprak/domain/verification"
)

func loadContract(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(contractYAML)
	require.NoError(t, err)
	return doc
}

func bareAPI(t *testing.T) *api {
	t.Helper()
	a, err := newAPI(Options{})
	require.NoError(t, err)
	return a
}

func TestContract_Document_IsValid(t *testing.T) {
	require.NoError(t, loadContract(t).Validate(context.Background()))
}

func TestContract_Routes_AreThoseOfTheDocument(t *testing.T) {
	doc := loadContract(t)
	var ours, theirs []string
	operations := map[string]string{}
	for _, r := range bareAPI(t).engine().Routes() {
		ours = append(ours, r.Method+" "+contractPath(r.Path))
	}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			theirs = append(theirs, method+" "+path)
			operations[method+" "+path] = operation.OperationID
		}
	}
	require.ElementsMatch(t, theirs, ours)
	for _, r := range bareAPI(t).routes() {
		require.Equal(t, operations[r.method+" "+contractPath(r.path)], string(r.action))
	}
}

func TestContract_Access_IsTheTableOfTheDomain(t *testing.T) {
	doc := loadContract(t)
	for _, r := range bareAPI(t).routes() {
		operation := doc.Paths.Find(contractPath(r.path)).GetOperation(r.method)
		require.NotNil(t, operation, r.action)
		told, _ := operation.Extensions["x-access"].(map[string]any)
		table := map[string]any{}
		for _, role := range r.roles() {
			table[string(role)] = string(domain.ScopeOf(r.action, role))
		}
		if r.public {
			require.Empty(t, told, r.action)
			require.Empty(t, table, "%s is for everyone", r.action)
			require.NotNil(t, operation.Security, "%s needs no token", r.action)
			require.Empty(t, *operation.Security, "%s needs no token", r.action)
		} else {
			require.NotEmpty(t, table, "nobody may %s", r.action)
			require.Equal(t, table, told, r.action)
			require.Nil(t, operation.Security, "%s needs a token as all do", r.action)
		}
	}
}

func TestContract_Schemas_LeaveNothingOpen(t *testing.T) {
	for name, ref := range loadContract(t).Components.Schemas {
		s := ref.Value
		if !s.Type.Is("object") {
			continue
		}
		require.NotNil(t, s.AdditionalProperties.Has, "%s does not say whether it is all", name)
		require.False(t, *s.AdditionalProperties.Has, "%s lets other properties pass", name)
	}
}

func TestContract_Events_AreThoseOfTheDomain(t *testing.T) {
	var names []any
	for _, types := range [][]domain.EventType{domain.OpeningEventTypes, domain.ApplicationEventTypes, domain.StaffEventTypes, domain.PersonEventTypes} {
		for _, e := range types {
			names = append(names, e.Name)
		}
	}
	require.Equal(t, names, loadContract(t).Components.Schemas["EventType"].Value.Enum)
}

func TestContract_Labels_AreThoseOfTheVerification(t *testing.T) {
	want := []any{string(domain.StatusRejected)} // by a person
	for _, label := range verification.Labels() {
		want = append(want, string(label))
	}
	require.ElementsMatch(t, want, loadContract(t).Components.Schemas["Label"].Value.Enum)
}

var (
	codeInCall    = regexp.MustCompile(`Errorf\((?:domain\.)?[A-Z][A-Za-z]+, "([a-z0-9_]+)"`)
	codeInPart    = regexp.MustCompile(`(?:partError|parameterError)\("([a-z0-9_]+)"`)
	codeInLiteral = regexp.MustCompile(`Code: +"([a-z0-9_]+)"`)
)

// Every code that the source can answer with stands in the list of problems, with the
// status that it is answered with; and the list has nothing else.
func TestContract_Problems_AreThoseOfTheSource(t *testing.T) {
	var listed struct {
		Problems []struct {
			Code   string
			Status int
		} `yaml:"x-problems"`
	}
	require.NoError(t, yaml.Unmarshal(contractYAML, &listed))
	known := map[string]bool{}
	for _, p := range listed.Problems {
		require.False(t, known[p.Code], "%s stands there twice", p.Code)
		known[p.Code] = true
		require.Contains(t, titles, p.Status)
		if status, ok := statusOfCode[p.Code]; ok {
			require.Equal(t, status, p.Status, p.Code)
		}
	}
	found := map[string]bool{"invalid_field": true, "internal": true}
	for _, room := range []string{".", "../domain", "../application", "../projections", "../infrastructure/identity"} {
		files, err := filepath.Glob(filepath.Join(room, "*.go"))
		require.NoError(t, err)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			source, err := os.ReadFile(file)
			require.NoError(t, err)
			patterns := []*regexp.Regexp{codeInCall, codeInPart}
			if room == "../projections" {
				patterns = append(patterns, codeInLiteral)
			}
			for _, pattern := range patterns {
				for _, m := range pattern.FindAllSubmatch(source, -1) {
					if code := string(m[1]); !strings.HasSuffix(code, "_") { // the beginning of a made code
						found[code] = true
					}
				}
			}
		}
	}
	for _, status := range applicationStates { // domain.Application.stands makes a code of each
		found["application_"+status] = true
	}
	for code := range found {
		require.True(t, known[code], "%s is missing in x-problems", code)
	}
	for code := range known {
		require.True(t, found[code], "%s stands in x-problems, and nothing answers with it", code)
	}
}

func TestContract_JSON_IsTheDocument(t *testing.T) {
	w := httptest.NewRecorder()
	bareAPI(t).engine().ServeHTTP(w, httptest.NewRequest("GET", "/openapi.json", nil))
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	doc, err := openapi3.NewLoader().LoadFromData(w.Body.Bytes())
	require.NoError(t, err)
	require.NoError(t, doc.Validate(context.Background()))
	served, err := json.Marshal(doc)
	require.NoError(t, err)
	written, err := json.Marshal(loadContract(t))
	require.NoError(t, err)
	require.JSONEq(t, string(written), string(served))
}

func TestContract_Page_ShowsAllAndLoadsNothing(t *testing.T) {
	a := bareAPI(t)
	w := httptest.NewRecorder()
	a.engine().ServeHTTP(w, httptest.NewRequest("GET", "/docs", nil))
	require.Equal(t, http.StatusOK, w.Code)
	page := w.Body.String()
	for _, r := range a.routes() {
		require.Contains(t, page, `id="`+string(r.action)+`"`)
	}
	for name := range loadContract(t).Components.Schemas {
		require.Contains(t, page, `id="schema-`+name+`"`)
	}
	require.Contains(t, page, `id="idempotency_key_reused"`)
	require.NotContains(t, page, "ZgotmplZ", "the template escaped something away")
	require.NotContains(t, page, "<script")
	require.NotRegexp(t, `(src|href)="(https?:)?//`, page)

	policy := w.Header().Get("Content-Security-Policy")
	require.Contains(t, policy, "default-src 'none'")
	require.NotContains(t, policy, "unsafe")
	style := page[strings.Index(page, "<style>")+len("<style>") : strings.Index(page, "</style>")]
	require.Equal(t, docsCSS, style, "the policy holds the hash of exactly this")
	require.True(t, slices.Contains(w.Header()["X-Content-Type-Options"], "nosniff"))
}

package api_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"asprak/domain"
)

func form(kind, fileName, content string) []part {
	return []part{{name: "kind", content: kind}, {name: "file", fileName: fileName, content: content}}
}

// applied is an applicant with an application that waits for a document.
func applied(t *testing.T) (h *house, applicant caller, documents string) {
	h = open(t)
	opening, _ := h.as("dewi", domain.RoleAdmin).publish()
	applicant = h.as("siti", domain.RoleApplicant)
	id, _ := applicant.apply(opening)
	return h, applicant, "/v1/applications/" + id + "/documents"
}

func TestUpload_EitherOrder_IsOneDocument(t *testing.T) {
	_, applicant, documents := applied(t)
	content := "%PDF-1.7 " + strings.Repeat("0123456789", 4000)
	first := applicant.post(documents, form("khs", "khs.pdf", content)).is(202)
	require.Equal(t, documents+"/"+first.text("document_id"), first.header.Get("Location"))
	require.Equal(t, `"1"`, first.header.Get("ETag"))

	turned := form("khs", "khs.pdf", content)
	turned[0], turned[1] = turned[1], turned[0]
	second := applicant.post(documents, turned).is(200)
	require.Equal(t, first.text("document_id"), second.text("document_id"), "the same bytes are the same document")

	got := applicant.get(first.header.Get("Location") + "/content").is(200)
	require.Equal(t, content, string(got.body))
	require.Equal(t, "application/pdf", got.header.Get("Content-Type"))
	require.Equal(t, "attachment; filename=khs.pdf", got.header.Get("Content-Disposition"))
	require.Contains(t, got.header.Get("Content-Security-Policy"), "sandbox")
}

func TestContent_Preview_IsForPicturesAndPDFOnly(t *testing.T) {
	_, applicant, documents := applied(t)
	for _, c := range []struct{ name, content, kind, inline, policy string }{
		{"khs.pdf", "%PDF-1.7 a", "application/pdf", "inline; filename=khs.pdf", "default-src 'none'; object-src 'self'; frame-ancestors 'none'"},
		{"khs.png", "\x89PNG\r\n\x1a\n", "image/png", "inline; filename=khs.png", "default-src 'none'; frame-ancestors 'none'; sandbox"},
		{"khs.pdf", "<html><script>alert(1)</script>", "application/octet-stream", "attachment; filename=khs.pdf", "default-src 'none'; frame-ancestors 'none'; sandbox"},
		{"khs.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>", "application/octet-stream", "attachment; filename=khs.svg", "default-src 'none'; frame-ancestors 'none'; sandbox"},
	} {
		content := applicant.post(documents, form("khs", c.name, c.content)).is(202).header.Get("Location") + "/content"
		for _, plain := range []string{content, content + "?disposition=attachment"} {
			got := applicant.get(plain).is(200)
			require.Equal(t, "attachment; filename="+c.name, got.header.Get("Content-Disposition"))
			require.Contains(t, got.header.Get("Content-Security-Policy"), "sandbox")
		}
		got := applicant.get(content + "?disposition=inline").is(200)
		require.Equal(t, c.inline, got.header.Get("Content-Disposition"))
		require.Equal(t, c.policy, got.header.Get("Content-Security-Policy"))
		require.Equal(t, c.kind, got.header.Get("Content-Type"))
		applicant.wrong("GET", content+"?disposition=show", nil).problem(400, "invalid_parameter")
	}
}

func TestUpload_SentTwiceWithOneKey_IsOneDocument(t *testing.T) {
	_, applicant, documents := applied(t)
	key := header{"Idempotency-Key": "upload-1"}
	first := applicant.post(documents, form("khs", "khs.pdf", "%PDF-1.7 a"), key).is(202)
	second := applicant.post(documents, form("khs", "khs.pdf", "%PDF-1.7 a"), key).is(200)
	require.JSONEq(t, string(first.body), string(second.body))
	applicant.post(documents, form("khs", "khs.pdf", "%PDF-1.7 b"), key).problem(422, "idempotency_key_reused")
	applicant.post(documents, form("transcript", "khs.pdf", "%PDF-1.7 a"), key).problem(422, "idempotency_key_reused")
	require.Len(t, applicant.get(strings.TrimSuffix(documents, "/documents")+"/history").items(), 2)
}

func TestUpload_HostileNameAndType_StayHarmless(t *testing.T) {
	_, applicant, documents := applied(t)
	a := applicant.post(documents, form("khs", "../../etc/\"é\r\nSet-Cookie: a=b.html", "<html><script>alert(1)</script></html>"))
	a.is(202)
	got := applicant.get(a.header.Get("Location") + "/content").is(200)
	require.Equal(t, "application/octet-stream", got.header.Get("Content-Type"))
	require.Empty(t, got.header.Get("Set-Cookie"))
	require.NotContains(t, got.header.Get("Content-Disposition"), "etc/")
	require.True(t, strings.HasPrefix(got.header.Get("Content-Disposition"), "attachment"))
}

func TestUpload_BadForm_IsAProblem(t *testing.T) {
	_, applicant, documents := applied(t)
	khs := part{name: "kind", content: "khs"}
	file := part{name: "file", fileName: "a.pdf", content: "%PDF-1.7"}
	big := part{name: "file", fileName: "a.pdf", content: strings.Repeat("x", maxUpload+1)}
	huge := part{name: "file", fileName: "a.pdf", content: strings.Repeat("x", 3*maxUpload)}
	cut := "--b\r\nContent-Disposition: form-data; name=\"kind\"\r\n\r\nkhs\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n%PDF"
	for name, try := range map[string]struct {
		body   any
		status int
		code   string
		field  any
	}{
		"no body":             {nil, 415, "multipart_needed", nil},
		"JSON":                {object{"kind": "khs"}, 415, "multipart_needed", nil},
		"no boundary":         {raw{"multipart/form-data", "x"}, 415, "multipart_needed", nil},
		"no parts":            {[]part{}, 400, "missing_part", "file"},
		"no file":             {[]part{khs}, 400, "missing_part", "file"},
		"no kind":             {[]part{file}, 400, "missing_part", "kind"},
		"unknown kind":        {[]part{{name: "kind", content: "ktp"}, file}, 400, "invalid_field", "kind"},
		"unknown kind behind": {[]part{file, {name: "kind", content: "ktp"}}, 400, "invalid_field", "kind"},
		"endless kind":        {[]part{{name: "kind", content: strings.Repeat("k", 30000)}, file}, 400, "invalid_field", "kind"},
		"kind twice":          {[]part{khs, khs, file}, 400, "invalid_part", "kind"},
		"file twice":          {[]part{file, file, khs}, 400, "invalid_part", "file"},
		"unknown part":        {[]part{{name: "admin", content: "1"}, khs, file}, 400, "unknown_part", "admin"},
		"nameless part":       {[]part{{content: "1"}, khs, file}, 400, "unknown_part", nil},
		"cut in the file":     {raw{"multipart/form-data; boundary=b", cut}, 400, "upload_broken", nil},
		"not a form at all":   {raw{"multipart/form-data; boundary=b", "hello"}, 400, "missing_part", "file"},
		"too large":           {[]part{khs, big}, 413, "upload_too_large", nil},
		"too large, no kind":  {[]part{big, khs}, 413, "upload_too_large", nil},
		"too large at once":   {[]part{khs, huge}, 413, "upload_too_large", nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := applicant.in(t).wrong("POST", documents, try.body).problem(try.status, try.code)
			require.Equal(t, try.field, p["field"])
		})
	}
	require.Len(t, applicant.get(strings.TrimSuffix(documents, "/documents")+"/history").items(), 1, "nothing was recorded")
}

// A client that announces too much is refused before it sends any of it.
func TestUpload_AnnouncedTooLarge_IsRefusedUnread(t *testing.T) {
	h, applicant, documents := applied(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n",
		documents, applicant.token, 1<<40)
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusRequestEntityTooLarge, response.StatusCode)
}

// A client that does not announce anything is cut off at the limit.
func TestUpload_EndlessStream_IsCutOff(t *testing.T) {
	h, applicant, documents := applied(t)
	head := "--b\r\nContent-Disposition: form-data; name=\"kind\"\r\n\r\nkhs\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n"
	sent := &counted{r: io.MultiReader(strings.NewReader(head), endless{})}
	request, err := http.NewRequestWithContext(t.Context(), "POST", h.url+documents, sent)
	require.NoError(t, err)
	request.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	request.Header.Set("Authorization", "Bearer "+applicant.token)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusRequestEntityTooLarge, response.StatusCode)
	require.Less(t, sent.n.Load(), int64(64<<20))
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

type counted struct {
	r io.Reader
	n atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

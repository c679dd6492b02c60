package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"asprak/cmd/asprak/samples"
	"asprak/domain"
	"asprak/domain/verification"
)

// soak is set by make soak: the tests below then take minutes, and hold the figures as well.
var soak = flag.Bool("soak", false, "run the long versions of the soak tests")

// mutation changes a document as transfer, storage or malice do.
type mutation struct {
	name  string
	apply func(r *rand.Rand, content, other []byte) []byte
}

var mutations = []mutation{
	{"bits flipped", func(r *rand.Rand, content, _ []byte) []byte {
		for range 1 << r.IntN(9) {
			content[r.IntN(len(content))] ^= 1 << r.IntN(8)
		}
		return content
	}},
	{"cut", func(r *rand.Rand, content, _ []byte) []byte { return content[:r.IntN(len(content))] }},
	{"beginning lost", func(r *rand.Rand, content, _ []byte) []byte { return content[r.IntN(len(content)):] }},
	{"spliced", func(r *rand.Rand, content, other []byte) []byte {
		return append(content[:r.IntN(len(content))], other[r.IntN(len(other)):]...)
	}},
	{"range written over", func(r *rand.Rand, content, other []byte) []byte {
		at := r.IntN(len(content))
		copy(content[at:min(len(content), at+r.IntN(4096))], other)
		return content
	}},
	{"range repeated", func(r *rand.Rand, content, _ []byte) []byte {
		at := r.IntN(len(content))
		return slices.Insert(content, at, bytes.Clone(content[at:min(len(content), at+r.IntN(4096))])...)
	}},
	{"type of another", func(r *rand.Rand, content, other []byte) []byte {
		copy(content, other[:min(len(other), 8+r.IntN(64))])
		return content
	}},
	{"zeros", func(r *rand.Rand, content, _ []byte) []byte {
		at := r.IntN(len(content))
		clear(content[at:min(len(content), at+r.IntN(4096))])
		return content
	}},
}

// Each mutant comes to an end, none is verified that the document as it was would not be, the
// server lives on, and it and its readers come back to the memory that they had.
func TestSoak_MutatedDocuments_HarmNobody(t *testing.T) {
	mutants := 40
	if *soak {
		mutants = 1000
	}
	p := startProcess(t, "--readers", "2", "--read-recycle", "100000", "--applicant-rate", "0")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Minute)
	defer cancel()
	set, err := samples.Load()
	require.NoError(t, err)
	var opening answer
	require.NoError(t, p.as(domain.RoleAdmin, "admin").post(ctx, "/v1/openings", sampleOpening("Praktikum", set.Requirement), &opening))
	contents := make([][]byte, len(set.Samples))
	for i, s := range set.Samples {
		contents[i] = sampleContent(t, s.File)
	}
	ends := struct {
		sync.Mutex
		of map[string]int
	}{of: map[string]int{}}
	send := func(name string, sample int, content []byte) verification.Label {
		person, student := set.Samples[sample].Applicant, p.as(domain.RoleApplicant, name)
		var submitted, uploaded answer
		err := student.post(ctx, "/v1/applications", map[string]any{"opening_id": opening.ID, "applicant": map[string]any{
			"name": person.Name, "nim": person.NIM, "email": "s@example.ac.id", "programme": "TRPL"}}, &submitted)
		if err == nil {
			err = student.upload(ctx, "/v1/applications/"+submitted.ID+"/documents", set.Samples[sample].File, content, &uploaded)
		}
		if !assertNoError(t, err) {
			return ""
		}
		document, err := student.awaitVerdict(ctx, submitted.ID, uploaded.DocumentID)
		label := verification.Label(document.Status)
		if document.Verdict != nil {
			label = document.Verdict.Label
		} else if document.Status != "reading_failed" {
			t.Errorf("%s: %v", name, err)
		}
		ends.Lock()
		ends.of[string(label)]++
		ends.Unlock()
		return label
	}
	for round := range 2 { // warm: what all of them need is taken
		for i := range set.Samples {
			send(fmt.Sprintf("warm-%d-%d", round, i), i, append(bytes.Clone(contents[i]), fmt.Sprint("\n% ", round)...))
		}
	}
	clear(ends.of)
	pid, before := p.cmd.Process.Pid, resident(t, p.cmd.Process.Pid)
	next, students := make(chan int), sync.WaitGroup{}
	for range 3 {
		students.Go(func() {
			for n := range next {
				r := rand.New(rand.NewPCG(7, uint64(n)))
				sample, how := n%len(contents), mutations[n/len(contents)%len(mutations)]
				mutant := how.apply(r, bytes.Clone(contents[sample]), contents[r.IntN(len(contents))])
				label := send(fmt.Sprint("mutant-", n), sample, mutant)
				if label == "verified" && set.Samples[sample].Expected != "verified" {
					t.Errorf("mutant %d of %s (%s) is verified", n, set.Samples[sample].File, how.name)
				}
			}
		})
	}
	for n := range mutants {
		next <- n
	}
	close(next)
	students.Wait()
	require.NoError(t, syscall.Kill(pid, 0), "%s", p.log)
	require.NotContains(t, p.log.String(), "panic")
	if !*soak {
		return
	}
	after := int64(0)
	require.Eventually(t, func() bool {
		after = resident(t, pid)
		return after <= before+before/5
	}, 5*time.Minute, time.Second, "memory")
	t.Logf("%d mutants: %v; %d MiB before, %d MiB after", mutants, ends.of, before>>20, after>>20)
}

// resident is the memory of a process and its children, in bytes.
func resident(t *testing.T, pid int) (sum int64) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	for _, path := range all {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		own, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		parent, _ := strconv.Atoi(fields[1])
		if pages, err := strconv.ParseInt(fields[21], 10, 64); err == nil && (own == pid || parent == pid) {
			sum += pages * int64(os.Getpagesize())
		}
	}
	return sum
}

// Commands come at an even pace while uploads trickle in beside them.
func TestSoak_SlowUploads_HoldNoCommandUp(t *testing.T) {
	uploads, rate, window := 30, 100, 2*time.Second
	if *soak {
		uploads, rate, window = 300, 500, 20*time.Second
	}
	p, ctx := startProcess(t, "--readers", "1", "--max-uploads", "300"), testContext(t)
	set, err := samples.Load()
	require.NoError(t, err)
	var opening answer
	require.NoError(t, p.as(domain.RoleAdmin, "admin").post(ctx, "/v1/openings", sampleOpening("Praktikum", set.Requirement), &opening))
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	commands := func(round string) (took []time.Duration) {
		var mu sync.Mutex
		var sent sync.WaitGroup
		tick := time.NewTicker(time.Second / time.Duration(rate))
		defer tick.Stop()
		requests := make([]*http.Request, int(window.Seconds()*float64(rate)))
		for i := range requests { // made before, so that only the server is timed
			requests[i] = submission(t, p, opening.ID, fmt.Sprintf("%s-%d", round, i))
		}
		for _, request := range requests {
			<-tick.C
			sent.Go(func() {
				began := time.Now()
				response, err := client.Do(request)
				if !assertNoError(t, err) {
					return
				}
				response.Body.Close()
				if response.StatusCode != http.StatusCreated {
					t.Errorf("a command was refused: %s", response.Status)
				}
				mu.Lock()
				took = append(took, time.Since(began))
				mu.Unlock()
			})
		}
		sent.Wait()
		return took
	}
	commands("warm")
	alone := commands("alone")

	trickling, stop := context.WithCancel(ctx)
	var students sync.WaitGroup
	for i := range uploads {
		name := fmt.Sprint("slow-", i)
		var submitted answer
		require.NoError(t, p.as(domain.RoleApplicant, name).post(ctx, "/v1/applications", map[string]any{"opening_id": opening.ID, "applicant": map[string]any{
			"name": "Hasna", "nim": "20/461438/SV/19779", "email": "s@example.ac.id", "programme": "TRPL"}}, &submitted))
		token, err := p.as(domain.RoleApplicant, name).token()
		require.NoError(t, err)
		students.Go(func() { trickle(t, trickling, p.base, token, submitted.ID) })
	}
	require.Eventually(t, func() bool {
		inTransfer, _ := p.metric("asprak_uploads_in_transfer")
		return int(inTransfer) == uploads
	}, 30*time.Second, 10*time.Millisecond)
	beside := commands("beside")
	inTransfer, _ := p.metric("asprak_uploads_in_transfer")
	require.EqualValues(t, uploads, inTransfer, "they all went on meanwhile")
	stop()
	students.Wait()
	p99 := func(all []time.Duration) time.Duration {
		slices.Sort(all)
		return all[len(all)*99/100]
	}
	t.Logf("p99 of commands at %d a second: %v, beside %d slow uploads %v", rate, p99(alone), uploads, p99(beside))
	if *soak {
		require.Less(t, p99(beside), 3*p99(alone))
	}
}

// submission is the request of one more student.
func submission(t *testing.T, p *process, opening, name string) *http.Request {
	t.Helper()
	body := fmt.Sprintf(`{"opening_id":%q,"applicant":{"name":"Hasna","nim":"20/461438/SV/19779","email":"s@example.ac.id","programme":"TRPL"}}`, opening)
	request, err := http.NewRequest("POST", p.base+"/v1/applications", strings.NewReader(body))
	require.NoError(t, err)
	token, err := p.as(domain.RoleApplicant, name).token()
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	return request
}

// trickle uploads a kilobyte a second until ctx ends.
func trickle(t *testing.T, ctx context.Context, base, token, application string) {
	connection, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if !assertNoError(t, err) {
		return
	}
	defer connection.Close()
	part := "--b\r\nContent-Disposition: form-data; name=kind\r\n\r\nkhs\r\n--b\r\nContent-Disposition: form-data; name=file; filename=a.pdf\r\n\r\n%PDF-1.7\n"
	_, err = fmt.Fprintf(connection, "POST /v1/applications/%s/documents HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000000\r\n\r\n%s", application, token, part)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for kilobyte := make([]byte, 1024); err == nil; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_, err = connection.Write(kilobyte)
		}
	}
	assertNoError(t, err)
}

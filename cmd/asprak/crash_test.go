package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/cmd/asprak/samples"
	"asprak/domain"
)

// TestServe_KilledAtRandom_EveryAcknowledgedUploadGetsOneReadingAndOneVerdict kills the
// server with SIGKILL again and again while fifty students upload, and starts it again on
// the same folder. A student whose request broke off repeats it with the same key.
func TestServe_KilledAtRandom_EveryAcknowledgedUploadGetsOneReadingAndOneVerdict(t *testing.T) {
	const students = 50
	ctx := testContext(t)
	p := startProcess(t)
	set, err := samples.Load()
	require.NoError(t, err)
	var opening answer
	require.NoError(t, p.as(domain.RoleAdmin, "admin").post(ctx, "/v1/openings", sampleOpening("Praktikum", set.Requirement), &opening))

	var mu sync.RWMutex // held for writing while the server is down
	type upload struct{ application, document string }
	uploads := make([]upload, students)
	var group sync.WaitGroup
	next := make(chan int)
	for range 4 {
		group.Go(func() {
			for i := range next {
				sample := set.Samples[0] // born digital; every tenth is a scan, which takes longer
				if i%10 == 9 {
					sample = set.Samples[1]
				}
				content, err := samples.Content(sample.File)
				if !assertNoError(t, err) {
					return
				}
				// The bytes of each student's file differ, so none is another's duplicate.
				content = append(content, fmt.Appendf(nil, "\n%% student %d", i)...)
				student := func() *caller { return p.as(domain.RoleApplicant, fmt.Sprintf("student-%d", i)) }
				var submitted, uploaded answer
				persist(ctx, t, &mu, uuid.NewString(), student, func(ctx context.Context, c *caller) error {
					return c.post(ctx, "/v1/applications", map[string]any{"opening_id": opening.ID, "applicant": map[string]any{
						"name": sample.Applicant.Name, "nim": fmt.Sprintf("%s%d", sample.Applicant.NIM, i), "email": "s@example.ac.id", "programme": "TRPL"}}, &submitted)
				})
				persist(ctx, t, &mu, uuid.NewString(), student, func(ctx context.Context, c *caller) error {
					return c.upload(ctx, "/v1/applications/"+submitted.ID+"/documents", sample.File, content, &uploaded)
				})
				uploads[i] = upload{submitted.ID, uploaded.DocumentID}
			}
		})
	}
	// A kill after every seventh upload or so, at some moment of those that follow; and two
	// more while the last readings are under way.
	kill := func() {
		time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
		mu.Lock()
		defer mu.Unlock()
		p.stop(syscall.SIGKILL)
		p.start()
	}
	var kills sync.WaitGroup
	for i := range students {
		next <- i
		if i%7 == 6 {
			kills.Wait()
			kills.Go(kill)
		}
	}
	close(next)
	group.Wait()
	kills.Wait()
	kill()
	kill()

	admin := p.as(domain.RoleAdmin, "admin")
	for i, u := range uploads {
		require.NotEmpty(t, u.document, "upload %d was not acknowledged", i)
		_, err := admin.awaitVerdict(ctx, u.application, u.document)
		require.NoError(t, err, "upload %d; %s", i, p.log)
		read, judged := countOutcomes(ctx, t, admin, u.application)
		require.Equal(t, 1, read, "readings of upload %d", i)
		require.Equal(t, 1, judged, "verdicts of upload %d", i)
	}
}

// persist repeats a command with one key until the server has acknowledged it.
func persist(ctx context.Context, t *testing.T, mu *sync.RWMutex, key string, who func() *caller, send func(context.Context, *caller) error) {
	for ctx.Err() == nil {
		mu.RLock()
		c := who()
		mu.RUnlock()
		c.key = key
		err := send(ctx, c)
		if err == nil {
			return
		}
		if status := statusOf(err); status != 0 && status != http.StatusServiceUnavailable {
			t.Errorf("refused: %v", err)
			return
		}
	}
}

func assertNoError(t *testing.T, err error) bool {
	if err != nil {
		t.Error(err)
	}
	return err == nil
}

// countOutcomes counts the readings and the verdicts in an application's history.
func countOutcomes(ctx context.Context, t *testing.T, who *caller, application string) (read, judged int) {
	t.Helper()
	var history struct {
		Items []struct {
			Type string          `json:"type"`
			Data json.RawMessage `json:"data"`
		} `json:"items"`
	}
	require.NoError(t, who.get(ctx, "/v1/applications/"+application+"/history", &history))
	for _, e := range history.Items {
		switch e.Type {
		case "DocumentRead":
			read++
		case "DocumentVerified", "DocumentRejected", "DocumentReferred":
			judged++
		}
	}
	return read, judged
}

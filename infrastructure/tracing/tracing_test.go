package tracing

import (
	"net/http/httptest"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"asprak/application"
)

func recorded() (*Tracer, *tracetest.SpanRecorder) {
	spans := tracetest.NewSpanRecorder()
	provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(spans), sdk.WithIDGenerator(ids{}))
	return &Tracer{provider, provider.Tracer("test")}, spans
}

func TestRequest_Correlation_IsTheTrace(t *testing.T) {
	const caller = "4bf92f3577b34da6a3ce929d0e0e4736"
	for name, c := range map[string]struct{ id, parent, correlation, trace string }{
		"uuid":               {id: "018f5e2a-1111-7222-8333-444455556666", correlation: "018f5e2a-1111-7222-8333-444455556666", trace: "018f5e2a111172228333444455556666"},
		"trace of a caller":  {parent: caller, correlation: caller, trace: caller},
		"both, and the same": {id: caller, parent: caller, correlation: caller, trace: caller},
		"both, and another":  {id: "018f5e2a111172228333444455556666", parent: caller, correlation: "018f5e2a111172228333444455556666", trace: "018f5e2a111172228333444455556666"},
		"words":              {id: "upload-siti", correlation: "upload-siti", trace: traceOf("upload-siti").String()},
	} {
		t.Run(name, func(t *testing.T) {
			tracer, spans := recorded()
			r := httptest.NewRequest("POST", "/", nil)
			if c.parent != "" {
				r.Header.Set("traceparent", "00-"+c.parent+"-00f067aa0ba902b7-01")
			}
			_, correlation, end := tracer.Request(r, "upload", c.id)
			end(202)
			require.Equal(t, c.correlation, correlation)
			require.Equal(t, c.trace, spans.Ended()[0].SpanContext().TraceID().String())
			require.Equal(t, c.parent == c.trace, spans.Ended()[0].Parent().IsValid())
		})
	}
	tracer, _ := recorded()
	_, one, _ := tracer.Request(httptest.NewRequest("POST", "/", nil), "upload", "")
	_, two, _ := tracer.Request(httptest.NewRequest("POST", "/", nil), "upload", "")
	require.NotEqual(t, one, two)
	require.Equal(t, one, traceOf(one).String())
}

func TestAppend_Span_IsFoundByTheEvent(t *testing.T) {
	tracer, spans := recorded()
	ctx, correlation, end := tracer.Request(httptest.NewRequest("POST", "/", nil), "upload", "")
	event := uuid.NewSHA1(uuid.Nil, []byte("event"))
	appending, appended := tracer.Append(ctx, "application-1", []application.NewRecord{{ID: event, Type: "DocumentUploaded"}})
	_, below := tracer.start(appending, "below", wanted{})
	below.End()
	appended(nil)
	end(202)

	_, reaction := tracer.follow(t.Context(), "react", application.Record{ID: event, Metadata: []byte(`{"correlation_id":"` + correlation + `"}`)})
	reaction.End()
	byName := map[string]sdk.ReadOnlySpan{}
	for _, span := range spans.Ended() {
		require.Equal(t, correlation, span.SpanContext().TraceID().String())
		byName[span.Name()] = span
	}
	require.Equal(t, spanOf(event), byName["append"].SpanContext().SpanID())
	require.Equal(t, byName["upload"].SpanContext().SpanID(), byName["append"].Parent().SpanID())
	require.Equal(t, spanOf(event), byName["react"].Parent().SpanID())
	require.NotEqual(t, spanOf(event), byName["below"].SpanContext().SpanID())
}

func TestAppend_OfNoTrace_HasNoSpan(t *testing.T) {
	tracer, spans := recorded()
	ctx, end := tracer.Append(t.Context(), "s", []application.NewRecord{{ID: uuid.New()}})
	end(nil)
	require.False(t, trace.SpanContextFromContext(ctx).IsValid())
	require.Empty(t, spans.Ended())
	var off *Tracer
	_, end = off.Append(t.Context(), "s", []application.NewRecord{{ID: uuid.New()}})
	end(nil)
	require.NoError(t, off.Close(t.Context()))
}

func TestEnabled_OnlyWithAnEndpoint(t *testing.T) {
	for want, sets := range map[bool][]map[string]string{
		false: {{}, {"OTEL_SERVICE_NAME": "x"}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_TRACES_EXPORTER": "none"}},
		true:  {{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x"}, {"OTEL_TRACES_EXPORTER": "otlp"}},
	} {
		for _, set := range sets {
			require.Equal(t, want, enabled(func(name string) string { return set[name] }), "%v", set)
		}
	}
}

// Package tracing makes OpenTelemetry spans of what this program does, from a request to the
// verdict that follows from it, perhaps in another process: the trace's id is the correlation
// id of the events, and the span of an append is named by the id of its first event, so that
// the reaction to the event finds its parent without any more being stored. It knows the ports
// of the application; nothing that a person wrote or is stands in a span.
package tracing

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"asprak/application"
	"asprak/domain"
	"asprak/domain/transcript"
)

// Tracer makes spans. A nil *Tracer makes none, at no cost.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// Open returns a Tracer that sends its spans by OTLP over HTTP, as OpenTelemetry's variables
// say (OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER, OTEL_SERVICE_NAME, ...); nil unless one
// of them names an endpoint. A collector that cannot be reached holds nobody up.
func Open(ctx context.Context, version string) (*Tracer, error) {
	if !enabled(os.Getenv) {
		return nil, nil
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "asprak"), attribute.String("service.version", version)), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about), sdk.WithIDGenerator(ids{}))
	return &Tracer{provider, provider.Tracer("asprak")}, nil
}

func enabled(variable func(string) string) bool {
	if strings.EqualFold(variable("OTEL_SDK_DISABLED"), "true") || variable("OTEL_TRACES_EXPORTER") == "none" {
		return false
	}
	return variable("OTEL_TRACES_EXPORTER") == "otlp" || variable("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}

// Close sends what is left, within ctx.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// Request begins the span of a request and returns the correlation id that it goes by: id
// where it has one, else the id of the trace that the caller takes part in (W3C Trace Context),
// else a new one.
func (t *Tracer) Request(r *http.Request, operation, id string) (ctx context.Context, correlation string, end func(status int)) {
	ctx = propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	caller := trace.SpanContextFromContext(ctx)
	switch {
	case id == "" && caller.IsValid():
		id = caller.TraceID().String()
	case id == "":
		id = newID()
	case caller.IsValid() && caller.TraceID() != traceOf(id):
		ctx = r.Context() // two ids; the events have the request's
	}
	ctx, span := t.start(ctx, operation, wanted{trace: traceOf(id)}, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attribute.String("http.request.method", r.Method)))
	return ctx, id, func(status int) {
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// Append begins the span of an append that the ctx's request or reaction makes.
func (t *Tracer) Append(ctx context.Context, stream string, events []application.NewRecord) (_ context.Context, end func(error)) {
	if t == nil || len(events) == 0 || !trace.SpanContextFromContext(ctx).IsValid() {
		return ctx, func(error) {}
	}
	types := make([]string, len(events))
	for i, e := range events {
		types[i] = e.Type
	}
	ctx, span := t.start(ctx, "append", wanted{span: spanOf(events[0].ID)}, trace.WithAttributes(attribute.String("asprak.stream", stream), attribute.StringSlice("asprak.events", types)))
	return ctx, ending(span)
}

// Reaction is what reacts to events, see messaging.Reaction.
type Reaction interface {
	Types() []string
	Handle(ctx context.Context, event application.Record, attempt int) error
	GiveUp(ctx context.Context, event application.Record, tries int, cause error) error
}

// Reaction makes the reaction go on with the trace of the request that led to the event.
func (t *Tracer) Reaction(inner Reaction) Reaction {
	if t == nil {
		return inner
	}
	return tracedReaction{inner, t}
}

type tracedReaction struct {
	Reaction
	tracer *Tracer
}

func (r tracedReaction) Handle(ctx context.Context, event application.Record, attempt int) error {
	ctx, span := r.tracer.follow(ctx, "react to "+event.Type, event)
	span.SetAttributes(attribute.Int("asprak.attempt", attempt))
	err := r.Reaction.Handle(ctx, event, attempt)
	ending(span)(err)
	return err
}

func (r tracedReaction) GiveUp(ctx context.Context, event application.Record, tries int, cause error) error {
	ctx, span := r.tracer.follow(ctx, "give up "+event.Type, event)
	err := r.Reaction.GiveUp(ctx, event, tries, cause)
	ending(span)(err)
	return err
}

// follow begins a span in the trace of the event's request, below the append of the event.
func (t *Tracer) follow(ctx context.Context, name string, event application.Record) (context.Context, trace.Span) {
	var metadata domain.Metadata
	if json.Unmarshal(event.Metadata, &metadata) == nil && metadata.CorrelationID != "" {
		ctx = trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: traceOf(metadata.CorrelationID), SpanID: spanOf(event.ID), TraceFlags: trace.FlagsSampled, Remote: true,
		}))
	}
	return t.start(ctx, name, wanted{}, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(attribute.String("asprak.stream", event.Stream)))
}

// Reader makes a span of each reading.
func (t *Tracer) Reader(inner application.Reader) application.Reader {
	if t == nil {
		return inner
	}
	return tracedReader{inner, t}
}

type tracedReader struct {
	application.Reader
	tracer *Tracer
}

func (r tracedReader) Read(ctx context.Context, document application.Document) (transcript.Reading, error) {
	ctx, span := r.tracer.start(ctx, "read document", wanted{}, trace.WithAttributes(attribute.Int("asprak.bytes", len(document.Content))))
	reading, err := r.Reader.Read(ctx, document)
	ending(span)(err)
	return reading, err
}

func ending(span trace.Span) func(error) {
	return func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, "") // its text may quote what somebody wrote
		}
		span.End()
	}
}

func (t *Tracer) start(ctx context.Context, name string, w wanted, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	_, span := t.tracer.Start(context.WithValue(ctx, wantedKey{}, w), name, options...)
	return trace.ContextWithSpan(ctx, span), span // what is wanted of this one is not wanted of those below it
}

// wanted are the ids that the next span is to have; zero: any.
type wanted struct {
	trace trace.TraceID
	span  trace.SpanID
}

type wantedKey struct{}

// ids generates ids as wanted.
type ids struct{}

func (ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	w, _ := ctx.Value(wantedKey{}).(wanted)
	if !w.trace.IsValid() {
		w.trace = traceOf(newID())
	}
	return w.trace, ids{}.NewSpanID(ctx, w.trace)
}

func (ids) NewSpanID(ctx context.Context, _ trace.TraceID) (span trace.SpanID) {
	w, _ := ctx.Value(wantedKey{}).(wanted)
	if w.span.IsValid() {
		return w.span
	}
	for !span.IsValid() {
		_, _ = rand.Read(span[:]) // never fails
	}
	return span
}

// newID is an id that grows with time, as events are found by it in an index, and whose other
// half is random, as samplers take it to be.
func newID() string {
	var id trace.TraceID
	_, _ = rand.Read(id[4:]) // never fails
	binary.BigEndian.PutUint32(id[:], uint32(time.Now().Unix()))
	return id.String()
}

// traceOf is the trace of a correlation id: the same 128 bits where it is written as so many,
// else its hash.
func traceOf(correlation string) trace.TraceID {
	if id, err := trace.TraceIDFromHex(strings.ReplaceAll(correlation, "-", "")); err == nil {
		return id
	}
	sum := sha256.Sum256([]byte(correlation))
	return trace.TraceID(sum[:16])
}

// spanOf is the span of the append whose first event has the id.
func spanOf(event uuid.UUID) trace.SpanID { return trace.SpanID(event[8:]) }

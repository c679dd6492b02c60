package main

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/VictoriaMetrics/metricsql"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// ask is a question in PromQL, of a panel or an alert.
type ask struct{ of, expr string }

// The dashboard and the alerts ask only for what a server tells, with labels that it has.
func TestMonitoring_Questions_AreOfMetricsThatThereAre(t *testing.T) {
	labels := map[string]map[string]bool{}
	for series := range told(t).scrape() {
		name, rest := series, ""
		if m := regexp.MustCompile(`^([a-z_]+)\{(.*)\}$`).FindStringSubmatch(series); m != nil {
			name, rest = m[1], m[2]
		}
		if labels[name] == nil {
			labels[name] = map[string]bool{}
		}
		for _, m := range regexp.MustCompile(`(\w+)="`).FindAllStringSubmatch(rest, -1) {
			labels[name][m[1]] = true
		}
	}
	labels["up"] = map[string]bool{} // Prometheus' own
	asked := map[string]bool{}
	for _, a := range append(dashboard(t), alerts(t)...) {
		parsed, err := metricsql.Parse(a.expr)
		require.NoError(t, err, "%s: %s", a.of, a.expr)
		metrics := 0
		metricsql.VisitAll(parsed, func(e metricsql.Expr) {
			metric, ok := e.(*metricsql.MetricExpr)
			if !ok {
				return
			}
			for _, filters := range metric.LabelFilterss {
				require.Equal(t, "__name__", filters[0].Label, a.of)
				name := filters[0].Value
				require.Contains(t, labels, name, "%s asks for a metric that there is not", a.of)
				asked[name] = true
				metrics++
				for _, filter := range filters[1:] {
					if filter.Label != "job" && filter.Label != "role" { // Prometheus' own
						require.Contains(t, labels[name], filter.Label, "%s: %s", a.of, a.expr)
					}
				}
			}
		})
		require.NotZero(t, metrics, a.of)
	}
	for name := range labels {
		if regexp.MustCompile(`^asprak_.*(_total|_seconds|_documents|_position|_lag|_failed|_ready|_busy|_leads|_transfer|_streams)$`).MatchString(name) && name != "asprak_reader_documents_total" && name != "asprak_reader_starts_total" {
			require.True(t, asked[name], "nobody looks at %s", name)
		}
	}
}

func dashboard(t *testing.T) (all []ask) {
	t.Helper()
	var d struct {
		Panels []struct {
			ID         int
			Type       string
			Title      string
			Datasource struct{ UID string }
			Targets    []struct{ Expr string }
		}
	}
	require.NoError(t, json.Unmarshal(readRoot(t, "docs/monitoring/dashboard.json"), &d))
	seen := map[int]bool{}
	for _, p := range d.Panels {
		require.False(t, seen[p.ID], "two panels have the id %d", p.ID)
		seen[p.ID] = true
		if p.Type == "row" {
			continue
		}
		require.Equal(t, dataSource(t), p.Datasource.UID, p.Title)
		require.NotEmpty(t, p.Targets, p.Title)
		for _, target := range p.Targets {
			all = append(all, ask{p.Title, target.Expr})
		}
	}
	return all
}

// dataSource is the uid that Grafana is told of in the compose file.
func dataSource(t *testing.T) string {
	t.Helper()
	project, err := loader.LoadWithContext(t.Context(), composeFile(t, nil))
	require.NoError(t, err)
	var config struct {
		Datasources []struct{ UID, URL string }
	}
	require.NoError(t, yaml.Unmarshal([]byte(project.Configs["datasource"].Content), &config))
	require.Len(t, config.Datasources, 1)
	require.Equal(t, "http://prometheus:9090", config.Datasources[0].URL)
	requireListens(t, project, "prometheus", "9090")
	return config.Datasources[0].UID
}

func alerts(t *testing.T) (all []ask) {
	t.Helper()
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	require.NoError(t, yaml.Unmarshal(readRoot(t, "docs/monitoring/alerts.yml"), &file))
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			require.Contains(t, []string{"page", "ticket"}, rule.Labels["severity"], rule.Alert)
			require.NotEmpty(t, rule.Annotations["summary"], rule.Alert)
			require.NotEmpty(t, rule.Annotations["description"], rule.Alert)
			all = append(all, ask{rule.Alert, rule.Expr})
		}
	}
	return all
}

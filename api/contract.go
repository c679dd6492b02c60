package api

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

//go:embed openapi.yaml
var contractYAML []byte

//go:embed docs.html
var docsHTML string

//go:embed docs.css
var docsCSS string

// contract is openapi.yaml in the two forms that are served.
type contract struct {
	json, html []byte
	policy     string // Content-Security-Policy of the page
}

func (a *api) contractJSON(c *call) error {
	c.Header("Cache-Control", "no-cache")
	c.Data(http.StatusOK, "application/json", a.contract.json)
	return nil
}

func (a *api) contractHTML(c *call) error {
	c.Header("Cache-Control", "no-cache")
	c.Header("Content-Security-Policy", a.contract.policy)
	c.Data(http.StatusOK, "text/html; charset=utf-8", a.contract.html)
	return nil
}

// document is what the page shows of the contract.
type document struct {
	Info struct {
		Title, Description, Version string
	}
	Paths      map[string]map[string]*operation
	Components struct {
		Parameters map[string]*parameter
		Responses  map[string]*response
		Headers    map[string]*header
		Schemas    map[string]*schema
	}
	Problems []struct {
		Code, Meaning string
		Status        int
	} `yaml:"x-problems"`
	Operations []*operation `yaml:"-"` // in the order of the routes
}

type operation struct {
	OperationID          string `yaml:"operationId"`
	Summary, Description string
	Access               map[string]string `yaml:"x-access"`
	Parameters           []*parameter
	RequestBody          *struct {
		Description string
		Content     map[string]*media
	} `yaml:"requestBody"`
	Responses    map[string]*response
	Method, Path string `yaml:"-"`
}

type parameter struct {
	Ref                   string `yaml:"$ref"`
	Name, In, Description string
	Required              bool
	Schema                *schema
}

type response struct {
	Ref         string `yaml:"$ref"`
	Description string
	Content     map[string]*media
	Headers     map[string]*header
}

type header struct {
	Ref, Description string
}

type media struct {
	Schema  *schema
	Example any
}

type schema struct {
	Ref         string `yaml:"$ref"`
	Type        string
	Format      string
	Description string
	Required    []string
	Enum        []any
	Properties  map[string]*schema
	Items       *schema
	Nullable    bool
}

// Name is the last part of a reference.
func (s *schema) Name() string { return last(s.Ref) }

// Says is the schema's type in a word or two.
func (s *schema) Says() string {
	switch {
	case s.Type == "array" && s.Items != nil && s.Items.Ref == "":
		return "array of " + s.Items.Says()
	case s.Format != "":
		return s.Type + ", " + s.Format
	case s.Type == "":
		return "any"
	}
	return s.Type
}

// Needs tells whether the property must be there.
func (s *schema) Needs(property string) bool { return slices.Contains(s.Required, property) }

// JSON prints an example; one of another kind stands as it is.
func (m *media) JSON() (string, error) {
	if m.Example == nil {
		return "", nil
	}
	if text, ok := m.Example.(string); ok {
		return text, nil
	}
	b, err := json.MarshalIndent(m.Example, "", "  ")
	return string(b), err
}

func last(ref string) string { return ref[strings.LastIndex(ref, "/")+1:] }

func readContract(routes []route) (contract, error) {
	var plain map[string]any
	if err := yaml.Unmarshal(contractYAML, &plain); err != nil {
		return contract{}, fmt.Errorf("api: openapi.yaml: %w", err)
	}
	var c contract
	var err error
	if c.json, err = json.Marshal(plain); err != nil {
		return contract{}, fmt.Errorf("api: openapi.yaml: %w", err)
	}
	var d document
	if err := yaml.Unmarshal(contractYAML, &d); err != nil {
		return contract{}, fmt.Errorf("api: openapi.yaml: %w", err)
	}
	if err := d.order(routes); err != nil {
		return contract{}, err
	}
	page, err := template.New("docs").Parse(docsHTML)
	if err != nil {
		return contract{}, err
	}
	var html bytes.Buffer
	if err := page.Execute(&html, struct {
		*document
		CSS template.CSS
	}{&d, template.CSS(docsCSS)}); err != nil {
		return contract{}, err
	}
	c.html = html.Bytes()
	sum := sha256.Sum256([]byte(docsCSS))
	c.policy = "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	return c, nil
}

// order lines the operations up as the routes stand, with their references resolved.
func (d *document) order(routes []route) error {
	for _, r := range routes {
		path := contractPath(r.path)
		o := d.Paths[path][strings.ToLower(r.method)]
		if o == nil {
			return fmt.Errorf("api: openapi.yaml lacks %s %s", r.method, path)
		}
		o.Method, o.Path = r.method, path
		for i, p := range o.Parameters {
			if p.Ref != "" {
				o.Parameters[i] = d.Components.Parameters[last(p.Ref)]
			}
		}
		for status, answer := range o.Responses {
			if answer.Ref != "" {
				o.Responses[status] = d.Components.Responses[last(answer.Ref)]
			}
		}
		d.Operations = append(d.Operations, o)
	}
	return nil
}

// contractPath spells a path of the router as the contract does.
func contractPath(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if name, ok := strings.CutPrefix(p, ":"); ok {
			parts[i] = "{" + name + "}"
		}
	}
	return strings.Join(parts, "/")
}

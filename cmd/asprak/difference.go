package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// difference finds where two values differ in their JSON, in the order of the paths.
func difference(before, after any) ([]changedField, error) {
	old, err := leaves(before)
	if err != nil {
		return nil, err
	}
	now, err := leaves(after)
	if err != nil {
		return nil, err
	}
	all := maps.Clone(old)
	maps.Copy(all, now)
	var changes []changedField
	for _, path := range slices.Sorted(maps.Keys(all)) {
		if !reflect.DeepEqual(old[path], now[path]) {
			changes = append(changes, changedField{path, old[path], now[path]})
		}
	}
	return changes, nil
}

func leaves(v any) (map[string]any, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var plain any
	if err := json.Unmarshal(text, &plain); err != nil {
		return nil, err
	}
	found := make(map[string]any)
	gather(found, "", plain)
	return found, nil
}

func gather(into map[string]any, path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			gather(into, join(path, name), inner)
		}
	case []any:
		for i, inner := range v {
			gather(into, fmt.Sprintf("%s[%d]", path, i), inner)
		}
	default:
		into[path] = v
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

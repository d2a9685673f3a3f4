package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func apiCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "api PATH [JSON | key=value …]",
		Short: "Call any server that speaks the Seam API",
		Long: `Call an endpoint and print the answer's JSON; exit 1 on an error answer.

SEAM_ENDPOINT                the server; http://localhost:8420 unless set
SEAM_PERSONAL_ACCESS_TOKEN   with SEAM_WORKSPACE_ID; or
SEAM_API_KEY

A value is sent with the type that the parameter has: code=5678 is text. Of parameters that this program does not know, a value
that is JSON (true, 5, ["a"]) is sent as it is, anything else as text.`,
		Example: "  keyway api /devices/list limit=1\n  keyway api /devices/get '{\"device_id\":\"…\"}'",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := "/" + strings.TrimPrefix(args[0], "/")
			types, err := parameterTypes(path)
			if err != nil {
				return err
			}
			body, err := apiBody(args[1:], types)
			if err != nil {
				return err
			}
			token, key := strings.TrimSpace(os.Getenv("SEAM_PERSONAL_ACCESS_TOKEN")), strings.TrimSpace(os.Getenv("SEAM_API_KEY"))
			if token != "" && key != "" {
				return badUsage("SEAM_PERSONAL_ACCESS_TOKEN and SEAM_API_KEY are both set: which of them is meant?")
			}
			token = cmp.Or(token, key)
			server, err := serverAddress("SEAM_ENDPOINT", env("SEAM_ENDPOINT", "http://localhost:8420"))
			if err != nil {
				return err
			}
			req, err := http.NewRequestWithContext(cmd.Context(), http.MethodPost, server+path, bytes.NewReader(body))
			if err != nil {
				return badUsage("SEAM_ENDPOINT with %s is not an address", path)
			}
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("User-Agent", "keyway/"+version)
			if token != "" {
				req.Header.Set("Authorization", "Bearer "+token)
			}
			if ws := strings.TrimSpace(os.Getenv("SEAM_WORKSPACE_ID")); ws != "" && key == "" {
				req.Header.Set("Seam-Workspace", ws)
			}
			res, err := (&http.Client{Timeout: time.Minute}).Do(req)
			if err != nil {
				return fmt.Errorf("no answer from %s, which SEAM_ENDPOINT or its default names: %w", req.URL.Host, errors.Unwrap(err))
			}
			defer func() { _ = res.Body.Close() }()
			answer, err := io.ReadAll(res.Body)
			if err != nil {
				return err
			}
			if g.json && !json.Valid(answer) {
				return fmt.Errorf("the server answered %s with something that is not JSON; is SEAM_ENDPOINT right?", res.Status)
			}
			var pretty bytes.Buffer
			if !g.json && isTerminal(os.Stdout) && json.Indent(&pretty, answer, "", "  ") == nil {
				answer = pretty.Bytes()
			}
			fmt.Fprintln(cmd.OutOrStdout(), strings.TrimRight(string(answer), "\n"))
			if res.StatusCode >= 300 {
				return fmt.Errorf("the server answered %s (request id %s)", res.Status, res.Header.Get("Seam-Request-Id"))
			}
			return nil
		},
	}
}

// serverAddress reads the address of a server to ask; from says where it was given.
func serverAddress(from, text string) (string, error) {
	text = strings.TrimSpace(text)
	u, err := url.Parse(text)
	switch {
	case !strings.HasPrefix(text, "http://") && !strings.HasPrefix(text, "https://"):
		return "", badUsage("%s %q has no scheme: give an address like http://localhost:8420 or https://keyway.example.com", from, text)
	case err != nil || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "":
		return "", badUsage("%s %q is not an address like https://keyway.example.com", from, text)
	}
	return strings.TrimRight(text, "/"), nil
}

// parameterTypes are the types of an endpoint's parameters, by name; none where this program does not know it.
func parameterTypes(path string) (map[string]string, error) {
	s, err := detachedRPC()
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, e := range s.Endpoints() {
		if e.Path == path {
			for _, p := range e.Parameters() {
				out[p.Name] = p.Type
			}
		}
	}
	return out, nil
}

// apiBody makes the request's JSON of one JSON object or of key=value pairs, with the types of the parameters.
func apiBody(args []string, types map[string]string) ([]byte, error) {
	if len(args) == 1 && strings.HasPrefix(strings.TrimSpace(args[0]), "{") {
		if !json.Valid([]byte(args[0])) {
			return nil, badUsage("%s is not valid JSON", args[0])
		}
		return []byte(args[0]), nil
	}
	body := map[string]any{}
	for _, arg := range args {
		key, value, ok := strings.Cut(arg, "=")
		if !ok {
			return nil, badUsage("%q is neither JSON nor key=value", arg)
		}
		body[key] = apiValue(value, types[key])
	}
	return json.Marshal(body)
}

// apiValue is a value as a parameter of a type takes it.
func apiValue(text, kind string) any {
	base, nullable := strings.CutSuffix(kind, " or null")
	switch {
	case nullable && text == "null":
		return nil
	case base == "string" || base == "date-time":
		return text
	case base == "array of string" && !strings.HasPrefix(strings.TrimSpace(text), "["):
		return []string{text}
	case json.Valid([]byte(text)):
		return json.RawMessage(text)
	}
	return text
}

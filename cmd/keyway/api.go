package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
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

A value that is JSON (true, 5, ["a"]) is sent as it is, anything else as a string.`,
		Example: "  keyway api /devices/list limit=1\n  keyway api /devices/get '{\"device_id\":\"…\"}'",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			body, err := apiBody(args[1:])
			if err != nil {
				return err
			}
			token := os.Getenv("SEAM_PERSONAL_ACCESS_TOKEN")
			if token == "" {
				token = os.Getenv("SEAM_API_KEY")
			} else if os.Getenv("SEAM_API_KEY") != "" {
				return badUsage("SEAM_PERSONAL_ACCESS_TOKEN and SEAM_API_KEY are both set: which of them is meant?")
			}
			path := "/" + strings.TrimPrefix(args[0], "/")
			req, err := http.NewRequestWithContext(cmd.Context(), http.MethodPost, strings.TrimRight(env("SEAM_ENDPOINT", "http://localhost:8420"), "/")+path, bytes.NewReader(body))
			if err != nil {
				return badUsage("SEAM_ENDPOINT with %s is not an address", path)
			}
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("User-Agent", "keyway/"+version)
			if token != "" {
				req.Header.Set("Authorization", "Bearer "+token)
			}
			if ws := os.Getenv("SEAM_WORKSPACE_ID"); ws != "" && os.Getenv("SEAM_API_KEY") == "" {
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

// apiBody makes the request's JSON of one JSON object or of key=value pairs.
func apiBody(args []string) ([]byte, error) {
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
		if json.Valid([]byte(value)) {
			body[key] = json.RawMessage(value)
		} else {
			body[key] = value
		}
	}
	return json.Marshal(body)
}

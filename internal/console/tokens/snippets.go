package tokens

import (
	"html/template"
	"strings"

	"keyway/internal/console/frame"
)

// Marks in the texts below; the page's script changes what they stand for.
const (
	markEndpoint  = "§endpoint§"
	markToken     = "§token§"
	markWorkspace = "§workspace§"
	markKey       = "§key§"
)

// Placeholders in a snippet for a value that is not known or no longer visible.
const (
	placeholderToken     = "YOUR_PERSONAL_ACCESS_TOKEN"
	placeholderWorkspace = "YOUR_WORKSPACE_ID"
	placeholderKey       = "YOUR_WORKSPACE_KEY"
)

// example is one block before its marks are filled.
type example struct {
	title    string
	language string
	note     template.HTML
	code     string
}

// examples are in the form that each SDK accepts today, which is not always the published one: the
// current JavaScript, Python and Ruby packages refuse a personal access token as an API key.
var examples = []struct {
	id, label string
	blocks    []example
}{
	{"curl", "curl", []example{{
		language: "shell",
		code: `curl '§endpoint§/devices/list' \
  -H 'Authorization: Bearer §token§' \
  -H 'seam-workspace: §workspace§' \
  -H 'Content-Type: application/json' \
  -d '{}'
`}}},
	{"javascript", "JavaScript", []example{
		{
			title: "seam", language: "javascript",
			note: `<code>npm install seam</code>, with Node.js 22.12 or newer`,
			code: `import { Seam } from 'seam'

const seam = new Seam({
  endpoint: '§endpoint§',
  personalAccessToken: '§token§',
  workspaceId: '§workspace§',
})

const devices = await seam.devices.list()
console.log(devices.map((device) => device.device_id))
`},
		{
			title: "seamapi 8, the older package", language: "javascript",
			note: `<code>npm install seamapi@8</code>`,
			code: `import { Seam } from 'seamapi'

const seam = new Seam({
  endpoint: '§endpoint§',
  apiKey: '§token§',
  workspaceId: '§workspace§',
})

console.log(await seam.devices.list())
`},
	}},
	{"python", "Python", []example{
		{
			title: "seam", language: "python",
			note: `<code>pip install seam</code>`,
			code: `from seam import Seam

seam = Seam(
    endpoint="§endpoint§",
    personal_access_token="§token§",
    workspace_id="§workspace§",
)

for device in seam.devices.list():
    print(device.device_id)
`},
		{
			title: "seam 0.6 and older", language: "python",
			note: `<code>pip install seam==0.6.0</code>`,
			code: `from seam import Seam

seam = Seam(
    api_url="§endpoint§",
    api_key="§token§",
    workspace_id="§workspace§",
)

print(seam.devices.list())
`},
	}},
	{"ruby", "Ruby", []example{{
		title: "seam", language: "ruby",
		note: `<code>bundle add seam</code>, 2.0 or newer`,
		code: `require "seam"

seam = Seam.new(
  endpoint: "§endpoint§",
  personal_access_token: "§token§",
  workspace_id: "§workspace§"
)

seam.devices.list.each { |device| puts device.device_id }
`}}},
	{"php", "PHP", []example{
		{
			title: "seamapi/seam 4", language: "php",
			note: `<code>composer require seamapi/seam:^4</code>`,
			code: `<?php
require 'vendor/autoload.php';

$seam = new Seam\Seam(
    endpoint: '§endpoint§',
    personal_access_token: '§token§',
    workspace_id: '§workspace§',
);

foreach ($seam->devices->list() as $device) {
    echo $device->device_id, PHP_EOL;
}
`},
		{
			title: "seamapi/seam 3 and older", language: "php",
			note: `This version cannot send a workspace: it needs a workspace key.`,
			code: `<?php
require 'vendor/autoload.php';

$seam = new Seam\SeamClient('§key§', '§endpoint§');

foreach ($seam->devices->list() as $device) {
    echo $device->device_id, PHP_EOL;
}
`},
	}},
	{"csharp", "C#", []example{
		{
			title: "Seam 2", language: "csharp",
			note: `<code>dotnet add package Seam</code>`,
			code: `using Seam;

var seam = new SeamClient(new SeamClientOptions
{
    Endpoint = "§endpoint§",
    PersonalAccessToken = "§token§",
    WorkspaceId = "§workspace§",
});

foreach (var device in await seam.Devices.ListAsync())
    Console.WriteLine(device.DeviceId);
`},
		{
			title: "Seam 1", language: "csharp",
			note: `This version cannot send a workspace: it needs a workspace key.`,
			code: `using Seam.Client;

var seam = new SeamClient(basePath: "§endpoint§", apiToken: "§key§");

foreach (var device in seam.Devices.List())
    Console.WriteLine(device.DeviceId);
`},
	}},
	{"java", "Java", []example{
		{
			title: "io.github.seamapi:java", language: "java",
			note: `The workspace goes with every call. Set a timeout beside it: the SDK fails without one.`,
			code: `import com.seam.api.Seam;
import com.seam.api.core.RequestOptions;
import com.seam.api.resources.devices.requests.DevicesListRequest;

Seam seam = Seam.builder().url("§endpoint§").apiKey("§token§").build();

RequestOptions inWorkspace =
    RequestOptions.builder().seamWorkspace("§workspace§").timeout(30).build();

System.out.println(seam.devices().list(DevicesListRequest.builder().build(), inWorkspace));
`},
		{
			title: "The same for one workspace", language: "java",
			note: `A workspace key needs no options on the calls.`,
			code: `Seam seam = Seam.builder().url("§endpoint§").apiKey("§key§").build();

System.out.println(seam.devices().list());
`},
	}},
	{"go", "Go", []example{{
		title: "github.com/seamapi/go", language: "go",
		note: `<code>go get github.com/seamapi/go@v0.2.0</code>`,
		code: `package main

import (
	"context"
	"fmt"
	"log"

	seam "github.com/seamapi/go"
	"github.com/seamapi/go/client"
)

func main() {
	c := client.NewClient(
		client.WithBaseURL("§endpoint§"),
		client.WithApiKey("§token§"),
		client.WithSeamWorkspace(seam.String("§workspace§")),
	)
	devices, err := c.Devices.List(context.Background(), &seam.DevicesListRequest{})
	if err != nil {
		log.Fatal(err)
	}
	for _, device := range devices {
		fmt.Println(device.DeviceId)
	}
}
`}}},
	{"environment", "Environment", []example{
		{
			title: "SEAM_API_KEY", language: "shell",
			note: `For every SDK and script that reads <code>SEAM_API_KEY</code>. Today’s SDKs refuse a personal ` +
				`access token there, so it takes a workspace key, which acts as this token in one workspace.`,
			code: `export SEAM_ENDPOINT='§endpoint§'
export SEAM_API_KEY='§key§'
`},
		{
			title: "SEAM_PERSONAL_ACCESS_TOKEN", language: "shell",
			note: `Read by the JavaScript, Python and Ruby SDKs, PHP from 4 and C# from 2. Leave <code>SEAM_API_KEY</code> unset.`,
			code: `export SEAM_ENDPOINT='§endpoint§'
export SEAM_PERSONAL_ACCESS_TOKEN='§token§'
export SEAM_WORKSPACE_ID='§workspace§'
`},
	}},
}

// snippets fills the examples with what is known.
func snippets(s Snippets) []Snippet {
	or := func(value, placeholder string) string {
		if value == "" {
			return placeholder
		}
		return value
	}
	slots := []struct {
		mark string
		part Part
	}{
		{markToken, Part{or(s.Token, placeholderToken), SlotToken}},
		{markWorkspace, Part{or(s.WorkspaceID, placeholderWorkspace), SlotWorkspace}},
		{markKey, Part{or(s.WorkspaceKey, placeholderKey), SlotWorkspaceKey}},
	}
	list := make([]Snippet, 0, len(examples))
	for _, language := range examples {
		snippet := Snippet{ID: language.id, Label: language.label}
		for _, e := range language.blocks {
			parts := []Part{{Text: strings.ReplaceAll(e.code, markEndpoint, s.Endpoint)}}
			for _, slot := range slots {
				parts = splitParts(parts, slot.mark, slot.part)
			}
			snippet.Blocks = append(snippet.Blocks, SnippetBlock{
				Title: e.title, Language: e.language, Note: e.note, Parts: parts,
				NeedsKey: strings.Contains(e.code, markKey),
			})
		}
		list = append(list, snippet)
	}
	return list
}

// splitParts puts fill at every mark in the plain parts.
func splitParts(parts []Part, mark string, fill Part) []Part {
	var out []Part
	for _, part := range parts {
		if part.Slot != "" {
			out = append(out, part)
			continue
		}
		for i, text := range strings.Split(part.Text, mark) {
			if i > 0 {
				out = append(out, fill)
			}
			if text != "" {
				out = append(out, Part{Text: text})
			}
		}
	}
	return out
}

// Snippets are the ready-to-paste examples for every SDK.
type Snippets struct {
	Endpoint     string
	Workspaces   []frame.Workspace // to choose from
	WorkspaceID  string            // the chosen one
	Token        string            // empty: no longer visible
	WorkspaceKey string            // empty: none was just made
	KeyAction    string            // where Create workspace key posts; empty: not offered
	Nonce        string
}

// Tabs are the examples in the order of the tabs.
func (s Snippets) Tabs() []Snippet { return snippets(s) }

// Part is a piece of a snippet: plain text, or a slot that the page fills.
type Part struct {
	Text string
	Slot Slot
}

// Slot names what the page's script replaces in a snippet.
type Slot string

// The slots of snippets.
const (
	SlotToken        Slot = "token"
	SlotWorkspace    Slot = "workspace"
	SlotWorkspaceKey Slot = "workspace_key"
)

// Snippet is the examples for one language.
type Snippet struct {
	ID     string
	Label  string
	Blocks []SnippetBlock
}

// SnippetBlock is one piece of code with the words around it.
type SnippetBlock struct {
	Title    string
	Language string
	Note     template.HTML // constant text of this package
	Parts    []Part
	NeedsKey bool
}

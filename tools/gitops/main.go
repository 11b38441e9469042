// What GitOps tools make of an object, as they do it themselves: kstatus (Flux, kubectl, kpt) by its own library, and
// Argo CD's health by a Lua script in the VM that Argo CD runs, with the libraries that it opens.
//
// Reads a JSON array of {"script", "object"} from stdin, an empty script for none, and writes an array of {"kstatus",
// "health", "message", "error"} in the same order.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

// Argo CD gives a script no longer.
const timeout = time.Second

// What Argo CD takes for a health; anything else is Unknown to it.
var healths = map[string]bool{
	"Healthy": true, "Suspended": true, "Progressing": true, "Missing": true, "Degraded": true, "Unknown": true,
}

type question struct {
	Script string          `json:"script"`
	Object json.RawMessage `json:"object"`
}

type answer struct {
	Kstatus string `json:"kstatus"`
	Health  string `json:"health,omitempty"`
	Message string `json:"message,omitempty"`
	Error   string `json:"error,omitempty"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var questions []question
	if err := json.NewDecoder(os.Stdin).Decode(&questions); err != nil {
		return err
	}
	answers := make([]answer, 0, len(questions))
	for _, asked := range questions {
		given, err := judge(asked)
		if err != nil {
			given.Error = err.Error()
		}
		answers = append(answers, given)
	}
	return json.NewEncoder(os.Stdout).Encode(answers)
}

func judge(asked question) (answer, error) {
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(asked.Object); err != nil { // whole numbers become int64, as in a client's cache
		return answer{}, err
	}
	found, err := status.Compute(object)
	if err != nil {
		return answer{}, err
	}
	given := answer{Kstatus: string(found.Status)}
	if asked.Script == "" {
		return given, nil
	}
	given.Health, given.Message, err = health(asked.Script, object.Object)
	return given, err
}

func health(script string, object map[string]any) (string, string, error) {
	vm := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer vm.Close()
	// Argo CD opens these and a part of os, which a health script has no business with. No string library.
	for _, library := range []struct {
		name string
		open lua.LGFunction
	}{{lua.LoadLibName, lua.OpenPackage}, {lua.BaseLibName, lua.OpenBase}, {lua.TabLibName, lua.OpenTable}} {
		call := lua.P{Fn: vm.NewFunction(library.open), NRet: 0, Protect: true}
		if err := vm.CallByParam(call, lua.LString(library.name)); err != nil {
			return "", "", err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	vm.SetContext(ctx)
	vm.SetGlobal("obj", value(vm, object))
	if err := vm.DoString(script); err != nil {
		return "", "", err
	}
	told, ok := vm.Get(-1).(*lua.LTable)
	if !ok {
		return "", "", fmt.Errorf("the script returned %s, no table", vm.Get(-1).Type())
	}
	code, isText := told.RawGetString("status").(lua.LString)
	if !isText || !healths[string(code)] {
		return "Unknown", "", fmt.Errorf("%q is no health", told.RawGetString("status").String())
	}
	message, isText := told.RawGetString("message").(lua.LString)
	if !isText {
		return "", "", fmt.Errorf("the message is %s, no string", told.RawGetString("message").Type())
	}
	return string(code), string(message), nil
}

// As Argo CD hands an object to a script.
func value(vm *lua.LState, from any) lua.LValue {
	switch is := from.(type) {
	case bool:
		return lua.LBool(is)
	case float64:
		return lua.LNumber(is)
	case int64:
		return lua.LNumber(is)
	case string:
		return lua.LString(is)
	case []any:
		list := vm.CreateTable(len(is), 0)
		for _, item := range is {
			list.Append(value(vm, item))
		}
		return list
	case map[string]any:
		table := vm.CreateTable(0, len(is))
		for key, item := range is {
			table.RawSetString(key, value(vm, item))
		}
		return table
	}
	return lua.LNil
}

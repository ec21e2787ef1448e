// Tables reads the requests that the Gateway API's conformance tests send, and what each has to
// get, out of the tests' own Go files.
//
// usage: go run tables.go CONFORMANCE_MODULE_DIR
//
// It prints JSON: a list of tests, each with its file, name, features, manifests, and requests in
// the order of the file. A request holds the literal that the test has for it, the gateway (or the
// mesh client) that it is sent to, and null where a value is not written down in the file itself;
// whether the test has changed resources before it sends the request; and by which function it does.
package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

type test struct {
	File      string
	Name      any
	Features  []string
	Manifests any
	Requests  []*request
}

type request struct {
	Protocol string // "http" or "grpc", the package of the literal
	Literal  any
	To       any // {"Gateway": ...}, {"Client": ..., "Namespace": ...}, or null
	Changed  bool
	By       string

	variable string
}

func main() {
	root := os.Args[1]
	constants := map[string]any{}
	for _, folder := range []string{"utils/suite", "utils/echo", "utils/http", "utils/grpc"} {
		for _, file := range parsed(filepath.Join(root, folder, "*.go")) {
			readConstants(file, constants)
		}
	}
	tests := []test{}
	for _, folder := range []string{"tests", "tests/mesh"} {
		names, _ := filepath.Glob(filepath.Join(root, folder, "*.go"))
		for _, name := range names {
			reader := &reader{known: map[string]any{}, constants: constants, rangedOver: map[string]string{}}
			relative, _ := filepath.Rel(root, name)
			tests = append(tests, reader.tests(relative, parse(name))...)
		}
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(tests); err != nil {
		fatal(err)
	}
}

func fatal(problem any) {
	fmt.Fprintln(os.Stderr, "tables:", problem)
	os.Exit(1)
}

func parse(name string) *ast.File {
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
	if err != nil {
		fatal(err)
	}
	return file
}

func parsed(pattern string) (files []*ast.File) {
	names, _ := filepath.Glob(pattern)
	for _, name := range names {
		files = append(files, parse(name))
	}
	return files
}

func readConstants(file *ast.File, into map[string]any) {
	ast.Inspect(file, func(node ast.Node) bool {
		if spec, ok := node.(*ast.ValueSpec); ok {
			for i, name := range spec.Names {
				if i < len(spec.Values) {
					if literal, ok := spec.Values[i].(*ast.BasicLit); ok {
						into[name.Name] = basic(literal)
					}
				}
			}
		}
		_, function := node.(*ast.FuncDecl)
		return !function
	})
}

// A reader walks one file in its order. `known` holds the variables that it has met, `waiting` the
// requests that no call has sent yet.
type reader struct {
	known      map[string]any
	constants  map[string]any
	rangedOver map[string]string
	changed    bool
	waiting    []*request
	all        []*request
}

func (r *reader) tests(name string, file *ast.File) (found []test) {
	for _, declaration := range file.Decls {
		general, ok := declaration.(*ast.GenDecl)
		if !ok || general.Tok != token.VAR {
			continue
		}
		for _, spec := range general.Specs {
			for _, value := range spec.(*ast.ValueSpec).Values {
				literal, ok := value.(*ast.CompositeLit)
				if !ok || typeName(literal.Type) != "ConformanceTest" {
					continue
				}
				r.all, r.changed = nil, false
				one := test{File: name}
				for _, element := range literal.Elts {
					pair := element.(*ast.KeyValueExpr)
					switch pair.Key.(*ast.Ident).Name {
					case "ShortName":
						one.Name = r.value(pair.Value)
					case "Manifests":
						one.Manifests = r.value(pair.Value)
					case "Features":
						one.Features = features(pair.Value)
					case "Test":
						r.walk(pair.Value, "")
					}
				}
				one.Requests = r.all
				if len(one.Requests) > 0 {
					found = append(found, one)
				}
			}
		}
	}
	return found
}

func features(value ast.Expr) (names []string) {
	ast.Inspect(value, func(node ast.Node) bool {
		if selector, ok := node.(*ast.SelectorExpr); ok {
			names = append(names, strings.TrimPrefix(selector.Sel.Name, "Support"))
		}
		return true
	})
	return names
}

// walk visits a function's statements in their order; `variable` is what the values are assigned to.
func (r *reader) walk(node ast.Node, variable string) {
	ast.Inspect(node, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.AssignStmt:
			r.assign(node.Lhs, node.Rhs)
			return false
		case *ast.ValueSpec:
			left := []ast.Expr{}
			for _, name := range node.Names {
				left = append(left, name)
			}
			r.assign(left, node.Values)
			return false
		case *ast.RangeStmt:
			if value, ok := node.Value.(*ast.Ident); ok {
				r.rangedOver[value.Name] = identName(node.X)
			}
		case *ast.CompositeLit:
			return !r.request(node, nil, variable)
		case *ast.CallExpr:
			for _, argument := range node.Args {
				r.walk(argument, variable)
			}
			r.walk(node.Fun, variable)
			r.call(node)
			return false
		}
		return true
	})
}

func (r *reader) assign(left, right []ast.Expr) {
	for i, value := range right {
		name := "_"
		if i < len(left) {
			name = identName(left[i])
		}
		if index, ok := value.(*ast.IndexExpr); ok { // tc := testCases[i]
			r.rangedOver[name] = identName(index.X)
		}
		r.walk(value, name)
		if call, ok := value.(*ast.CallExpr); ok {
			if to := r.destination(call); to != nil {
				r.known[name] = to
				continue
			}
		}
		r.known[name] = r.value(value)
	}
}

// request keeps a literal of an ExpectedResponse, or all of a list of them, and says whether it was.
func (r *reader) request(literal *ast.CompositeLit, elided ast.Expr, variable string) bool {
	kind := literal.Type
	if kind == nil {
		kind = elided
	}
	if list, ok := kind.(*ast.ArrayType); ok && typeName(list.Elt) == "ExpectedResponse" {
		for _, element := range literal.Elts {
			if one, ok := element.(*ast.CompositeLit); ok {
				r.request(one, list.Elt, variable)
			}
		}
		return true
	}
	if typeName(kind) != "ExpectedResponse" {
		return false
	}
	one := &request{Protocol: packageName(kind), Literal: r.value(literal), variable: variable}
	r.waiting = append(r.waiting, one)
	r.all = append(r.all, one)
	return true
}

// Calls of a client of Kubernetes after which the manifests no longer say what there is.
var changing = map[string]bool{"Create": true, "Delete": true, "Patch": true, "Update": true}

// call gives the requests that it sends their destination.
func (r *reader) call(call *ast.CallExpr) {
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return
	}
	if name := selector.Sel.Name; typeName(selector.X) == "Client" || strings.HasPrefix(name, "MustApplyObjects") {
		r.changed = r.changed || changing[name] || strings.HasPrefix(name, "Must")
	}
	by := selector.Sel.Name
	if !strings.HasPrefix(by, "MakeRequest") && !strings.HasPrefix(by, "MakeTLSRequest") {
		return
	}
	to := r.known[identName(selector.X)] // a client of the mesh
	sent := map[string]bool{"": true, "_": true}
	for _, argument := range call.Args {
		name := identName(argument)
		if value, ok := r.known[name].(map[string]any); ok && value["Gateway"] != nil {
			to = value
		}
		sent[name] = true
		sent[r.rangedOver[name]] = true
	}
	left := r.waiting[:0:0]
	for _, one := range r.waiting {
		if sent[one.variable] || one.variable == "" {
			one.To, one.Changed, one.By = to, r.changed, by
		} else {
			left = append(left, one)
		}
	}
	r.waiting = left
}

// destination tells where a call leads: to a Gateway and listeners, or to a client in the mesh.
func (r *reader) destination(call *ast.CallExpr) any {
	switch name := typeName(call.Fun); {
	case strings.HasPrefix(name, "ConnectToApp"):
		to := map[string]any{"Client": r.value(call.Args[2])}
		if len(call.Args) > 3 {
			to["Namespace"] = r.value(call.Args[3])
		}
		return to
	case strings.Contains(name, "MustBeAccepted"), strings.HasPrefix(name, "WaitForGatewayAddress"):
		for _, argument := range call.Args {
			if reference, ok := argument.(*ast.CallExpr); ok && typeName(reference.Fun) == "NewGatewayRef" {
				values := []any{}
				for _, one := range reference.Args {
					values = append(values, r.value(one))
				}
				return map[string]any{"Gateway": values[0], "Listeners": values[1:]}
			}
		}
	}
	return nil
}

// value tells what an expression stands for: a text, a number, a list, a map; nil for what only a
// running test knows.
func (r *reader) value(expression ast.Expr) any {
	switch node := expression.(type) {
	case *ast.BasicLit:
		return basic(node)
	case *ast.Ident:
		if node.Name == "true" || node.Name == "false" {
			return node.Name == "true"
		}
		if value, ok := r.known[node.Name]; ok {
			return value
		}
		return r.constants[node.Name]
	case *ast.SelectorExpr:
		if value, ok := r.constants[node.Sel.Name]; ok {
			return value
		}
		if packageName(node) == "codes" {
			return node.Sel.Name
		}
		if owner, ok := r.value(node.X).(map[string]any); ok {
			return owner[node.Sel.Name]
		}
	case *ast.BinaryExpr:
		left, first := r.value(node.X).(string)
		right, second := r.value(node.Y).(string)
		if node.Op == token.ADD && first && second {
			return left + right
		}
	case *ast.UnaryExpr:
		return r.value(node.X)
	case *ast.ParenExpr:
		return r.value(node.X)
	case *ast.CompositeLit:
		return r.composite(node)
	}
	return nil
}

func (r *reader) composite(literal *ast.CompositeLit) any {
	fields, items := map[string]any{}, []any{}
	for _, element := range literal.Elts {
		if pair, ok := element.(*ast.KeyValueExpr); ok {
			fields[r.key(pair.Key)] = r.value(pair.Value)
		} else {
			items = append(items, r.value(element))
		}
	}
	if _, list := literal.Type.(*ast.ArrayType); list || len(items) > 0 {
		return items
	}
	return fields
}

func (r *reader) key(key ast.Expr) string {
	if name, ok := key.(*ast.Ident); ok {
		return name.Name
	}
	return fmt.Sprint(r.value(key))
}

func basic(literal *ast.BasicLit) any {
	switch literal.Kind {
	case token.STRING:
		if text, err := strconv.Unquote(literal.Value); err == nil {
			return text
		}
	case token.INT:
		if number, err := strconv.Atoi(literal.Value); err == nil {
			return number
		}
	case token.FLOAT:
		if number, err := strconv.ParseFloat(literal.Value, 64); err == nil {
			return number
		}
	}
	return nil
}

func typeName(expression ast.Expr) string {
	if selector, ok := expression.(*ast.SelectorExpr); ok {
		return selector.Sel.Name
	}
	return identName(expression)
}

func packageName(expression ast.Expr) string {
	if selector, ok := expression.(*ast.SelectorExpr); ok {
		return identName(selector.X)
	}
	return ""
}

func identName(expression ast.Expr) string {
	if name, ok := expression.(*ast.Ident); ok {
		return name.Name
	}
	return ""
}

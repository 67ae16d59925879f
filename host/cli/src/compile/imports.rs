//! What a component needs from the firmware that runs it, against what the firmware of `examples/board` provides.

use anyhow::{Context, Result};
use wasmparser::component_types::{ComponentAnyTypeId, ComponentEntityType};
use wasmparser::types::TypesRef;
use wasmparser::{Parser, Payload, Validator, WasmFeatures};

/// The interface that a command exports.
const RUN: &str = "wasi:cli/run";

/// The whole of memory control but what needs a filesystem.
const MEMORY_CONTROL: &str = "wasi:memory-control/";
const WITH_FILES: &str = "wasi:memory-control/file-object";

/// The functions that the firmware has of each interface of WASI: enough to print.
const WASI: [(&str, &[&str]); 3] = [
    ("wasi:cli/stdout", &["get-stdout"]),
    ("wasi:io/error", &[]),
    ("wasi:io/streams", &["[method]output-stream.blocking-write-and-flush"]),
];

/// What a component needs of a board's firmware, and whether it is a command at all.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// Interfaces that the firmware lacks, or functions in them, in the component's order.
    pub(super) missing: Vec<String>,
    /// What it imports of memory control: `INTERFACE#FUNCTION`, and `INTERFACE#RESOURCE` for resources, in the component's order.
    pub(super) functions: Vec<String>,
    /// Whether it exports `wasi:cli/run`.
    pub(super) runs: bool,
}

impl Needs {
    /// Reads the imports of `component`. Interfaces in `provided`, with or without a version, are there too.
    ///
    /// # Errors
    /// It is not valid.
    pub(super) fn of(component: &[u8], provided: &[String]) -> Result<Self> {
        let types = Validator::new_with_features(WasmFeatures::all())
            .validate_all(component)
            .context("it is not a valid component")?;
        let types = types.as_ref();
        let mut needs = Self::default();
        let mut depth = 0_u32;
        for payload in Parser::new(0).parse_all(component) {
            match payload? {
                // What is inside imports from the component around it.
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 0 => {
                    for import in section {
                        needs.note(&types, import?.name.name, provided);
                    }
                }
                Payload::ComponentExportSection(section) if depth == 0 => {
                    for export in section {
                        needs.runs |= interface(export?.name.name) == RUN;
                    }
                }
                _ => {}
            }
        }
        Ok(needs)
    }

    fn note(&mut self, types: &TypesRef<'_>, name: &str, provided: &[String]) {
        let interface = interface(name);
        let exports = exports(types, name);
        if interface.starts_with(MEMORY_CONTROL) {
            let names = exports.iter().flatten();
            self.functions.extend(names.map(|(export, _)| format!("{name}#{export}")));
        }
        let ours = interface.starts_with(MEMORY_CONTROL) && interface != WITH_FILES;
        if ours || provided.iter().any(|provided| provided == name || provided == interface) {
            return;
        }
        let functions = exports.map(|exports| {
            let functions = exports.into_iter().filter(|(_, kind)| *kind == Export::Function);
            functions.map(|(name, _)| name).collect::<Vec<_>>()
        });
        let known = WASI.iter().find(|(wasi, _)| *wasi == interface).map(|(_, functions)| *functions);
        match (functions, known) {
            // Types alone need nothing of the firmware: wasi:io/error in a signature, for instance.
            (Some(functions), Some(known)) => {
                let unknown = functions.into_iter().filter(|function| !known.contains(&function.as_str()));
                self.missing.extend(unknown.map(|function| format!("{name} ({function})")));
            }
            _ => self.missing.push(name.to_owned()),
        }
    }
}

/// An interface's name without its version.
fn interface(name: &str) -> &str {
    name.split_once('@').map_or(name, |(interface, _)| interface)
}

/// What an instance has that somebody must provide.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Export {
    Function,
    Resource,
}

/// The functions and the resources of the instance that is imported as `name`, if it is one.
fn exports(types: &TypesRef<'_>, name: &str) -> Option<Vec<(String, Export)>> {
    let ComponentEntityType::Instance(instance) = types.component_item_for_import(name)?.ty else { return None };
    let exports = types[instance].exports.iter().filter_map(|(name, item)| match item.ty {
        ComponentEntityType::Func(_) => Some((name.clone(), Export::Function)),
        ComponentEntityType::Type { created: ComponentAnyTypeId::Resource(_), .. } => {
            Some((name.clone(), Export::Resource))
        }
        _ => None,
    });
    Some(exports.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(wat: &str, provided: &[&str]) -> Needs {
        let provided: Vec<_> = provided.iter().map(|name| (*name).to_owned()).collect();
        Needs::of(&wat::parse_str(wat).unwrap(), &provided).unwrap()
    }

    /// A component that prints, subscribes to its output, and opens a file object.
    const GREEDY: &str = r#"(component
        (import "wasi:io/error@0.2.6" (instance (export "error" (type (sub resource)))))
        (import "wasi:io/streams@0.2.6" (instance
            (export "output-stream" (type $stream (sub resource)))
            (export "[method]output-stream.blocking-write-and-flush" (func (param "self" (borrow $stream))))
            (export "[method]output-stream.subscribe" (func (param "self" (borrow $stream))))))
        (import "wasi:memory-control/object@0.1.0-draft" (instance (export "f" (func))))
        (import "wasi:memory-control/file-object@0.1.0-draft" (instance (export "f" (func))))
        (import "memctl:board/test" (instance (export "poke" (func)))))"#;

    #[test]
    fn what_the_firmware_lacks_is_named_by_interface_and_by_function() {
        let missing = [
            "wasi:io/streams@0.2.6 ([method]output-stream.subscribe)",
            "wasi:memory-control/file-object@0.1.0-draft",
            "memctl:board/test",
        ];
        assert_eq!(needs(GREEDY, &[]).missing, missing);
    }

    #[test]
    fn what_is_imported_of_memory_control_is_listed_with_its_interface() {
        let wat = r#"(component
            (import "wasi:io/error@0.2.6" (instance (export "error" (type (sub resource)))))
            (import "wasi:memory-control/types@0.1.0-draft" (instance (type $access' (enum "read" "write")) (export "access" (type (eq $access')))))
            (import "wasi:memory-control/object@0.1.0-draft" (instance
                (export "object" (type $object (sub resource)))
                (export "[method]object.len" (func (param "self" (borrow $object)) (result u64))))))"#;
        let listed = [
            "wasi:memory-control/object@0.1.0-draft#object",
            "wasi:memory-control/object@0.1.0-draft#[method]object.len",
        ];
        assert_eq!(needs(wat, &[]).functions, listed);
    }

    #[test]
    fn what_another_firmware_provides_is_not_missing() {
        let provided = ["wasi:io/streams", "wasi:memory-control/file-object@0.1.0-draft", "memctl:board/test"];
        assert_eq!(needs(GREEDY, &provided).missing, [""; 0]);
    }

    #[test]
    fn imports_of_what_is_inside_are_not_the_components_own() {
        let inside = r#"(component
            (component $inner (import "wasi:filesystem/types@0.2.6" (instance)))
            (core module (import "env" "f" (func)))
            (instance $run)
            (export "wasi:cli/run@0.2.6" (instance $run)))"#;
        assert_eq!(needs(inside, &[]), Needs { runs: true, ..Needs::default() });
    }
}

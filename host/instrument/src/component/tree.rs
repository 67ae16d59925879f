//! A component as it was: what each of its index spaces holds, as far as memories and their users go.

use std::collections::BTreeMap;

use wasmparser::ExternalKind;

use super::guard::Call;
use super::memories::Memories;
use super::problem::Problem;

/// All components and core modules of a file, in the order in which they begin. The first component is the file itself.
#[derive(Debug, Default)]
pub(super) struct Tree<'a> {
    pub(super) scopes: Vec<Scope<'a>>,
    pub(super) modules: Vec<CoreModule<'a>>,
    /// Whether anything in it can have ranges protected while it runs.
    pub(super) protects: bool,
}

/// A core module, where it is defined.
#[derive(Debug)]
pub(super) struct CoreModule<'a> {
    pub(super) bytes: &'a [u8],
    /// Where they begin in the file.
    pub(super) offset: usize,
    pub(super) memories: Memories<'a>,
    /// Whether it may be instantiated where the tree doesn't show it.
    pub(super) leaves: bool,
}

/// A component's index spaces.
#[derive(Debug, Default)]
pub(super) struct Scope<'a> {
    pub(super) parent: Option<usize>,
    /// Core modules, as numbers in the tree; none for one that an instantiation brings.
    pub(super) modules: Vec<Option<usize>>,
    pub(super) instances: Vec<Instance<'a>>,
    pub(super) functions: Vec<CoreFunction<'a>>,
    /// Core memories: the core instance that exports it, and the name.
    pub(super) memories: Vec<(u32, &'a str)>,
    /// By the number of the `canon` definition.
    pub(super) uses: BTreeMap<usize, Use>,
    /// By the indices of the function and the memory.
    pub(super) reallocs: BTreeMap<(u32, u32), Use>,
    /// Component instances and functions: whether they come from `wasi:memory-control`.
    pub(super) component_instances: Vec<bool>,
    pub(super) component_functions: Vec<bool>,
    /// `canon` definitions so far.
    pub(super) canons: usize,
    /// After each section: how many core modules, core instances and core functions there are.
    pub(super) counts: Vec<[usize; 3]>,
    /// Definitions that touch a memory in ways that no check covers.
    pub(super) uncovered: Vec<(Definer, Problem)>,
}

/// A core instance.
#[derive(Debug)]
pub(super) enum Instance<'a> {
    Of { module: Option<usize>, args: Vec<(&'a str, u32)>, offset: usize },
    Bundle(Vec<(&'a str, ExternalKind, u32)>),
}

/// A core function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CoreFunction<'a> {
    Export(u32, &'a str),
    Canon,
}

/// Where a memory is defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Definer {
    /// The core instance in its component.
    pub(super) instance: u32,
    /// The core module in the tree.
    pub(super) module: usize,
    /// The memory in the module.
    pub(super) memory: u32,
}

/// A core function that the canonical ABI uses together with a memory.
#[derive(Clone, Debug)]
pub(super) struct Use {
    pub(super) function: u32,
    pub(super) memory: u32,
    pub(super) definer: Definer,
    pub(super) params: Vec<wasm_encoder::ValType>,
    pub(super) results: Vec<wasm_encoder::ValType>,
    /// The function that makes room for the host, of a `canon` definition.
    pub(super) realloc: Option<u32>,
    pub(super) call: Call,
}

impl<'a> Tree<'a> {
    /// Follows an exported memory to the instance that defines it.
    pub(super) fn definer(
        &self,
        scope: usize,
        (mut instance, mut name): (u32, &'a str),
        offset: usize,
    ) -> Result<Definer, Problem> {
        let unresolved = |what: String| Problem::at(offset, what);
        let scope = &self.scopes[scope];
        loop {
            let found = usize::try_from(instance).ok().and_then(|at| scope.instances.get(at));
            match found {
                Some(Instance::Bundle(exports)) => {
                    let memory = exports
                        .iter()
                        .find(|(export, kind, _)| *export == name && *kind == ExternalKind::Memory)
                        .and_then(|(_, _, memory)| scope.memories.get(usize::try_from(*memory).ok()?));
                    let Some(source) = memory else {
                        return Err(unresolved(format!("core instance {instance} has no memory \"{name}\"")));
                    };
                    (instance, name) = *source;
                }
                Some(Instance::Of { module: Some(module), args, .. }) => {
                    let memories = &self.modules[*module].memories;
                    let Some((_, memory)) = memories.exported.iter().find(|(export, _)| *export == name) else {
                        return Err(unresolved(format!("core instance {instance} has no memory \"{name}\"")));
                    };
                    let imported = usize::try_from(*memory).ok().and_then(|at| memories.imported.get(at));
                    let Some((from, field)) = imported else {
                        return Ok(Definer { instance, module: *module, memory: *memory });
                    };
                    let Some((_, arg)) = args.iter().find(|(arg, _)| arg == from) else {
                        return Err(unresolved(format!("core instance {instance} is not given \"{from}\"")));
                    };
                    (instance, name) = (*arg, field);
                }
                Some(Instance::Of { module: None, offset, .. }) => {
                    return Err(Problem::at(
                        *offset,
                        format!(
                            "core instance {instance} is of a module that another component passes in, and its memory \"{name}\" is used here: define \
                             the module in the component that instantiates it"
                        ),
                    ));
                }
                None => return Err(unresolved(format!("there is no core instance {instance}"))),
            }
        }
    }

    /// The definers of the memories that an instance imports, in their order.
    pub(super) fn imported(
        &self,
        scope: usize,
        module: usize,
        args: &[(&'a str, u32)],
        offset: usize,
    ) -> Result<Vec<Definer>, Problem> {
        let imports = &self.modules[module].memories.imported;
        let definer = |(from, field): &(&'a str, &'a str)| match args.iter().find(|(arg, _)| arg == from) {
            Some((_, instance)) => self.definer(scope, (*instance, field), offset),
            None => Err(Problem::at(offset, format!("a core instance is not given \"{from}\""))),
        };
        imports.iter().map(definer).collect()
    }
}

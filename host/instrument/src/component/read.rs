//! Reads a component into a [`Tree`].

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind, ComponentTypeRef, ExternalKind,
    Parser, Payload, ValidPayload, Validator, WasmFeatures,
};

use super::canon;
use crate::exports::{CONTROL, asks_for_table};

use super::memories::Memories;
use super::problem::Problem;
use super::tree::{CoreFunction, CoreModule, Instance, Scope, Tree};

/// Reads a component.
pub(super) fn read(bytes: &[u8], features: WasmFeatures) -> Result<Tree<'_>, Problem> {
    Validator::new_with_features(features).validate_all(bytes)?;
    let mut validator = Validator::new_with_features(features);
    let mut reader = Reader { bytes, tree: Tree::default(), open: Vec::new() };
    let mut parser = Parser::new(0);
    parser.set_features(features);
    reader.enter();
    // Core modules are read as a whole: their own payloads, up to this depth, are for the validator only.
    let mut inside_modules = 0_u32;
    for payload in parser.parse_all(bytes) {
        let payload = payload?;
        // Bodies were validated above.
        let _: ValidPayload<'_> = validator.payload(&payload)?;
        if let Payload::ModuleSection { unchecked_range: range, .. }
        | Payload::ComponentSection { unchecked_range: range, .. } = &payload
            && range.end > bytes.len()
        {
            return Err(Problem::at(bytes.len(), "the file ends within a section"));
        }
        match &payload {
            Payload::End(_) if inside_modules > 0 => inside_modules -= 1,
            _ if inside_modules > 0 => {}
            Payload::End(_) => {
                reader.note();
                reader.open.pop();
            }
            Payload::ModuleSection { .. } => {
                inside_modules += 1;
                reader.payload(&payload, &validator)?;
                reader.note();
            }
            Payload::ComponentSection { .. } => {
                reader.note();
                reader.enter();
            }
            _ => {
                reader.payload(&payload, &validator)?;
                reader.note();
            }
        }
    }
    reader.leavers()?;
    Ok(reader.tree)
}

struct Reader<'a> {
    bytes: &'a [u8],
    tree: Tree<'a>,
    // The components that are open, innermost last.
    open: Vec<usize>,
}

impl<'a> Reader<'a> {
    fn enter(&mut self) {
        let scope = Scope { parent: self.open.last().copied(), ..Scope::default() };
        self.open.push(self.tree.scopes.len());
        self.tree.scopes.push(scope);
    }

    fn number(&self) -> usize {
        self.open.last().copied().unwrap_or(0)
    }

    fn scope(&mut self) -> &mut Scope<'a> {
        let number = self.number();
        &mut self.tree.scopes[number]
    }

    /// Remembers how far the index spaces have grown.
    fn note(&mut self) {
        let scope = self.scope();
        let counts = [scope.modules.len(), scope.instances.len(), scope.functions.len()];
        scope.counts.push(counts);
    }

    fn payload(&mut self, payload: &Payload<'a>, validator: &Validator) -> Result<(), Problem> {
        let types = validator.types(0);
        match payload {
            Payload::ModuleSection { unchecked_range, .. } => {
                let range = unchecked_range.clone();
                let (bytes, offset) = (&self.bytes[range.clone()], range.start);
                let memories = Memories::of(bytes, offset)?;
                self.tree.protects |= memories.protects;
                self.tree.modules.push(CoreModule { bytes, offset, memories, leaves: false });
                let module = self.tree.modules.len() - 1;
                self.scope().modules.push(Some(module));
            }
            Payload::ComponentImportSection(imports) => {
                for import in imports.clone().into_iter_with_offsets() {
                    let (offset, import) = import?;
                    self.import(import.name.name, import.ty, offset)?;
                }
            }
            Payload::InstanceSection(instances) => {
                for instance in instances.clone().into_iter_with_offsets() {
                    let (offset, instance) = instance?;
                    self.instance(instance, offset);
                }
            }
            Payload::ComponentAliasSection(aliases) => {
                for alias in aliases.clone().into_iter_with_offsets() {
                    let (offset, alias) = alias?;
                    self.alias(&alias, offset)?;
                }
            }
            Payload::ComponentCanonicalSection(canons) => {
                if let Some(types) = types {
                    for canon in canons.clone().into_iter_with_offsets() {
                        let (offset, canon) = canon?;
                        canon::read(&mut self.tree, *self.open.last().unwrap_or(&0), &canon, types, offset)?;
                    }
                }
            }
            Payload::ComponentInstanceSection(instances) => {
                for instance in instances.clone() {
                    let leaving: Vec<u32> = match instance? {
                        ComponentInstance::Instantiate { args, .. } => {
                            let modules = args.iter().filter(|arg| arg.kind == ComponentExternalKind::Module);
                            modules.map(|arg| arg.index).collect()
                        }
                        ComponentInstance::FromExports(exports) => {
                            let modules = exports.iter().filter(|export| export.kind == ComponentExternalKind::Module);
                            modules.map(|export| export.index).collect()
                        }
                    };
                    leaving.into_iter().for_each(|module| self.leaves(module));
                }
            }
            Payload::ComponentExportSection(exports) => {
                for export in exports.clone() {
                    let export = export?;
                    if export.kind == ComponentExternalKind::Module {
                        self.leaves(export.index);
                        // An export is a new definition.
                        let scope = self.scope();
                        let module = super::get(&scope.modules, export.index).copied().flatten();
                        scope.modules.push(module);
                    }
                }
            }
            _ => {}
        }
        if let Some(types) = types {
            let scope = self.scope();
            scope.component_instances.resize(len(types.component_instance_count()), false);
            scope.component_functions.resize(len(types.component_function_count()), false);
        }
        Ok(())
    }

    fn import(&mut self, name: &str, ty: ComponentTypeRef, offset: usize) -> Result<(), Problem> {
        let nested = self.scope().parent.is_some();
        match ty {
            ComponentTypeRef::Module(_) if nested => self.scope().modules.push(None),
            ComponentTypeRef::Module(_) => {
                return Err(Problem::at(
                    offset,
                    format!(
                        "it imports the core module \"{name}\", whose accesses nothing checks: compose it with that module first"
                    ),
                ));
            }
            ComponentTypeRef::Component(_) if !nested => {
                return Err(Problem::at(
                    offset,
                    format!(
                        "it imports the component \"{name}\", whose accesses nothing checks: compose it with that component first"
                    ),
                ));
            }
            ComponentTypeRef::Instance(_) => {
                self.tree.protects |= asks_for_table(name);
                self.scope().component_instances.push(name.starts_with(CONTROL));
            }
            ComponentTypeRef::Func(_) => self.scope().component_functions.push(false),
            ComponentTypeRef::Component(_) | ComponentTypeRef::Value(_) | ComponentTypeRef::Type(_) => {}
        }
        Ok(())
    }

    fn instance(&mut self, instance: wasmparser::Instance<'a>, offset: usize) {
        let scope = self.scope();
        let instance = match instance {
            wasmparser::Instance::Instantiate { module_index, args } => Instance::Of {
                module: super::get(&scope.modules, module_index).copied().flatten(),
                args: args.iter().map(|arg| (arg.name, arg.index)).collect(),
                offset,
            },
            wasmparser::Instance::FromExports(exports) => {
                Instance::Bundle(exports.iter().map(|export| (export.name, export.kind, export.index)).collect())
            }
        };
        scope.instances.push(instance);
    }

    fn alias(&mut self, alias: &ComponentAlias<'a>, offset: usize) -> Result<(), Problem> {
        match *alias {
            ComponentAlias::InstanceExport { kind, instance_index, name } => match kind {
                ComponentExternalKind::Module => {
                    return Err(Problem::at(
                        offset,
                        format!(
                            "the core module \"{name}\" is an export of a component instance: define it in the component that instantiates it"
                        ),
                    ));
                }
                ComponentExternalKind::Func => {
                    let scope = self.scope();
                    let found = super::get(&scope.component_instances, instance_index).copied().unwrap_or(false);
                    scope.component_functions.push(found);
                }
                ComponentExternalKind::Instance => self.scope().component_instances.push(false),
                ComponentExternalKind::Value | ComponentExternalKind::Type | ComponentExternalKind::Component => {}
            },
            ComponentAlias::CoreInstanceExport { kind, instance_index, name } => match kind {
                ExternalKind::Func | ExternalKind::FuncExact => {
                    self.scope().functions.push(CoreFunction::Export(instance_index, name));
                }
                ExternalKind::Memory => self.scope().memories.push((instance_index, name)),
                ExternalKind::Table | ExternalKind::Global | ExternalKind::Tag => {}
            },
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::CoreModule, count, index } => {
                let scope = super::get(&self.open, u32::try_from(self.open.len()).unwrap_or(0) - 1 - count);
                let module = scope.and_then(|scope| super::get(&self.tree.scopes[*scope].modules, index));
                let module = module.copied().flatten();
                self.scope().modules.push(module);
            }
            ComponentAlias::Outer { .. } => {}
        }
        Ok(())
    }

    fn leaves(&mut self, module: u32) {
        let module = super::get(&self.scope().modules, module).copied().flatten();
        if let Some(module) = module {
            self.tree.modules[module].leaves = true;
        }
    }

    /// A module that imports a memory is given a shield wherever it is instantiated, which has to be in sight.
    fn leavers(&self) -> Result<(), Problem> {
        let leaver = |(number, module): (usize, &CoreModule<'a>)| {
            (module.leaves && !module.memories.imported.is_empty()).then(|| {
                let what = format!(
                    "core module {number} imports a memory, and is passed to whoever instantiates it: instantiate it in the component that defines it"
                );
                Problem::at(module.offset, what)
            })
        };
        self.tree.modules.iter().enumerate().find_map(leaver).map_or(Ok(()), Err)
    }
}

fn len(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

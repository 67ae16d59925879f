//! Writes a component anew: core modules instrumented, shields passed along with the memories that they guard, and guards in front of what the host does.
//!
//! Definitions keep their order. Guards add core modules, core instances and core functions, so that the indices of those three shift; all
//! sections that mention none of them are copied byte for byte.

use wasm_encoder::reencode::{Error, Reencode, ReencodeComponent, component_utils};
use wasm_encoder::{
    CanonicalFunctionSection, CanonicalOption, Component, ComponentSectionId, InstanceSection, MemoryType, ModuleArg,
    NestedComponentSection, RawSection,
};
use wasmparser::{CanonicalFunction, KnownCustom, Parser, Payload};

use super::guards::Key;
use super::level::Level;
use super::problem::Problem;
use super::tree::{Instance, Tree};
use super::{Made, get};
use crate::exports;

/// The writer of a file.
pub(super) struct Rewriter<'t, 'a> {
    pub(super) tree: &'t Tree<'a>,
    pub(super) made: &'t [Made],
    /// Whether modules check the table.
    pub(super) table: bool,
    /// What every shield is.
    pub(super) shield: MemoryType,
    levels: Vec<Level>,
    scopes: usize,
    modules: usize,
}

type Result<T> = std::result::Result<T, Error<Problem>>;

impl<'t, 'a> Rewriter<'t, 'a> {
    pub(super) fn new(tree: &'t Tree<'a>, made: &'t [Made], table: bool, shield: MemoryType) -> Self {
        Self { tree, made, table, shield, levels: vec![Level::default()], scopes: 1, modules: 0 }
    }

    /// The new file.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<Vec<u8>> {
        let mut component = Component::new();
        let mut parser = Parser::new(0);
        parser.set_features(super::features());
        component_utils::parse_component(self, &mut component, parser, bytes, bytes)?;
        Ok(component.finish())
    }

    pub(super) fn level(&mut self) -> &mut Level {
        self.levels.last_mut().expect("the file itself is never left")
    }

    fn canonicals(
        &mut self,
        component: &mut Component,
        section: wasmparser::ComponentCanonicalSectionReader<'_>,
    ) -> Result<()> {
        let mut canonical = CanonicalFunctionSection::new();
        for canon in section {
            let canon = canon?;
            let number = self.level().canons;
            self.level().canons += 1;
            let options = match &canon {
                CanonicalFunction::Lift { options, .. } | CanonicalFunction::Lower { options, .. } => &options[..],
                _ => &[],
            };
            if self.refers_to_pending(&canon, options) {
                finish(component, &mut canonical);
                self.guard_pending(component);
            }
            let demanded = self.demanded(number);
            if !demanded.is_empty() {
                finish(component, &mut canonical);
                self.guard_ready(component, demanded);
            }
            match &canon {
                CanonicalFunction::Lift { core_func_index, type_index, options } => {
                    let function = match self.level().guards.get(&Key::Canon(number)) {
                        Some(guard) => *guard,
                        None => self.function_index(*core_func_index)?,
                    };
                    let options = self.options(options)?;
                    canonical.lift(function, *type_index, options);
                }
                CanonicalFunction::Lower { func_index, options } => {
                    let options = self.options(options)?;
                    canonical.lower(*func_index, options);
                    let old = super::count(&self.level().functions);
                    self.level().define();
                    if self.wanted(number) {
                        self.level().pending.push((Key::Canon(number), old));
                    }
                }
                _ => {
                    self.parse_component_canonical(&mut canonical, canon)?;
                    self.level().define();
                }
            }
        }
        finish(component, &mut canonical);
        Ok(())
    }

    fn options(&mut self, options: &[wasmparser::CanonicalOption]) -> Result<Vec<CanonicalOption>> {
        let memory = options.iter().find_map(|option| match option {
            wasmparser::CanonicalOption::Memory(memory) => Some(*memory),
            _ => None,
        });
        let mut new = Vec::new();
        for option in options {
            let guard = match (*option, memory) {
                (wasmparser::CanonicalOption::Realloc(function), Some(memory)) => {
                    self.level().guards.get(&Key::Realloc(function, memory)).copied()
                }
                _ => None,
            };
            new.push(match guard {
                Some(guard) => CanonicalOption::Realloc(guard),
                None => self.canonical_option(*option)?,
            });
        }
        Ok(new)
    }

    fn refers_to_pending(&mut self, canon: &CanonicalFunction, options: &[wasmparser::CanonicalOption]) -> bool {
        let functions = options.iter().filter_map(|option| match option {
            wasmparser::CanonicalOption::Realloc(function)
            | wasmparser::CanonicalOption::PostReturn(function)
            | wasmparser::CanonicalOption::Callback(function) => Some(*function),
            _ => None,
        });
        let lifted = match canon {
            CanonicalFunction::Lift { core_func_index, .. } => Some(*core_func_index),
            _ => None,
        };
        let level = self.level();
        functions.chain(lifted).any(|function| level.pending.iter().any(|(_, old)| *old == function))
    }

    fn instances(&mut self, component: &mut Component, section: wasmparser::InstanceSectionReader<'_>) -> Result<()> {
        // What is exported from here on is the guard, not what it wraps.
        self.guard_pending(component);
        let tree = self.tree;
        let mut instances = InstanceSection::new();
        for instance in section {
            let scope = self.level().scope;
            let old = self.level().instances.len();
            match (instance?, &tree.scopes[scope].instances[old]) {
                (
                    wasmparser::Instance::Instantiate { module_index, args },
                    Instance::Of { module: Some(module), args: given, offset },
                ) => {
                    let definers = tree.imported(scope, *module, given, *offset).map_err(Error::UserError)?;
                    let args = args.iter().map(|arg| (arg.name.to_owned(), arg.index));
                    let shields =
                        (0..).zip(&definers).map(|(memory, definer)| (exports::module(memory), definer.instance));
                    let args: Vec<_> = args
                        .chain(shields)
                        .map(|(name, index)| (name, ModuleArg::Instance(self.instance_index(index))))
                        .collect();
                    let args = args.iter().map(|(name, arg)| (name.as_str(), *arg));
                    instances.instantiate(self.module_index(module_index), args);
                }
                (instance, _) => self.parse_instance(&mut instances, instance)?,
            }
            let level = self.level();
            level.instances.push(level.made[1]);
            level.made[1] += 1;
        }
        component.section(&instances);
        Ok(())
    }
}

impl Reencode for Rewriter<'_, '_> {
    type Error = Problem;

    fn function_index(&mut self, function: u32) -> Result<u32> {
        Ok(get(&self.level().functions, function).copied().unwrap_or(function))
    }
}

impl ReencodeComponent for Rewriter<'_, '_> {
    fn module_index(&mut self, module: u32) -> u32 {
        get(&self.level().modules, module).copied().unwrap_or(module)
    }

    fn instance_index(&mut self, instance: u32) -> u32 {
        get(&self.level().instances, instance).copied().unwrap_or(instance)
    }

    fn outer_module_index(&mut self, count: u32, module: u32) -> u32 {
        let level = usize::try_from(count).ok().and_then(|count| self.levels.iter().rev().nth(count));
        level.and_then(|level| get(&level.modules, module)).copied().unwrap_or(module)
    }

    fn parse_component_subcomponent(
        &mut self,
        component: &mut Component,
        parser: Parser,
        bytes: &[u8],
        file: &[u8],
    ) -> Result<()> {
        self.levels.push(Level::of(self.scopes));
        self.scopes += 1;
        let mut inner = Component::new();
        component_utils::parse_component(self, &mut inner, parser, bytes, file)?;
        self.levels.pop();
        component.section(&NestedComponentSection(&inner));
        Ok(())
    }

    fn parse_component_payload(&mut self, component: &mut Component, payload: Payload<'_>, file: &[u8]) -> Result<()> {
        match payload {
            Payload::ModuleSection { .. } => {
                let data = &self.made[self.modules].wasm;
                self.modules += 1;
                component.section(&RawSection { id: ComponentSectionId::CoreModule.into(), data });
            }
            Payload::ComponentCanonicalSection(section) => self.canonicals(component, section)?,
            Payload::InstanceSection(section) => self.instances(component, section)?,
            Payload::ComponentTypeSection(_) if self.level().shifts_functions() => {
                // Resources name their destructors.
                self.guard_pending(component);
                component_utils::parse_component_payload(self, component, payload, file)?;
            }
            Payload::CustomSection(ref section) if matches!(section.as_known(), KnownCustom::ComponentName(_)) => {
                component_utils::parse_component_payload(self, component, payload, file)?;
            }
            Payload::ComponentSection { .. }
            | Payload::ComponentAliasSection(_)
            | Payload::ComponentInstanceSection(_)
            | Payload::ComponentExportSection(_)
            | Payload::Version { .. }
            | Payload::End(_) => component_utils::parse_component_payload(self, component, payload, file)?,
            other => match other.as_section() {
                Some((id, range)) => {
                    component.section(&RawSection { id, data: &file[range] });
                }
                None => component_utils::parse_component_payload(self, component, other, file)?,
            },
        }
        let tree = self.tree;
        let scope = &tree.scopes[self.level().scope];
        self.level().grow(scope);
        Ok(())
    }

    fn parse_custom_component_name_subsection(
        &mut self,
        names: &mut wasm_encoder::ComponentNameSection,
        section: wasmparser::ComponentName<'_>,
    ) -> Result<()> {
        if let wasmparser::ComponentName::CoreFuncs(map) = section {
            // Names go with what is wrapped, whose indices keep their order.
            let mut new = wasm_encoder::NameMap::new();
            for naming in map {
                let naming = naming?;
                new.append(get(&self.level().unguarded, naming.index).copied().unwrap_or(naming.index), naming.name);
            }
            names.core_funcs(&new);
            return Ok(());
        }
        component_utils::parse_custom_component_name_subsection(self, names, section)
    }
}

fn finish(component: &mut Component, canonical: &mut CanonicalFunctionSection) {
    if !canonical.is_empty() {
        component.section(&std::mem::take(canonical));
    }
}

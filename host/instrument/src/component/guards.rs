//! When guards are made, and for what: as late as possible, and for as much as possible at a time.

use wasm_encoder::reencode::ReencodeComponent;
use wasm_encoder::{
    Alias, Component, ComponentAliasSection, ComponentSectionId, ExportKind, InstanceSection, ModuleArg, RawSection,
};

use memctl_core::Bounds;

use super::abi::{MAX_FLAT_PARAMS, MAX_FLAT_RESULTS, Value};
use super::get;
use super::guard::{Call, Guarded, Hulls, Source, Wrapped, guard};
use super::rewrite::Rewriter;
use super::tree::{CoreFunction, Definer, Use};

/// What a guard is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// The `canon` definition of this number.
    Canon(usize),
    /// A function that makes room in a memory.
    Realloc(u32, u32),
}

impl<'a> Rewriter<'_, 'a> {
    fn used(&mut self, key: Key) -> Option<&Use> {
        let scope = self.level().scope;
        let scope = &self.tree.scopes[scope];
        match key {
            Key::Canon(number) => scope.uses.get(&number),
            Key::Realloc(function, memory) => scope.reallocs.get(&(function, memory)),
        }
    }

    /// Whether the `canon` definition needs a guard.
    pub(super) fn wanted(&mut self, number: usize) -> bool {
        let table = self.table;
        let Some(found) = self.used(Key::Canon(number)).cloned() else { return false };
        self.protected(found.definer) && (table || found.call.touches())
    }

    /// Whether anything in the memory can ever be protected.
    fn protected(&self, definer: Definer) -> bool {
        self.table || self.made[definer.module].memory(definer.memory).1 != Bounds::NONE
    }

    /// The guards that have to be there before the definition.
    pub(super) fn demanded(&mut self, number: usize) -> Vec<Key> {
        let scope = self.level().scope;
        let scope = &self.tree.scopes[scope];
        let Some(found) = scope.uses.get(&number).filter(|found| self.protected(found.definer)) else {
            return Vec::new();
        };
        let mut keys = Vec::new();
        if matches!(found.call, Call::Lift { .. }) && self.wanted(number) {
            keys.push(Key::Canon(number));
        }
        if let Some(function) = found.realloc {
            keys.push(Key::Realloc(function, found.memory));
        }
        keys.retain(|key| !self.level().guards.contains_key(key));
        keys
    }

    /// Makes the guards that are demanded, and all others that can be made now.
    pub(super) fn guard_ready(&mut self, component: &mut Component, mut keys: Vec<Key>) {
        let scope = self.level().scope;
        let scope = &self.tree.scopes[scope];
        let there = super::count(&self.level().instances);
        let lifts = scope.uses.iter().filter(|(_, found)| matches!(found.call, Call::Lift { .. }));
        let others = lifts
            .map(|(number, found)| (Key::Canon(*number), found))
            .chain(scope.reallocs.iter().map(|(key, found)| (Key::Realloc(key.0, key.1), found)));
        for (key, found) in others {
            let exported = match get(&scope.functions, found.function) {
                Some(CoreFunction::Export(instance, _)) => *instance < there,
                Some(CoreFunction::Canon) | None => false,
            };
            let ready = exported && found.definer.instance < there && self.protected(found.definer);
            let wanted = ready
                && match key {
                    Key::Canon(number) => self.wanted(number),
                    Key::Realloc(..) => true,
                };
            if wanted && !keys.contains(&key) && !self.level().guards.contains_key(&key) {
                keys.push(key);
            }
        }
        self.make(component, &keys);
    }

    /// Makes the guards of functions that were lowered lately.
    pub(super) fn guard_pending(&mut self, component: &mut Component) {
        let pending = std::mem::take(&mut self.level().pending);
        let keys: Vec<Key> = pending.iter().map(|(key, _)| *key).collect();
        self.make(component, &keys);
        for (key, old) in pending {
            let level = self.level();
            if let (Some(guard), Ok(old)) = (level.guards.get(&key).copied(), usize::try_from(old)) {
                level.functions[old] = guard;
            }
        }
    }

    fn make(&mut self, component: &mut Component, keys: &[Key]) {
        if keys.is_empty() {
            return;
        }
        let mut wiring = Wiring::default();
        for key in keys {
            if let Some(found) = self.used(*key).cloned() {
                let memory = self.memory(&mut wiring, &found);
                let source = self.source(&mut wiring, &found);
                let Use { params, results, call, .. } = found;
                wiring.wrapped.push(Wrapped { source, params, results, memory, call });
            }
        }

        let data = guard(&wiring.guarded, &wiring.wrapped);
        component.section(&RawSection { id: ComponentSectionId::CoreModule.into(), data: &data });
        let level = self.level();
        let mut instances = InstanceSection::new();
        if !wiring.lowered.is_empty() {
            let exports = wiring.lowered.iter().map(|(name, function)| (name.as_str(), ExportKind::Func, *function));
            instances.export_items(exports);
            wiring.args.push((String::from(LOWERED), level.made[1]));
            level.made[1] += 1;
        }
        let args = wiring.args.iter().map(|(name, instance)| (name.as_str(), ModuleArg::Instance(*instance)));
        instances.instantiate(level.made[0], args);
        component.section(&instances);
        let instance = level.made[1];
        level.made[0] += 1;
        level.made[1] += 1;

        let mut aliases = ComponentAliasSection::new();
        for (number, key) in keys.iter().enumerate() {
            let name = number.to_string();
            aliases.alias(Alias::CoreInstanceExport { instance, kind: ExportKind::Func, name: &name });
            level.guards.insert(*key, level.made[2]);
            level.made[2] += 1;
        }
        component.section(&aliases);
    }

    /// The number of the memory in the guard.
    fn memory(&mut self, wiring: &mut Wiring, found: &Use) -> usize {
        if let Some(known) = wiring.definers.iter().position(|definer| *definer == found.definer) {
            return known;
        }
        let number = wiring.definers.len();
        wiring.definers.push(found.definer);
        // From its definer: what passes it on may know less of its type.
        let module = format!("memory/{number}");
        let (shield, hulls) = super::exported(found.definer.memory);
        let source = |name: String| Source { module: module.clone(), name };
        let exported = &self.tree.modules[found.definer.module].memories.exported;
        let name = exported.iter().find(|(_, memory)| *memory == found.definer.memory).map_or("", |(name, _)| name);
        let (guest, shield) = (source(name.to_owned()), source(shield));
        let hulls = self.table.then(|| Hulls { sources: hulls.map(source) });
        let (ty, _) = self.made[found.definer.module].memory(found.definer.memory);
        wiring.args.push((module, self.instance_index(found.definer.instance)));
        wiring.guarded.push(Guarded { guest: (guest, ty), shield: (shield, self.shield), hulls });
        number
    }

    /// Where the guard imports the function from.
    fn source(&mut self, wiring: &mut Wiring, found: &Use) -> Source {
        let scope = self.level().scope;
        match get(&self.tree.scopes[scope].functions, found.function) {
            Some(CoreFunction::Export(instance, name)) => {
                let module = format!("from/{instance}");
                let instance = self.instance_index(*instance);
                if !wiring.args.iter().any(|(name, _)| *name == module) {
                    wiring.args.push((module.clone(), instance));
                }
                Source { module, name: (*name).to_owned() }
            }
            Some(CoreFunction::Canon) | None => {
                let name = wiring.lowered.len().to_string();
                let function = get(&self.level().functions, found.function).copied().unwrap_or(found.function);
                wiring.lowered.push((name.clone(), function));
                Source { module: String::from(LOWERED), name }
            }
        }
    }
}

/// Name of the instance that gives a guard lowered functions.
const LOWERED: &str = "lowered";

/// How a guard is connected.
#[derive(Default)]
struct Wiring {
    definers: Vec<Definer>,
    guarded: Vec<Guarded>,
    wrapped: Vec<Wrapped>,
    // Import module names and instances, with their new indices.
    args: Vec<(String, u32)>,
    // New indices of lowered functions.
    lowered: Vec<(String, u32)>,
}

impl Call {
    /// Whether the host loads or stores anything because of the call itself.
    fn touches(&self) -> bool {
        let area = |result: &Option<Value>| result.as_ref().is_some_and(|result| result.flat() > MAX_FLAT_RESULTS);
        match self {
            Self::Realloc => true,
            Self::Lower { params, result, .. } => {
                let flat = params.iter().fold(0, |sum: usize, value| sum.saturating_add(value.flat()));
                flat > MAX_FLAT_PARAMS || params.iter().any(Value::points) || area(result)
            }
            Self::Lift { result, .. } => area(result),
        }
    }
}

//! A component linker, and which functions are to be defined in it: all, or on a board, where each takes some hundred bytes of RAM, those that a component imports.

use wasmtime::component::types::{self, ComponentExtern, ComponentItem};
use wasmtime::component::{Component, ComponentNamedList, Lift, Linker, LinkerInstance, Lower, ResourceType};
use wasmtime::{Engine, Result, StoreContextMut};

/// A linker.
pub(crate) struct Chosen<'a, T: 'static> {
    linker: &'a mut Linker<T>,
    engine: Engine,
    component: Option<types::Component>,
}

/// One interface of the package, in it.
pub(crate) struct Interface<'a, T: 'static> {
    linker: LinkerInstance<'a, T>,
    engine: Engine,
    wanted: Wanted,
}

/// Which functions are to be defined.
enum Wanted {
    All,
    None,
    Of(types::ComponentInstance),
}

impl<'a, T: 'static> Chosen<'a, T> {
    /// All functions.
    pub(crate) fn all(linker: &'a mut Linker<T>) -> Self {
        let engine = linker.engine().clone();
        Self { linker, engine, component: None }
    }

    /// Those that the component imports.
    pub(crate) fn imports_of(linker: &'a mut Linker<T>, component: &Component) -> Self {
        let engine = linker.engine().clone();
        Self { linker, engine, component: Some(component.component_type()) }
    }

    /// An interface.
    pub(crate) fn instance(&mut self, name: &str) -> Result<Interface<'_, T>> {
        let wanted = match &self.component {
            None => Wanted::All,
            Some(component) => match component.get_import(&self.engine, name) {
                Some(ComponentExtern { ty: ComponentItem::ComponentInstance(instance), .. }) => Wanted::Of(instance),
                _ => Wanted::None,
            },
        };
        Ok(Interface { linker: self.linker.instance(name)?, engine: self.engine.clone(), wanted })
    }
}

impl<T: 'static> Interface<'_, T> {
    fn wants(&self, name: &str) -> bool {
        match &self.wanted {
            Wanted::All => true,
            Wanted::None => false,
            Wanted::Of(instance) => instance.get_export(&self.engine, name).is_some(),
        }
    }

    /// Defines a function, if it is wanted.
    pub(crate) fn func_wrap<P, R>(
        &mut self,
        name: &str,
        function: impl Fn(StoreContextMut<'_, T>, P) -> Result<R> + Send + Sync + 'static,
    ) -> Result<()>
    where
        P: ComponentNamedList + Lift + 'static,
        R: ComponentNamedList + Lower + 'static,
    {
        if self.wants(name) { self.linker.func_wrap(name, function) } else { Ok(()) }
    }

    /// Defines a resource, if it is wanted.
    pub(crate) fn resource(
        &mut self,
        name: &str,
        ty: ResourceType,
        drop: impl Fn(StoreContextMut<'_, T>, u32) -> Result<()> + Send + Sync + 'static,
    ) -> Result<()> {
        if self.wants(name) { self.linker.resource(name, ty, drop) } else { Ok(()) }
    }
}

//! A component linker, and which functions are to be defined in it: all, or on a board, where each takes some hundred bytes of RAM, those that a component imports.
//! Of what a program can define at all, [`Functions`] leaves out what no component of its will import: that is then not in its flash.

use wasmtime::component::types::{self, ComponentItem};
use wasmtime::component::{Component, ComponentNamedList, Lift, Linker, LinkerInstance, Lower, ResourceType};
use wasmtime::{Engine, Result, StoreContextMut};

/// The functions of `wasi:memory-control` that a host's program holds. A type, because it is decided when the program is compiled: what is not among them is
/// compiled away, and so is what only they call.
///
/// ```
/// struct OfMine;
///
/// // The list that `memctl compile --imports` writes for a component.
/// impl memctl_wasmtime::Functions for OfMine {
///     const NAMES: Option<&'static [&'static str]> = Some(&[
///         "wasi:memory-control/object@0.1.0-draft#object",
///         "wasi:memory-control/object@0.1.0-draft#[static]object.open",
///     ]);
/// }
/// ```
pub trait Functions: 'static {
    /// `INTERFACE#FUNCTION`, or `INTERFACE#RESOURCE` for the resource itself; all, if there is no list.
    const NAMES: Option<&'static [&'static str]>;
}

/// All of them.
#[derive(Clone, Copy, Debug)]
pub struct AllFunctions;

impl Functions for AllFunctions {
    const NAMES: Option<&'static [&'static str]> = None;
}

/// Whether a function is among those that the program holds.
pub(crate) const fn holds<F: Functions>(interface: &str, name: &str) -> bool {
    let Some(names) = F::NAMES else { return true };
    let mut at = 0;
    while at < names.len() {
        if let Some((of, function)) = names[at].as_bytes().split_at_checked(interface.len())
            && let Some((b'#', function)) = function.split_first()
            && equal(of, interface.as_bytes())
            && equal(function, name.as_bytes())
        {
            return true;
        }
        at += 1;
    }
    false
}

/// `==`, which is no constant function.
const fn equal(a: &[u8], b: &[u8]) -> bool {
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

/// Defines a function of an interface, if the program holds it.
macro_rules! define {
    ($interface:ident, $functions:ident, $of:literal, $name:expr, $function:expr) => {
        if const { $crate::chosen::holds::<$functions>($crate::component::interface!($of), $name) } {
            $interface.func_wrap($name, $function)?;
        }
    };
}
pub(crate) use define;

/// Defines a resource of an interface, if the program holds it.
macro_rules! define_resource {
    ($interface:ident, $functions:ident, $of:literal, $name:literal, $ty:ty, $drop:expr) => {
        if const { $crate::chosen::holds::<$functions>($crate::component::interface!($of), $name) } {
            $interface.resource($name, ::wasmtime::component::ResourceType::host::<$ty>(), $drop)?;
        }
    };
}
pub(crate) use define_resource;

/// A linker.
pub(crate) struct Chosen<'a, T: 'static> {
    linker: &'a mut Linker<T>,
    engine: Engine,
    component: Option<types::Component>,
}

/// One interface of the package, in it.
pub(crate) struct Interface<'a, T: 'static> {
    // None, if nothing of it is wanted.
    linker: Option<LinkerInstance<'a, T>>,
    engine: Engine,
    // None, if all of it is wanted.
    wanted: Option<types::ComponentInstance>,
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
        let engine = self.engine.clone();
        let Some(component) = &self.component else {
            return Ok(Interface { linker: Some(self.linker.instance(name)?), engine, wanted: None });
        };
        let wanted = component.get_import(&self.engine, name).and_then(|import| match import.ty {
            ComponentItem::ComponentInstance(instance) => Some(instance),
            _ => None,
        });
        let linker = if wanted.is_some() { Some(self.linker.instance(name)?) } else { None };
        Ok(Interface { linker, engine, wanted })
    }
}

impl<'a, T: 'static> Interface<'a, T> {
    /// Where to define `name`, if it is wanted.
    fn place(&mut self, name: &str) -> Option<&mut LinkerInstance<'a, T>> {
        let wanted = self.wanted.as_ref().is_none_or(|instance| instance.get_export(&self.engine, name).is_some());
        self.linker.as_mut().filter(|_| wanted)
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
        self.place(name).map_or(Ok(()), |linker| linker.func_wrap(name, function))
    }

    /// Defines a resource, if it is wanted.
    pub(crate) fn resource(
        &mut self,
        name: &str,
        ty: ResourceType,
        drop: impl Fn(StoreContextMut<'_, T>, u32) -> Result<()> + Send + Sync + 'static,
    ) -> Result<()> {
        self.place(name).map_or(Ok(()), |linker| linker.resource(name, ty, drop))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Two;

    impl Functions for Two {
        const NAMES: Option<&'static [&'static str]> = Some(&["a:b/c@1#f", "a:b/d@1#[method]r.g"]);
    }

    #[test]
    fn what_is_held_is_named_in_full() {
        for (interface, name, held) in [
            ("a:b/c@1", "f", true),
            ("a:b/d@1", "[method]r.g", true),
            ("a:b/c@1", "[method]r.g", false),
            ("a:b/c@1", "ff", false),
            ("a:b/c@1", "", false),
            ("a:b/c@1#f", "", false),
            ("a:b/c", "@1#f", false),
            ("", "a:b/c@1#f", false),
        ] {
            assert_eq!(holds::<Two>(interface, name), held, "{interface} {name}");
            assert!(holds::<AllFunctions>(interface, name));
        }
    }
}

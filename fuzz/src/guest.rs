//! A guest that passes on what it is told to call.

use wasmtime::{Instance, Memory, Result, Store, Val};

use crate::bystander::Bystander;
use crate::host::{Host, State, refuel};
use crate::interface::RESULT;
use crate::module::trampoline;

pub(crate) struct Guest {
    pub(crate) store: Store<State>,
    instance: Instance,
    pub(crate) memory: Memory,
}

impl Guest {
    pub(crate) fn new(host: &Host, bystander: Option<Bystander>) -> Self {
        let mut store = host.store(bystander);
        let instance = host.linker.instantiate(&mut store, &host.trampolines).expect("instantiates");
        let memory = instance.get_memory(&mut store, "memory").expect("exported");
        Self { store, instance, memory }
    }

    /// Calls an export.
    pub(crate) fn call(&mut self, name: &str, arguments: &[Val]) -> Result<()> {
        refuel(&mut self.store);
        let func = self.instance.get_func(&mut self.store, name).expect("exported");
        let mut results = vec![Val::I32(0); func.ty(&self.store).results().len()];
        func.call(&mut self.store, arguments, &mut results)
    }

    /// Calls a function of the interface whose result is a handle.
    pub(crate) fn ask(&mut self, function: &str, arguments: &[Val]) -> u32 {
        let arguments = [arguments, &[Val::I32(RESULT)]].concat();
        self.call(&trampoline(crate::interface::index(function)), &arguments).expect("does not trap");
        let at = usize::try_from(RESULT).expect("an address");
        let result: [u8; 8] = self.memory.data(&self.store)[at..at + 8].try_into().expect("eight");
        assert_eq!(result[0], 0, "{function} is refused: {result:?}");
        u32::from_le_bytes([result[4], result[5], result[6], result[7]])
    }
}

//! What is added behind a module's own types and functions.

use wasm_encoder::{Function, ValType};

/// Types and functions that are added.
#[derive(Debug)]
pub(crate) struct Added {
    first_type: u32,
    pub(crate) types: Vec<(Vec<ValType>, Vec<ValType>)>,
    first_function: u32,
    pub(crate) functions: Vec<AddedFunction>,
}

/// A function that is added.
#[derive(Debug)]
pub(crate) struct AddedFunction {
    pub(crate) type_index: u32,
    pub(crate) name: String,
    /// None until it is known.
    pub(crate) body: Option<Function>,
}

impl Added {
    pub(crate) fn behind(types: u32, functions: u32) -> Self {
        Self { first_type: types, types: Vec::new(), first_function: functions, functions: Vec::new() }
    }

    /// The number of a function type.
    pub(crate) fn function_type(&mut self, params: &[ValType], results: &[ValType]) -> u32 {
        let known = self.types.iter().position(|(p, r)| p == params && r == results);
        let at = known.unwrap_or_else(|| {
            self.types.push((params.to_vec(), results.to_vec()));
            self.types.len() - 1
        });
        self.first_type + number(at)
    }

    /// The number of a new function whose body comes later.
    pub(crate) fn announce(&mut self, name: String, type_index: u32) -> u32 {
        self.functions.push(AddedFunction { type_index, name, body: None });
        self.first_function + number(self.functions.len() - 1)
    }

    /// Gives a function that was announced its body.
    pub(crate) fn define(&mut self, function: u32, body: Function) {
        self.functions[(function - self.first_function) as usize].body = Some(body);
    }

    /// The functions' numbers and names.
    pub(crate) fn names(&self) -> impl Iterator<Item = (u32, &str)> {
        self.functions
            .iter()
            .enumerate()
            .map(|(at, function)| (self.first_function + number(at), function.name.as_str()))
    }
}

/// A count that is known to fit: wasm has no index space that is larger.
pub(crate) fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

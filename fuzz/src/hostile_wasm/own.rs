//! Modules that know the interface: they map, lease and unmap, and load, store, copy and fill at the edges of their windows.

use arbitrary::{Result, Unstructured};
use wasm_encoder::{Function, InstructionSink, MemArg, MemArgTarget, ValType};

use crate::interface::{FUNCTIONS, RESULT, Role, edge, index, pick};
use crate::module::{CUT, OTHER, Parts};

/// Handles of each kind that a module remembers, in variables: objects first, then mappings, then leases.
const SLOTS: u32 = 4;
/// Functions in a module. A trap ends one, and the next goes on.
const FUNCTIONS_OF_A_MODULE: u32 = 6;
const STEPS: usize = 12;

/// The name of a function of the module.
pub(super) fn name(function: u32) -> String {
    format!("run{function}")
}

/// The module that the bytes stand for.
pub(super) fn module(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut parts = Parts::new();
    for function in 0..FUNCTIONS_OF_A_MODULE {
        let mut body = Function::new([]);
        let mut out = body.instructions();
        if function == 0 {
            open_everything(&mut out);
        }
        for _ in 0..STEPS {
            if !u.is_empty() {
                step(&mut out, u)?;
            }
        }
        out.end();
        parts.function(&name(function), Vec::new(), &[], &body);
    }
    Ok(parts.finish(3 * SLOTS))
}

/// Handles to the published objects, and to one of the module's own.
fn open_everything(out: &mut InstructionSink<'_>) {
    let open = number(index("[static]object.open"));
    for (slot, (name, len)) in (0..).zip([(0, 6), (16, 4), (32, 5)]) {
        out.i32_const(name).i32_const(len).i32_const(RESULT).call(open);
        keep_handle(out, slot);
    }
    out.i64_const(10_000).i32_const(RESULT).call(number(index("[static]object.anonymous")));
    keep_handle(out, 3);
}

/// If the last call gave a handle, it goes into the slot.
fn keep_handle(out: &mut InstructionSink<'_>, slot: u32) {
    let at = |offset| MemArg { offset, align: 0, target: MemArgTarget::Memory(0), ordering: None };
    out.i32_const(RESULT).i32_load8_u(at(0)).i32_eqz().if_(wasm_encoder::BlockType::Empty);
    out.i32_const(RESULT).i32_load(at(4)).global_set(slot).end();
}

fn step(out: &mut InstructionSink<'_>, u: &mut Unstructured<'_>) -> Result<()> {
    match u.arbitrary::<u8>()? {
        ..64 => call(out, u, index("[static]mapping.map")),
        choice @ 64..144 => call(out, u, pick(choice)),
        144..160 => call(out, u, index("[method]mapping.acquire")),
        160..246 => touch(out, u),
        246..250 => {
            out.i32_const(1).memory_grow(0).drop();
            Ok(())
        }
        250..253 => {
            out.i32_const(u.arbitrary::<u16>()?.into()).call(CUT);
            Ok(())
        }
        253.. => {
            out.call(OTHER);
            Ok(())
        }
    }
}

/// Memory is loaded from, stored to, copied or filled.
fn touch(out: &mut InstructionSink<'_>, u: &mut Unstructured<'_>) -> Result<()> {
    let memarg = MemArg { offset: 0, align: 0, target: MemArgTarget::Memory(0), ordering: None };
    let kind: u8 = u.arbitrary()?;
    address(out, u)?;
    match kind % 8 {
        0 | 1 => out.i64_load(memarg).drop(),
        2 => out.i32_load8_u(memarg).drop(),
        3 => out.i64_const(u.arbitrary::<u8>()?.into()).i64_store(memarg),
        4 => out.i32_const(u.arbitrary::<u8>()?.into()).i32_store8(memarg),
        5 => {
            address(out, u)?;
            out.i32_const(len(u)?).memory_copy(0, 0)
        }
        6 => out.i32_const(u.arbitrary::<u8>()?.into()).i32_const(len(u)?).memory_fill(0),
        _ => out.i32_const(u.arbitrary::<u8>()?.into()).i32_const(len(u)?).memory_init(0, 0),
    };
    Ok(())
}

#[expect(clippy::cast_possible_truncation, reason = "any address will do")]
fn address(out: &mut InstructionSink<'_>, u: &mut Unstructured<'_>) -> Result<()> {
    out.i32_const(edge(u)? as i32);
    Ok(())
}

fn len(u: &mut Unstructured<'_>) -> Result<i32> {
    Ok(i32::from(u.arbitrary::<u16>()?) / 8)
}

/// A call. Handles come from the slots, and without one the call is mostly left out.
#[expect(clippy::cast_possible_truncation, reason = "any number will do")]
fn call(out: &mut InstructionSink<'_>, u: &mut Unstructured<'_>, function: usize) -> Result<()> {
    let called = &FUNCTIONS[function];
    let pick: u8 = u.arbitrary()?;
    let forges = pick >= 240;
    let slot = |role: Role| {
        let kind = match role {
            Role::Object => 0,
            Role::Mapping => 1,
            Role::Lease => 2,
            _ => return None,
        };
        Some(kind * SLOTS + u32::from(pick) % SLOTS)
    };
    let needed = called.params.iter().find_map(|role| slot(*role)).filter(|_| !forges);
    if let Some(needed) = needed {
        out.global_get(needed).if_(wasm_encoder::BlockType::Empty);
    }
    for role in called.params {
        match slot(*role) {
            Some(slot) if !forges => out.global_get(slot),
            _ if role.kind() == ValType::I64 => out.i64_const(role.number(u)?),
            _ => out.i32_const(role.number(u)? as i32),
        };
    }
    out.call(number(function));
    for _ in called.results() {
        out.drop();
    }
    match called.name {
        "[static]mapping.map" => keep_handle(out, SLOTS + u32::from(pick / 4) % SLOTS),
        "[method]mapping.acquire" | "[method]mapping.acquire-within" => {
            keep_handle(out, 2 * SLOTS + u32::from(pick / 4) % SLOTS)
        }
        "[static]object.anonymous" | "[static]object.open" => keep_handle(out, u32::from(pick / 4) % SLOTS),
        // What is gone is forgotten, or used once more.
        name if name.starts_with("[resource-drop]") || name.ends_with("release") => {
            if let Some(slot) = needed.filter(|_| pick < 200) {
                out.i32_const(0).global_set(slot);
            }
        }
        _ => {}
    }
    if needed.is_some() {
        out.end();
    }
    Ok(())
}

fn number(function: usize) -> u32 {
    u32::try_from(function).expect("few functions")
}

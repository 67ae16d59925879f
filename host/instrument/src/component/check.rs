//! The functions of a guard that look into a shield: whether the host may load or store a range of bytes on behalf of the guest.

use memctl_core::Shield;
use wasm_encoder::{BlockType, Function, InstructionSink, MemArg, ValType};

use super::guard::Access;

/// Where `docs` and `memctl_core::Shield` put the end of what can't be loaded, and of what can't be stored to.
const DECLARED: [u64; 2] = [24, 32];

/// Numbers of the two memories of a pair that a guard imports, and the size of the guest's wasm pages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) guest: u32,
    pub(super) shield: u32,
    pub(super) page_size_log2: u32,
}

pub(super) fn at(memory: u32, offset: u64) -> MemArg {
    MemArg { offset, align: 0, memory_index: memory }
}

/// `(start: i32, len: i64) -> i32`: traps as an access that is stopped does if any of the bytes can't be loaded (or stored to). 0 if there are none
/// or they are not all in the memory, which is for the host to notice; 1 otherwise.
pub(super) fn check(pair: Pair, access: Access) -> Function {
    const START: u32 = 0;
    const LEN: u32 = 1;
    const FIRST: u32 = 2;
    const END: u32 = 3;
    const FOUND: u32 = 4;
    const ENTRY: u32 = 5;
    const LEFT: u32 = 6;

    let mut function = Function::new([(3, ValType::I64), (2, ValType::I32)]);
    let mut code = function.instructions();
    code.local_get(START).i64_extend_i32_u().local_tee(FIRST).local_get(LEN).i64_add().local_set(END);
    // No bytes; so many that the sum may have wrapped; past the end.
    code.local_get(LEN).i64_eqz().local_get(LEN).i64_const(1 << 32).i64_gt_u().i32_or().local_get(END);
    code.memory_size(pair.guest).i64_extend_i32_u().i64_const(i64::from(pair.page_size_log2)).i64_shl();
    code.i64_gt_u().i32_or().if_(BlockType::Empty).i32_const(0).return_().end();

    code.block(BlockType::Empty);
    code.local_get(FIRST).local_tee(FOUND).i32_const(0).i64_load(at(pair.shield, DECLARED[access.index()]));
    code.i64_lt_u().br_if(0);
    code.i32_const(0).i32_load(at(pair.shield, Shield::COUNT)).local_tee(LEFT).i32_eqz();
    code.if_(BlockType::Empty).i32_const(1).return_().end();
    code.loop_(BlockType::Empty);
    // Where the range and the entry of the table meet first, if they do.
    let entry = |field: u64| at(pair.shield, Shield::HEADER + field);
    code.local_get(ENTRY).i64_load(entry(0)).local_tee(FOUND).local_get(FIRST);
    code.local_get(FOUND).local_get(FIRST).i64_gt_u().select().local_tee(FOUND);
    code.local_get(END).i64_lt_u();
    code.local_get(ENTRY).i64_load(entry(8)).local_get(FIRST).i64_gt_u().i32_and();
    if access == Access::Load {
        code.local_get(ENTRY).i64_load(entry(16)).i64_eqz().i32_and();
    }
    code.br_if(1);
    code.local_get(ENTRY).i32_const(ENTRY_BYTES).i32_add().local_set(ENTRY);
    code.local_get(LEFT).i32_const(1).i32_sub().local_tee(LEFT).br_if(0);
    code.end();
    code.i32_const(1).return_().end();

    stop(&mut code, pair, access, FOUND);
    code.end();
    function
}

const ENTRY_BYTES: i32 = 24;
const _: () = assert!(Shield::ENTRY == 24);

/// Leaves kind and address in the shield, and traps as hardware would.
fn stop(code: &mut InstructionSink<'_>, pair: Pair, access: Access, address: u32) {
    let count = at(pair.shield, Shield::STOPPED);
    code.i32_const(0).i32_const(0).i32_load(count).i32_const(1).i32_add().i32_store(count);
    code.i32_const(0).i32_const(access.kind()).i32_store(at(pair.shield, Shield::KIND));
    code.i32_const(0).local_get(address).i64_store(at(pair.shield, Shield::ADDRESS));
    code.i32_const(-1).i32_load8_u(at(pair.guest, 0xffff_ffff)).drop().unreachable();
}

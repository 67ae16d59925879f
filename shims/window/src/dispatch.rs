//! Functions that stand for an import where its call stays one.

use wasm_encoder::{BlockType, Function as Body, Instruction, ValType};

use crate::{
    compare,
    convert::{Code, MemoryRef},
    function::Function,
    scratch::Scratch,
    shims::{Shims, number},
};

/// The function for a window that is known. It takes the window's number nevertheless.
pub(crate) fn one(shims: &Shims, function: Function, window: MemoryRef) -> Body {
    let locals = compare::locals(window).into_iter().map(|ty| (1, ty)).collect();
    finished(locals, &compare::body(function.abi, window, shims.memory))
}

/// The function that finds out which window is meant.
pub(crate) fn all(shims: &mut Shims, import: u32, function: Function) -> Body {
    let params = number(function.roles().len());
    let selectors = number(function.selectors());
    let mut scratch = Scratch::behind(params + selectors);
    let mut code = Code::new();
    let mut chosen = Vec::new();
    choose(&mut code, shims, import, selectors, &mut chosen, &mut scratch);
    finished(scratch.locals().collect(), &code)
}

/// Pushes the parameters and acts on the windows `chosen`, after those that are still to be chosen are.
fn choose(
    code: &mut Code,
    shims: &mut Shims,
    import: u32,
    selectors: u32,
    chosen: &mut Vec<u32>,
    scratch: &mut Scratch,
) {
    let Some((function, _)) = shims.imports.get(&import).copied() else { return };
    let params = number(function.roles().len());
    if chosen.len() == selectors as usize {
        let windows: Vec<MemoryRef> = chosen.iter().map(|at| shims.windows[*at as usize]).collect();
        scratch.free();
        code.extend((0..params).map(Instruction::LocalGet));
        match shims.inline(import, &windows, scratch) {
            Some(inline) => code.extend(inline),
            None => {
                let one = chosen.first().and_then(|at| shims.for_one(import, at + 1));
                code.extend((params..params + selectors).map(Instruction::LocalGet));
                code.extend(one.map(Instruction::Call));
            }
        }
        return;
    }
    let count = shims.count();
    code.extend((0..=count).map(|_| Instruction::Block(BlockType::Empty)));
    code.push(Instruction::LocalGet(params + number(chosen.len())));
    // Number 0 is no window and goes where all that are none go: out of all blocks.
    let targets: Vec<u32> = std::iter::once(count).chain(0..count).collect();
    code.push(Instruction::BrTable(targets.into(), count));
    for window in 0..count {
        code.push(Instruction::End);
        chosen.push(window);
        choose(code, shims, import, selectors, chosen, scratch);
        chosen.pop();
        code.push(Instruction::Return);
    }
    code.extend([Instruction::End, Instruction::Unreachable]);
}

fn finished(locals: Vec<(u32, ValType)>, code: &Code) -> Body {
    let mut body = Body::new(locals);
    for instruction in code {
        body.instruction(instruction);
    }
    body.instruction(&Instruction::End);
    body
}

//! How bytes come to be a step.

use arbitrary::{Result, Unstructured};
use memctl_core::Protection;
use memctl_model::{Field, HeapOp, QUEUES, Verb};

/// The next step.
pub(super) fn op(u: &mut Unstructured<'_>) -> Result<HeapOp> {
    let kind = byte(u)? % 64;
    let who = byte(u)?;
    // One byte says who and which heap.
    let (guest, heap) = (usize::from(who % 3), usize::from(who / 3 % 3));
    Ok(match kind {
        0..=6 => {
            let place = byte(u)?;
            let protection = if place >= 192 { Protection::Read } else { Protection::ReadWrite };
            HeapOp::Attach { guest, heap, granule: u64::from(place % 9), protection }
        }
        7 | 8 => HeapOp::Detach { guest, heap },
        9..=18 => HeapOp::Alloc { guest, heap, len: number(u)?, align: align(u)? },
        19..=23 => HeapOp::Do { guest, verb: verb(u)?, block: pick(u)? },
        24..=37 => HeapOp::Owner { verb: verb(u)?, block: pick(u)? },
        38 => HeapOp::Forge { guest, verb: verb(u)?, block: pick(u)?, field: field(u)?, bit: u32::from(byte(u)? % 64) },
        39..=43 => HeapOp::Send { heap, queue: queue(u)?, block: pick(u)? },
        44..=47 => HeapOp::Receive { guest, heap, queue: queue(u)? },
        48..=50 => HeapOp::Collect { guest, wait: pick(u)? },
        51 => HeapOp::Stop { guest, wait: pick(u)? },
        52 | 53 => HeapOp::Inherit { guest, heap },
        54..=60 => HeapOp::Fill { block: pick(u)?, value: byte(u)? },
        61 | 62 => HeapOp::Scribble { guest, value: byte(u)? },
        _ => HeapOp::End(guest),
    })
}

fn byte(u: &mut Unstructured<'_>) -> Result<u8> {
    u.arbitrary()
}

fn pick(u: &mut Unstructured<'_>) -> Result<usize> {
    Ok(byte(u)?.into())
}

/// Mostly as many bytes as there may be room for.
fn number(u: &mut Unstructured<'_>) -> Result<u64> {
    Ok(match byte(u)? {
        len @ ..250 => len.into(),
        250 => 1 << (byte(u)? % 64),
        251 => 0_u64.wrapping_sub(byte(u)?.into()),
        _ => u.arbitrary()?,
    })
}

fn align(u: &mut Unstructured<'_>) -> Result<u64> {
    let byte = byte(u)?;
    Ok(if byte < 240 { 1 << (byte % 8) } else { number(u)? })
}

fn queue(u: &mut Unstructured<'_>) -> Result<u32> {
    let byte = u32::from(byte(u)?);
    Ok(if byte < 240 { byte % QUEUES } else { byte })
}

fn verb(u: &mut Unstructured<'_>) -> Result<Verb> {
    let verbs = [Verb::Free, Verb::Share, Verb::Unshare, Verb::Give, Verb::Take, Verb::Resolve, Verb::Release];
    Ok(verbs[usize::from(byte(u)?) % verbs.len()])
}

fn field(u: &mut Unstructured<'_>) -> Result<Field> {
    Ok([Field::Heap, Field::Offset, Field::Len, Field::Generation][usize::from(byte(u)? % 4)])
}

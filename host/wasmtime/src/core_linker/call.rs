//! One call of a core module's: its memory, its handles, and results as the canonical ABI writes them.

use alloc::sync::Arc;

use memctl_core::{Bounds, Code, HandleId, LeaseId, MappingId};
use wasmtime::{Caller, Extern, Memory, Result, bail, format_err};

use crate::buffer::lies_in_an_object;
use crate::calls::Claim;
use crate::guest::Guest;
use crate::handles::Handle;
use crate::mmu::Reservation;
use crate::place::Place;
use crate::{MemctlCtx, Quotas};

/// The parameters of a `window` record: the list's pointer and length, which say nothing here, the start and the length.
pub(crate) type Window = (i32, i32, i64, i64);

/// The name of the export that a core module's windows lie in.
const MEMORY: &str = "memory";

/// One call of a core module's.
pub(crate) struct Call<'a, 'b, T: 'static> {
    pub(crate) caller: &'a mut Caller<'b, T>,
    pub(crate) memory: Memory,
    ctx: fn(&mut T) -> &mut MemctlCtx,
}

impl<'a, 'b, T: 'static> Call<'a, 'b, T> {
    pub(crate) fn new(caller: &'a mut Caller<'b, T>, ctx: fn(&mut T) -> &mut MemctlCtx) -> Result<Self> {
        match caller.get_export(MEMORY) {
            Some(Extern::Memory(memory)) => Ok(Self { caller, memory, ctx }),
            _ => bail!("memory-control: the module exports no memory as {MEMORY:?}"),
        }
    }

    pub(crate) fn ctx(&mut self) -> &mut MemctlCtx {
        (self.ctx)(self.caller.data_mut())
    }

    pub(crate) fn guest(&mut self) -> Arc<Guest> {
        self.ctx().guest.clone()
    }

    /// The guest, where the window is, and which bytes it claims. The list's pointer and length say nothing here: the memory is the
    /// caller's.
    pub(crate) fn place(&mut self, (_, _, start, len): Window) -> (Arc<Guest>, Place<'_>, Claim) {
        let guest = self.guest();
        let claim = (start.cast_unsigned(), len.cast_unsigned());
        let known = self.known_memory();
        let place = match known {
            Some(memory) => Place::Known(memory),
            None => {
                let here = lies_in_an_object(self.memory.data_ptr(&*self.caller).addr());
                let memory = self.memory.data_mut(&mut *self.caller);
                let size = Some(memory.len() as u64);
                let range = usize::try_from(claim.0).ok().zip(usize::try_from(claim.1).ok());
                let bytes = range.and_then(|(start, len)| memory.get_mut(start..)?.get_mut(..len));
                Place::Lent { start: claim.0, bytes: bytes.filter(|_| !here).unwrap_or_default(), size }
            }
        };
        (guest, place, claim)
    }

    /// The module's memory, if the host made it.
    pub(crate) fn known_memory(&mut self) -> Option<Arc<Reservation>> {
        let guest = self.guest();
        guest.shared.made.at(self.memory.data_ptr(&*self.caller).addr())
    }

    /// What one of the module's handles stands for. An unknown one traps, as in the canonical ABI.
    pub(crate) fn handle(&mut self, index: i32) -> Result<Handle> {
        match self.ctx().handles.get(index.cast_unsigned()) {
            Some(handle) => Ok(handle),
            None => bail!("memory-control: unknown handle index {index}"),
        }
    }

    pub(crate) fn object(&mut self, index: i32) -> Result<HandleId> {
        match self.handle(index)? {
            Handle::Object(object) => Ok(object),
            Handle::Mapping(_) | Handle::Lease(_) => bail!("memory-control: handle index {index} is not an object"),
        }
    }

    pub(crate) fn mapping(&mut self, index: i32) -> Result<MappingId> {
        match self.handle(index)? {
            Handle::Mapping(mapping) => Ok(mapping),
            Handle::Object(_) | Handle::Lease(_) => bail!("memory-control: handle index {index} is not a mapping"),
        }
    }

    pub(crate) fn lease(&mut self, index: i32) -> Result<LeaseId> {
        match self.handle(index)? {
            Handle::Lease(lease) => Ok(lease),
            Handle::Object(_) | Handle::Mapping(_) => bail!("memory-control: handle index {index} is not a lease"),
        }
    }

    pub(crate) fn remove(&mut self, index: i32) {
        self.ctx().handles.remove(index.cast_unsigned());
    }

    /// The guest's bytes from `at` on.
    pub(crate) fn bytes(&mut self, at: i32, len: usize) -> Result<&mut [u8]> {
        self.check_access(at, len, false)?;
        self.bytes_unchecked(at, len)
    }

    /// Where the guest's own code checks what it does, so does host code for it.
    fn check_access(&mut self, at: i32, len: usize, write: bool) -> Result<()> {
        let guest = self.guest();
        if guest.is_checked()
            && let Some(memory) = self.known_memory()
        {
            guest.check_access(&memory, at.cast_unsigned().into(), len as u64, write)?;
        }
        Ok(())
    }

    fn bytes_unchecked(&mut self, at: i32, len: usize) -> Result<&mut [u8]> {
        let bytes = self.memory.data_mut(&mut *self.caller).get_mut(at.cast_unsigned() as usize..);
        bytes
            .and_then(|bytes| bytes.get_mut(..len))
            .ok_or_else(|| format_err!("memory-control: {len} bytes at {at:#x} are not in the module's memory"))
    }

    /// The place of a result of `LEN` bytes, aligned to `align`.
    pub(crate) fn result<const LEN: usize>(&mut self, to: i32, align: u32) -> Result<&mut [u8; LEN]> {
        if !to.cast_unsigned().is_multiple_of(align) {
            bail!("memory-control: the result's address {to:#x} is not aligned to {align} bytes");
        }
        self.check_access(to, LEN, true)?;
        Ok(self.bytes_unchecked(to, LEN)?.try_into()?)
    }

    /// The place of a `result<_, error-code>`, before anything is done: no work is for nobody.
    pub(crate) fn check_unit(&mut self, to: i32) -> Result<()> {
        self.result::<2>(to, 1).map(drop)
    }

    /// The place of a `result<own<…>, error-code>`.
    pub(crate) fn check_handle(&mut self, to: i32) -> Result<()> {
        self.result::<8>(to, 4).map(drop)
    }

    /// `result<_, error-code>`: the discriminant and the code, a byte each.
    pub(crate) fn put_unit(&mut self, to: i32, answer: Result<(), Code>) -> Result<()> {
        *self.result::<2>(to, 1)? = match answer {
            Ok(()) => [0, 0],
            Err(code) => [1, code as u8],
        };
        Ok(())
    }

    /// `result<own<…>, error-code>`: the discriminant, and 4 bytes after its start the handle or the code.
    pub(crate) fn put_handle(&mut self, to: i32, answer: Result<Handle, Code>) -> Result<()> {
        let [tag, payload] = match answer {
            Ok(handle) => [0, self.ctx().handles.insert(handle)],
            Err(code) => [1, u32::from(code as u8)],
        };
        let result = self.result::<8>(to, 4)?;
        result[..4].copy_from_slice(&tag.to_le_bytes());
        result[4..].copy_from_slice(&payload.to_le_bytes());
        Ok(())
    }

    /// `result<capabilities, error-code>`: the discriminant, and 2 bytes after its start the flags or the code.
    pub(crate) fn put_flags(&mut self, to: i32, answer: Result<i32, Code>) -> Result<()> {
        let (tag, payload) = match answer {
            Ok(flags) => (0, flags.to_le_bytes()),
            Err(code) => (1, i32::from(code as u8).to_le_bytes()),
        };
        *self.result::<4>(to, 2)? = [tag, 0, payload[0], payload[1]];
        Ok(())
    }

    /// `result<u64, error-code>`: the discriminant, and 8 bytes after its start the number or the code.
    pub(crate) fn put_u64(&mut self, to: i32, answer: Result<u64, Code>) -> Result<()> {
        let [tag, payload] = match answer {
            Ok(number) => [0, number],
            Err(code) => [1, u64::from(code as u8)],
        };
        let result = self.result::<16>(to, 8)?;
        result[..8].copy_from_slice(&tag.to_le_bytes());
        result[8..].copy_from_slice(&payload.to_le_bytes());
        Ok(())
    }

    /// The record `bounds`.
    pub(crate) fn put_bounds(&mut self, to: i32, bounds: Bounds) -> Result<()> {
        let result = self.result::<16>(to, 8)?;
        result[..8].copy_from_slice(&bounds.no_access.to_le_bytes());
        result[8..].copy_from_slice(&bounds.read_only.to_le_bytes());
        Ok(())
    }

    /// `result<bounds, error-code>`: the discriminant, and 8 bytes after its start the record or the code.
    pub(crate) fn put_bounds_or_code(&mut self, to: i32, answer: Result<Bounds, Code>) -> Result<()> {
        self.put_numbers::<3>(to, answer.map(|bounds| [bounds.no_access, bounds.read_only]))
    }

    /// A result of as many u64 as `WORDS` but one, or of what is laid out so: the discriminant, and 8 bytes after its start those or the code.
    pub(crate) fn put_numbers<const WORDS: usize>(
        &mut self,
        to: i32,
        answer: Result<impl AsRef<[u64]>, Code>,
    ) -> Result<()> {
        let mut words = [0; WORDS];
        match answer {
            Ok(numbers) => words[1..].copy_from_slice(numbers.as_ref()),
            Err(code) => words[..2].copy_from_slice(&[1, u64::from(code as u8)]),
        }
        let at = to.cast_unsigned();
        if !at.is_multiple_of(8) {
            bail!("memory-control: the result's address {at:#x} is not aligned to 8 bytes");
        }
        self.check_access(to, 8 * WORDS, true)?;
        for (word, place) in words.iter().zip(self.bytes_unchecked(to, 8 * WORDS)?.chunks_exact_mut(8)) {
            place.copy_from_slice(&u64::to_le_bytes(*word));
        }
        Ok(())
    }

    /// The record `quotas`, each field aligned to its size.
    pub(crate) fn put_quotas(&mut self, to: i32, quotas: Quotas) -> Result<()> {
        let result = self.result::<56>(to, 8)?;
        let two = |first: u32, second: u32| u64::from(second) << 32 | u64::from(first);
        let fields = [
            quotas.objects.into(),
            quotas.object_bytes,
            quotas.mappings.into(),
            quotas.mapped_bytes,
            two(quotas.leases, quotas.waiters),
            two(quotas.protected_ranges, quotas.blocks),
            quotas.block_bytes,
        ];
        for (field, at) in fields.into_iter().zip(result.chunks_exact_mut(8)) {
            at.copy_from_slice(&u64::to_le_bytes(field));
        }
        Ok(())
    }
}

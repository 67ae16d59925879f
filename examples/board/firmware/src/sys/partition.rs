//! Partitions: RAM of its own, statics of its own and a stack of its own for each guest, behind regions, and given up as a whole.

use alloc::boxed::Box;
use core::marker::PhantomData;
use core::mem::{self, ManuallyDrop};
use core::ops::Range;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use crate::fault::{self, Fault};
use crate::layout::Layout;
use crate::machine::Level;
use crate::sys::arena::{self, Arena, Fill};
use crate::sys::machine::privilege;
use crate::sys::machine::switch::board_enter;
use crate::sys::{machine, place, stack};
use crate::tracking;

/// Whether a partition runs, and where the kernel's registers are while one does.
static RUNS: AtomicBool = AtomicBool::new(false);
static KERNEL_STACK_POINTER: AtomicUsize = AtomicUsize::new(0);
/// How deep the kernel is in changing what all partitions share, and whether it came there from code without privilege.
static DEPTH: AtomicUsize = AtomicUsize::new(0);
static CAME_LOWERED: AtomicBool = AtomicBool::new(false);

/// Whether a partition runs, or the kernel on its behalf.
pub(crate) fn runs() -> bool {
    RUNS.load(Relaxed)
}

pub(super) fn kernel_stack_pointer() -> usize {
    KERNEL_STACK_POINTER.load(Relaxed)
}

/// Whether a partition that fails now would leave what all share half changed.
pub(crate) fn kernel_is_busy() -> bool {
    DEPTH.load(Relaxed) != 0
}

/// From here on the kernel changes what all partitions share: with privilege, and what it allocates is its own. Also from code without
/// privilege; pairs with [`kernel_ends`] and may nest.
pub(crate) fn kernel_begins() {
    let came = privilege::raise();
    let depth = DEPTH.load(Relaxed);
    if depth == 0 {
        CAME_LOWERED.store(came == Level::Lowered, Relaxed);
        arena::for_kernel();
    }
    DEPTH.store(depth + 1, Relaxed);
}

/// What all partitions share is whole again.
pub(crate) fn kernel_ends() {
    let depth = DEPTH.load(Relaxed) - 1;
    DEPTH.store(depth, Relaxed);
    if depth == 0 {
        arena::for_partition();
        if CAME_LOWERED.load(Relaxed) {
            privilege::lower();
        }
    }
}

/// Why a partition was given up: a fault, or None for a panic.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GivenUp(pub(crate) Option<Fault>);

/// A partition and what lives in it: a `T`, which may own blocks of the partition's arena alone. It has its bytes for as long as `'pool`.
pub(crate) struct Partition<'pool, T> {
    bytes: Range<usize>,
    stack: usize,
    arena: NonNull<Arena>,
    layout: Layout,
    // In the partition's arena. Never dropped by the kernel: it goes with the arena.
    tenant: ManuallyDrop<Option<Box<T>>>,
    state: State,
    _bytes: PhantomData<&'pool ()>,
}

/// Whether a partition can take a turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Ready,
    /// Given up: its bytes are as the fault found them.
    Lost,
}

/// What a partition used, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Used {
    pub(crate) stack: usize,
    pub(crate) arena: Fill,
}

/// A turn on its way to the partition's stack and its answer on the way back.
struct Turn<'a, T, F, R> {
    turn: Option<F>,
    tenant: &'a mut Option<Box<T>>,
    answer: Option<R>,
}

extern "C" fn take<T, F: FnOnce(&mut Option<Box<T>>) -> R, R>(turn: *mut u8) {
    // SAFETY: `Partition::turn` gave the address of its `Turn` of these very types, and looks at it again only after this returned.
    let turn = unsafe { &mut *turn.cast::<Turn<'_, T, F, R>>() };
    if let Some(take) = turn.turn.take() {
        turn.answer = Some(take(turn.tenant));
    }
}

impl<T> Partition<'_, T> {
    /// A partition of these bytes: `stack` of them, at their start, for its stack.
    ///
    /// # Safety
    /// `bytes` is RAM that nobody else uses for as long as the lifetime; its start and `stack` are multiples of 32.
    pub(super) unsafe fn new(bytes: Range<usize>, stack: usize, layout: Layout) -> Self {
        // SAFETY: passed on.
        let arena = unsafe { wipe(&bytes, stack) };
        Self { bytes, stack, arena, layout, tenant: ManuallyDrop::new(None), state: State::Ready, _bytes: PhantomData }
    }

    /// The bytes that its regions let it store to, besides the shared statics.
    pub(crate) fn bytes(&self) -> Range<usize> {
        self.bytes.clone()
    }

    /// How many regions it takes.
    pub(crate) fn region_count(&self) -> usize {
        self.layout.count()
    }

    /// Its layout, to change it for the next turn. A partition that is given up has a new one.
    pub(crate) fn layout(&mut self) -> &mut Layout {
        &mut self.layout
    }

    /// Whether it was given up, and not renewed.
    pub(crate) fn is_lost(&self) -> bool {
        self.state == State::Lost
    }

    /// What it used since it was made, or given up last.
    pub(crate) fn used(&self) -> Used {
        Used { stack: stack::peak(self.stack()), arena: arena::fill(self.arena) }
    }

    fn stack(&self) -> Range<usize> {
        self.bytes.start..self.bytes.start + self.stack
    }

    /// Runs `turn` in the partition: on its stack, in its arena, with its statics, behind its regions; with privilege, until it gives that up.
    ///
    /// What `turn` owns should be little: it is lost, not dropped, if the partition is given up.
    ///
    /// # Errors
    /// The partition was given up; no destructor ran. It takes no turn until it was [renewed](Self::renew): before that, whoever keeps
    /// something for its tenant is to be told that the tenant is lost.
    ///
    /// # Panics
    /// When the partition was given up and not renewed.
    pub(crate) fn turn<R: Copy>(&mut self, turn: impl FnOnce(&mut Option<Box<T>>) -> R) -> Result<R, GivenUp> {
        assert!(self.state == State::Ready, "a partition that was given up takes no turn");
        let statics = saved_statics(&self.bytes, self.stack);
        // SAFETY: `statics` lies in the partition, where `wipe` laid it out as large as the common ones; nothing that the kernel uses is among
        // those.
        unsafe { place::restore_common_statics(statics) };
        tracking::enforce(self.layout.clone());
        RUNS.store(true, Relaxed);
        arena::serve(self.arena);
        let stack = self.stack();
        let (gone, answer) = enter(stack.end, turn, &mut self.tenant);
        arena::serve_kernel();
        RUNS.store(false, Relaxed);
        DEPTH.store(0, Relaxed);
        machine::protection_off();
        let layout = tracking::release();
        if gone {
            mem::forget(self.tenant.take());
            self.state = State::Lost;
            return Err(GivenUp(fault::take_last()));
        }
        // Privileged code on the partition's stack is not held by its regions.
        assert!(stack::peak(self.stack()) < self.stack, "a partition's stack of {} bytes overflowed", self.stack);
        self.layout = layout.expect("the turn began with one");
        // SAFETY: as above.
        unsafe { place::save_common_statics(statics) };
        Ok(answer.expect("a turn that returned has answered"))
    }

    /// Makes a partition that was given up as new: without a tenant, its windows gone, its bytes wiped. Others stay as they are.
    pub(crate) fn renew(&mut self) {
        if self.state == State::Lost {
            self.layout = Layout::new(self.bytes.clone()).expect("as when the partition was made");
            // SAFETY: the bytes are this partition's, and who was on its stack never goes on.
            self.arena = unsafe { wipe(&self.bytes, self.stack) };
            self.state = State::Ready;
        }
    }
}

/// Enters, and says whether the partition was given up, else the answer.
#[inline(never)]
fn enter<T, F: FnOnce(&mut Option<Box<T>>) -> R, R>(
    stack_top: usize,
    turn: F,
    tenant: &mut Option<Box<T>>,
) -> (bool, Option<R>) {
    let mut turn = Turn { turn: Some(turn), tenant, answer: None };
    let address: *mut u8 = (&raw mut turn).cast();
    // SAFETY: the stack is the partition's, which nobody is on; `take` gets its own types; the word is this file's. On a leap the
    // frames between are lost: those of `turn`, whose captures were moved there, and wasmtime's, all in the partition.
    let left = unsafe { board_enter(stack_top, take::<T, F, R>, address, KERNEL_STACK_POINTER.as_ptr()) };
    (left != 0, turn.answer.take())
}

/// Where a partition keeps the common statics while it doesn't run.
fn saved_statics(bytes: &Range<usize>, stack: usize) -> usize {
    bytes.start + stack
}

/// Makes a partition's bytes as new: stack painted, statics as at boot, the rest zero, and an arena of that.
///
/// # Safety
/// `bytes` is the partition's, nobody is on its stack and nobody uses what its arena held.
unsafe fn wipe(bytes: &Range<usize>, stack: usize) -> NonNull<Arena> {
    // SAFETY: by this function's contract.
    unsafe { stack::paint(bytes.start..bytes.start + stack) };
    let statics = saved_statics(bytes, stack);
    let rest: *mut u8 = ptr::with_exposed_provenance_mut(statics);
    // SAFETY: by this function's contract; the range ends where the partition does.
    unsafe { rest.write_bytes(0, bytes.end - statics) };
    // SAFETY: the partition is larger than its stack and the statics, of which there is less than 1 KiB.
    unsafe { place::copy_initial_statics(statics) };
    let start = (statics + place::common_statics().len()).next_multiple_of(16);
    // SAFETY: by this function's contract.
    let arena = unsafe { Arena::make(start..bytes.end) };
    NonNull::new(arena).expect("RAM does not start at 0")
}

/// A store without privilege, as a guest's that got out would be.
pub(crate) fn poke(address: usize) {
    privilege::lower();
    // SAFETY: none: this is for tests that want the fault. In regions-off builds nobody calls it.
    unsafe { ptr::with_exposed_provenance_mut::<u8>(address).write_volatile(0x5A) };
    let _was_lowered = privilege::raise();
}

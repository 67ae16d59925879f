//! A component that does one step of a random program at a time: see `wit/stepper.wit`.

#[path = "../../../model/src/checksum.rs"]
#[expect(unreachable_pub, reason = "it is public where it comes from")]
mod checksum;
mod landing;
mod memory;

use std::cell::RefCell;
use std::collections::BTreeMap;

use bindings::exports::memctl::stepper::steps::{Act, Answer, Ask, FilePart, Guest, LeaseAsk, Part, Range, UpgradeAsk};
use bindings::memctl::stepper::host;
use bindings::wasi::filesystem::preopens;
use bindings::wasi::filesystem::types::{Descriptor, DescriptorFlags, OpenFlags, PathFlags};
use bindings::wasi::memory_control::file_object;
use bindings::wasi::memory_control::mapping::{Lease, Mapping};
use bindings::wasi::memory_control::object::Object;
use bindings::wasi::memory_control::types::{ErrorCode, Window};

mod bindings {
    //! The world `memctl:stepper/stepper`.

    wit_bindgen::generate!({
        world: "memctl:stepper/stepper",
        path: ["../../../wit", "wit"],
        generate_all,
    });
}

/// What the program's names stand for.
#[derive(Default)]
struct Named {
    objects: BTreeMap<u32, Object>,
    mappings: BTreeMap<u32, Mapping>,
    leases: BTreeMap<u32, Lease>,
}

thread_local! {
    static NAMED: RefCell<Named> = RefCell::default();
    static DIRECTORY: RefCell<Option<Descriptor>> = const { RefCell::new(None) };
}

/// The component's exports.
struct Stepper;

/// A window: the list says which memory, by any address in it.
fn window(Range { start, len }: Range) -> Window {
    Window { memory: Vec::new(), start, len }
}

fn file(writable: bool) -> Descriptor {
    let mut flags = DescriptorFlags::READ;
    flags.set(DescriptorFlags::WRITE, writable);
    let open = |directory: &Descriptor| directory.open_at(PathFlags::empty(), "file", OpenFlags::empty(), flags);
    DIRECTORY.with_borrow(|directory| open(directory.as_ref().expect("prepared"))).expect("the file opens")
}

impl Named {
    fn act(&mut self, act: Act) -> Result<u64, ErrorCode> {
        match act {
            Act::Anonymous((size, name)) => {
                self.objects.insert(name, Object::anonymous(size)?);
            }
            Act::Open((published, name)) => {
                self.objects.insert(name, Object::open(&published)?);
            }
            Act::OpenFile((writable, name)) => {
                self.objects.insert(name, file_object::from_file(&file(writable))?);
            }
            Act::Len(name) => return self.objects[&name].len(),
            Act::Rights(name) => return Ok(self.objects[&name].rights().bits().into()),
            Act::Resize((name, size)) => self.objects[&name].resize(size)?,
            Act::DropHandle(name) => drop(self.objects.remove(&name)),
            Act::Map(Ask { handle, window: range, options, mapping }) => {
                self.mappings.insert(mapping, Mapping::map(&window(range), &self.objects[&handle], options)?);
            }
            Act::Publish(Part { name, range }) => self.mappings[&name].publish(&window(range))?,
            Act::Refresh(Part { name, range }) => self.mappings[&name].refresh(&window(range))?,
            Act::Sync(Part { name, range }) => self.mappings[&name].sync(&window(range))?,
            Act::Acquire(LeaseAsk { part: Part { name, range }, access, wait, lease }) => {
                let (mapping, part) = (&self.mappings[&name], window(range));
                let acquired = match wait {
                    None => mapping.acquire(&part, access)?,
                    Some(timeout) => mapping.acquire_within(&part, access, timeout)?,
                };
                self.leases.insert(lease, acquired);
            }
            Act::Upgrade(UpgradeAsk { lease: Part { name, range }, wait }) => {
                self.leases[&name].upgrade(&window(range), wait)?;
            }
            Act::Downgrade(Part { name, range }) => self.leases[&name].downgrade(&window(range))?,
            // The host knows the memory: which numbers come with it doesn't matter.
            Act::Unmap(name) => self.mappings[&name].unmap(&window(Range { start: 0, len: 0 }))?,
            Act::DropMapping(name) => drop(self.mappings.remove(&name)),
            Act::Release(Part { name, range }) => {
                Lease::release(self.leases.remove(&name).expect("the program has it"), &window(range))?;
            }
            Act::DropLease(name) => drop(self.leases.remove(&name)),
            Act::Store(stores) | Act::Cross(stores) | Act::Trap(stores) => memory::store(stores.to, stores.value),
            Act::Fill(stores) => memory::fill(stores.to, stores.value),
            Act::Copy((to, from)) => memory::copy(to, from),
            Act::Grow => memory::grow(),
            Act::WriteFile(FilePart { offset, range }) => {
                let written = file(true).write(memory::bytes(range), offset).expect("the file is written");
                assert_eq!(written, range.len);
            }
            Act::ReadFile(FilePart { offset, range }) => {
                let file = file(false);
                memory::land(range, || file.read(range.len, offset).expect("the file is read").0);
            }
            Act::Rest => {}
        }
        Ok(0)
    }
}

impl Guest for Stepper {
    fn prepare() -> u64 {
        let (directory, _) = preopens::get_directories().pop().expect("a directory is preopened");
        DIRECTORY.set(Some(directory));
        memory::prepare()
    }

    fn step(act: Act, looks: Vec<Range>) -> Answer {
        let (crosses, traps) = (matches!(act, Act::Cross(_)), matches!(act, Act::Trap(_)));
        let gave = NAMED.with_borrow_mut(|named| named.act(act));
        if crosses {
            host::meanwhile();
        }
        if traps {
            memory::trap();
        }
        let mut sum = checksum::Checksum::default();
        looks.into_iter().for_each(|range| memory::look(range, &mut sum));
        memory::check();
        Answer { gave, seen: sum.get() }
    }

    fn load(range: Range) -> Vec<u8> {
        memory::bytes(range).to_vec()
    }
}

// Natively the names of the exports are no symbols that a linker takes.
#[cfg(target_arch = "wasm32")]
bindings::export!(Stepper with_types_in bindings);

//! A test in a process of its own.

use std::fs::File;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

use memctl_alias::{Protection, Reservation, host_page_size};

use crate::sys;

const CHILD: &str = "MEMCTL_ALIAS_CHILD";

/// Runs the named test, with its module's name, in a child, which does `act` there; here, returns how the child ended.
pub(crate) fn run(test: &str, act: impl FnOnce()) -> Option<Output> {
    run_under(&[], test, act)
}

/// As [`run`], with the child started by another program: its name and its arguments.
pub(crate) fn run_under(starter: &[&str], test: &str, act: impl FnOnce()) -> Option<Output> {
    if std::env::var_os(CHILD).is_some_and(|name| name == test) {
        sys::no_core_dump();
        act();
        return None;
    }
    let program = std::env::current_exe().expect("this binary");
    let mut command = match starter.split_first() {
        Some((starter, args)) => {
            let mut command = Command::new(starter);
            command.args(args).arg(program);
            command
        }
        None => Command::new(program),
    };
    command.args(["--exact", test, "--test-threads=1", "--nocapture"]).env(CHILD, test);
    Some(command.output().expect("a child"))
}

/// The child ended by this signal.
pub(crate) fn signal(child: Option<Output>, expected: i32) {
    if let Some(child) = child {
        assert_eq!(child.status.signal(), Some(expected), "{}\n{}", child.status, said(&child));
    }
}

/// The child ended with this status.
pub(crate) fn exit(child: Option<Output>, expected: i32) {
    if let Some(child) = child {
        assert_eq!(child.status.code(), Some(expected), "{}\n{}", child.status, said(&child));
    }
}

/// What it wrote.
pub(crate) fn said(child: &Output) -> String {
    [&child.stdout[..], &child.stderr].map(String::from_utf8_lossy).concat()
}

/// A guest memory of so many host pages.
pub(crate) fn memory(pages: u64) -> Reservation {
    let size = usize::try_from(pages * host_page_size()).expect("fits");
    Reservation::new(size, size, 0).expect("address space")
}

/// What is needed once is there before it is counted, or used up: the handler's spare mappings, and what the runtime of
/// ThreadSanitizer allocates at a thread's first fault.
pub(crate) fn first_fault() {
    let memory = memory(1);
    memory.protect(0, host_page_size(), Protection::None).expect("protect");
    assert!(memory.read(0, &mut [0]).is_err());
}

/// What the process holds of the kernel's: counted before and after something that fails.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Held {
    descriptors: usize,
    // Neighbours merge, so that the number of mappings says less.
    mapped: usize,
}

impl Held {
    /// The address space in bytes.
    pub(crate) fn mapped(&self) -> usize {
        self.mapped
    }

    /// Allocates nothing, since there may be nothing left.
    pub(crate) fn now() -> Self {
        let mut bytes = [0; 256];
        let mut statm = File::open("/proc/self/statm").expect("procfs");
        let read = statm.read(&mut bytes).expect("procfs");
        let pages = bytes[..read].iter().take_while(|byte| **byte != b' ');
        let pages = pages.fold(0, |pages, digit| pages * 10 + usize::from(*digit - b'0'));
        let page = usize::try_from(host_page_size()).expect("fits");
        let descriptors = (0..1024).filter(|number| sys::is_open(*number)).count();
        Self { descriptors, mapped: pages * page }
    }
}

use std::fmt::Debug;
use std::fs::File;
use std::io;
use std::ops::{Deref, DerefMut};
use std::os::fd::RawFd;

use subject::{
    Advice, MapIfSafeError, Mmap, MmapAsRawDesc, MmapMut, MmapOptions, MmapRaw, MmapRawDescriptor, RemapOptions,
    UncheckedAdvice,
};

type Result<T> = io::Result<T>;

macro_rules! advisable {
    ($($map:ty),+) => {
        $(
            let _: fn(&$map, Advice) -> Result<()> = <$map>::advise;
            let _: fn(&$map, Advice, usize, usize) -> Result<()> = <$map>::advise_range;
            let _: unsafe fn(&$map, UncheckedAdvice) -> Result<()> = <$map>::unchecked_advise;
            let _: unsafe fn(&$map, UncheckedAdvice, usize, usize) -> Result<()> = <$map>::unchecked_advise_range;
            let _: fn(&$map) -> Result<()> = <$map>::lock;
            let _: fn(&$map) -> Result<()> = <$map>::unlock;
            let _: unsafe fn(&mut $map, usize, RemapOptions) -> Result<()> = <$map>::remap;
        )+
    };
}

macro_rules! flushable {
    ($($map:ty),+) => {
        $(
            let _: fn(&$map) -> Result<()> = <$map>::flush;
            let _: fn(&$map) -> Result<()> = <$map>::flush_async;
            let _: fn(&$map, usize, usize) -> Result<()> = <$map>::flush_range;
            let _: fn(&$map, usize, usize) -> Result<()> = <$map>::flush_async_range;
        )+
    };
}

fn options() {
    type O = MmapOptions;
    let _: fn() -> O = O::new;
    let _: fn(&mut O, u64) -> &mut O = O::offset;
    let _: fn(&mut O, usize) -> &mut O = O::len;
    let _: fn(&mut O) -> &mut O = O::stack;
    let _: fn(&mut O, Option<u8>) -> &mut O = O::huge;
    let _: fn(&mut O) -> &mut O = O::populate;
    let _: fn(&mut O) -> &mut O = O::no_reserve_swap;
    let _: fn(&mut O) -> &mut O = O::no_probe_handle;
    let _: unsafe fn(&O, &'static File) -> Result<Mmap> = O::map::<&'static File>;
    let _: unsafe fn(&O, &'static File) -> Result<Mmap> = O::map_exec::<&'static File>;
    let _: unsafe fn(&O, &'static File) -> Result<MmapMut> = O::map_mut::<&'static File>;
    let _: unsafe fn(&O, &'static File) -> Result<MmapMut> = O::map_copy::<&'static File>;
    let _: unsafe fn(&O, RawFd) -> Result<Mmap> = O::map_copy_read_only::<RawFd>;
    let _: fn(&O, &'static File) -> std::result::Result<Mmap, MapIfSafeError> = O::map_if_safe::<&'static File>;
    let _: fn(&O) -> Result<MmapMut> = O::map_anon;
    let _: fn(&O, &'static File) -> Result<MmapRaw> = O::map_raw::<&'static File>;
    let _: fn(&O, RawFd) -> Result<MmapRaw> = O::map_raw_read_only::<RawFd>;
}

fn maps() {
    let _: unsafe fn(&'static File) -> Result<Mmap> = Mmap::map::<&'static File>;
    let _: fn(RawFd) -> std::result::Result<Mmap, MapIfSafeError> = Mmap::map_if_safe::<RawFd>;
    let _: fn(Mmap) -> Result<MmapMut> = Mmap::make_mut;
    let _: unsafe fn(&'static File) -> Result<MmapMut> = MmapMut::map_mut::<&'static File>;
    let _: fn(usize) -> Result<MmapMut> = MmapMut::map_anon;
    let _: fn(MmapMut) -> Result<Mmap> = MmapMut::make_read_only;
    let _: fn(MmapMut) -> Result<Mmap> = MmapMut::make_exec;
    let _: fn(RawFd) -> Result<MmapRaw> = MmapRaw::map_raw::<RawFd>;
    let _: fn(&MmapRaw) -> *const u8 = MmapRaw::as_ptr;
    let _: fn(&MmapRaw) -> *mut u8 = MmapRaw::as_mut_ptr;
    let _: fn(&MmapRaw) -> usize = MmapRaw::len;
    advisable!(Mmap, MmapMut, MmapRaw);
    flushable!(MmapMut, MmapRaw);
}

fn the_rest() {
    let _: fn(&MapIfSafeError) -> bool = MapIfSafeError::not_supported;
    let _: fn(&MapIfSafeError) -> bool = MapIfSafeError::not_safe;
    let _: fn(&MapIfSafeError) -> bool = MapIfSafeError::map_failed;
    let _: fn() -> RemapOptions = RemapOptions::new;
    let _: fn(RemapOptions, bool) -> RemapOptions = RemapOptions::may_move;
    let _: fn(Advice) -> bool = Advice::is_supported;
    let _: fn(UncheckedAdvice) -> bool = UncheckedAdvice::is_supported;
    let _: fn(&RawFd) -> MmapRawDescriptor = <RawFd as MmapAsRawDesc>::as_raw_desc;
}

fn traits() {
    fn map<T: Deref<Target = [u8]> + AsRef<[u8]> + Debug + Send + Sync + Unpin + 'static>() {}
    fn map_mut<T: DerefMut<Target = [u8]> + AsRef<[u8]> + AsMut<[u8]> + Debug + Send + Sync + Unpin + 'static>() {}
    fn raw<T: From<Mmap> + From<MmapMut> + Debug + Send + Sync + Unpin + 'static>() {}
    fn advice<T: Copy + Debug + Eq + std::hash::Hash + Send + Sync>() {}
    fn error<T: std::error::Error + Into<io::Error> + Send + Sync + 'static>() {}
    fn described<T: MmapAsRawDesc>() {}
    map::<Mmap>();
    map_mut::<MmapMut>();
    raw::<MmapRaw>();
    advice::<Advice>();
    advice::<UncheckedAdvice>();
    error::<MapIfSafeError>();
    described::<&File>();
    described::<&std::os::fd::OwnedFd>();
    described::<RawFd>();
    fn options<T: Clone + Default + Debug + Send + Sync>() {}
    options::<MmapOptions>();
    fn remap<T: Copy + Default + Debug>() {}
    remap::<RemapOptions>();
    #[cfg(feature = "stable_deref_trait")]
    {
        fn stable<T: stable_deref_trait::StableDeref>() {}
        stable::<Mmap>();
        stable::<MmapMut>();
    }
}

/// Without `_`: a variant more, or one less, doesn't compile.
fn advice(advice: Advice) -> i32 {
    match advice {
        Advice::Normal => 0,
        Advice::Random => 1,
        Advice::Sequential => 2,
        Advice::WillNeed => 3,
        Advice::DontFork => 10,
        Advice::DoFork => 11,
        Advice::Mergeable => 12,
        Advice::Unmergeable => 13,
        Advice::HugePage => 14,
        Advice::NoHugePage => 15,
        Advice::DontDump => 16,
        Advice::DoDump => 17,
        Advice::HwPoison => 100,
        Advice::PopulateRead => 22,
        Advice::PopulateWrite => 23,
    }
}

fn unchecked_advice(advice: UncheckedAdvice) -> i32 {
    match advice {
        UncheckedAdvice::DontNeed => 4,
        UncheckedAdvice::Free => 8,
        UncheckedAdvice::Remove => 9,
    }
}

pub(super) fn check() {
    options();
    maps();
    the_rest();
    traits();
    for value in [Advice::Normal, Advice::DontFork, Advice::HwPoison, Advice::PopulateWrite] {
        assert_eq!(value as i32, advice(value));
    }
    for value in [UncheckedAdvice::DontNeed, UncheckedAdvice::Free, UncheckedAdvice::Remove] {
        assert_eq!(value as i32, unchecked_advice(value));
    }
}

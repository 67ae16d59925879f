//! TEMPORARY: the shape of `memctl_wasmtime`, until it is there.
#![allow(
    unreachable_pub,
    missing_docs,
    clippy::all,
    dead_code,
    clippy::allow_attributes_without_reason,
    clippy::missing_errors_doc,
    unused,
    clippy::allow_attributes
)]
use anyhow::Result;
use wasmtime::component::ResourceTable;
#[derive(Clone, Copy, Debug)]
pub enum Backend {
    Auto,
    Alias,
    Copy,
}
#[derive(Clone, Copy, Debug)]
pub struct Quotas {
    pub objects: u32,
    pub object_bytes: u64,
    pub mappings: u32,
    pub mapped_bytes: u64,
    pub leases: u32,
}
impl Default for Quotas {
    fn default() -> Self {
        Self { objects: 64, object_bytes: 1 << 30, mappings: 64, mapped_bytes: 1 << 30, leases: 64 }
    }
}
pub struct Rights;
impl Rights {
    pub const READ: Self = Self;
    pub fn all() -> Self {
        Self
    }
}
pub enum Source {
    Anonymous(u64),
    File(std::fs::File),
}
impl Source {
    pub fn anonymous(n: u64) -> Self {
        Self::Anonymous(n)
    }
    pub fn file(f: std::fs::File) -> Self {
        Self::File(f)
    }
}
pub struct Domain {
    sizes: Vec<(String, u64)>,
}
pub struct Builder(Domain);
impl Builder {
    pub fn backend(self, _: Backend) -> Self {
        self
    }
    pub fn quotas(self, _: Quotas) -> Self {
        self
    }
    pub fn guest_quotas(self, _: Quotas) -> Self {
        self
    }
    pub fn object(mut self, n: &str, s: Source, _: Rights) -> Self {
        self.0.sizes.push((
            n.into(),
            match s {
                Source::Anonymous(n) => n,
                Source::File(f) => f.metadata().unwrap().len(),
            },
        ));
        self
    }
    pub fn build(self) -> Result<Domain> {
        Ok(self.0)
    }
}
pub struct Stats {
    pub bytes_mapped: u64,
    pub bytes_copied: u64,
    pub mappings: u64,
}
pub struct CtxBuilder;
impl CtxBuilder {
    pub fn files(self, _: bool) -> Self {
        self
    }
    pub fn build(self) -> MemctlCtx {
        MemctlCtx
    }
}
pub struct MemctlCtx;
impl MemctlCtx {
    pub fn last_fault(&self) -> Option<String> {
        None
    }
}
pub struct MemctlCtxView<'a> {
    pub ctx: &'a mut MemctlCtx,
    pub table: &'a mut ResourceTable,
}
pub trait MemctlView {
    fn memctl(&mut self) -> MemctlCtxView<'_>;
}
impl Domain {
    pub fn builder() -> Builder {
        Builder(Domain { sizes: vec![] })
    }
    pub fn configure(&self, _: &mut wasmtime::Config) {}
    pub fn context(&self) -> CtxBuilder {
        CtxBuilder
    }
    pub fn object_size(&self, n: &str) -> Result<u64> {
        Ok(self.sizes.iter().find(|s| s.0 == n).unwrap().1)
    }
    pub fn read_object(&self, _: &str, _: u64, b: &mut [u8]) -> Result<()> {
        b.fill(0);
        Ok(())
    }
    pub fn stats(&self) -> Stats {
        Stats { bytes_mapped: 0, bytes_copied: 0, mappings: 0 }
    }
}
pub fn add_to_linker_sync<T: MemctlView>(_: &mut wasmtime::component::Linker<T>) -> Result<()> {
    Ok(())
}
pub fn attach<T: MemctlView>(_: &mut wasmtime::Store<T>) -> Result<()> {
    Ok(())
}

//! Images in flash: compiled code that runs where it lies.

use core::ptr::NonNull;

use wasmtime::component::Component;
use wasmtime::{Engine, Result};

/// A component as `memctl compile` made it, in flash.
#[derive(Clone, Copy)]
pub(crate) struct Image(&'static Aligned<[u8]>);

/// Bytes at a multiple of 32: wasmtime asks for 16, and an object in flash starts at a granule.
#[repr(C, align(32))]
pub(crate) struct Aligned<T: ?Sized>(pub(crate) T);

impl Image {
    /// The bytes of an image. They are believed: only what this firmware's build put there may be given.
    pub(crate) const fn of(bytes: &'static Aligned<[u8]>) -> Self {
        Self(bytes)
    }

    /// Bytes of the image.
    pub(crate) const fn len(self) -> usize {
        self.0.0.len()
    }

    /// Makes a component of the image, in place.
    ///
    /// # Errors
    /// When the image was compiled with another configuration than the engine's.
    pub(crate) fn load(self, engine: &Engine) -> Result<Component> {
        // SAFETY: the bytes are part of the firmware, which whoever built it trusts as its code; they are immutable and never freed.
        unsafe { Component::deserialize_raw(engine, NonNull::from(&self.0.0)) }
    }
}

/// The image of a name, from the directory that the build was given.
macro_rules! image {
    ($name:literal) => {{
        static BYTES: &$crate::sys::image::Aligned<[u8]> =
            &$crate::sys::image::Aligned(*include_bytes!(concat!(env!("MEMCTL_BOARD_IMAGES"), "/", $name, ".cwasm")));
        $crate::sys::image::Image::of(BYTES)
    }};
}
pub(crate) use image;

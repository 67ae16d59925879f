//! The stages of *frames*, which pass frames as lists: the same work, for comparison.

use std::cell::RefCell;

use bindings::exports::memctl::frames::stages::Guest;
use example_frames_stages::{Statistics, picture};

mod bindings {
    //! The world `memctl:frames/lists`.

    wit_bindgen::generate!({ world: "memctl:frames/lists", path: "wit" });
}

/// The component's exports.
struct Stages;

thread_local! {
    static SEEN: RefCell<Statistics> = RefCell::default();
}

impl Guest for Stages {
    fn camera(sequence: u32) -> Vec<u8> {
        let mut frame = vec![0; picture::LEN];
        picture::expose(&mut frame, sequence);
        frame
    }

    fn blur(mut frame: Vec<u8>) -> Vec<u8> {
        picture::blur(&mut frame);
        frame
    }

    fn edge(mut frame: Vec<u8>) -> Vec<u8> {
        picture::edge(&mut frame);
        frame
    }

    fn sink(frame: Vec<u8>) {
        SEEN.with_borrow_mut(|seen| seen.see(&frame));
    }

    fn report() -> String {
        SEEN.with_borrow(Statistics::to_string)
    }

    fn blank() -> Vec<u8> {
        vec![0; picture::LEN]
    }

    fn pass(frame: Vec<u8>) -> Vec<u8> {
        frame
    }

    fn swallow(frame: Vec<u8>) {
        drop(frame);
    }
}

// Natively the names of the exports are no symbols that a linker takes.
#[cfg(target_arch = "wasm32")]
bindings::export!(Stages with_types_in bindings);

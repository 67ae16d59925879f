//! A naive model of the contract, and random programs that worlds are compared with it on.
//!
//! A program is a list of [`Op`]s, made at random: what is asked, before it names anything that is there. The [`Model`] makes a [`Step`] of
//! each, and says what has to come of it; a [`World`] does it. [`Lockstep`] compares the two, and any number of worlds with each other.
//! [`campaign`](fn@campaign) runs one program after another, and finds the smallest that fails.
#![expect(clippy::missing_panics_doc, reason = "what goes wrong here ends the test, and its text says why")]

mod ask;
mod books;
mod campaign;
mod checksum;
mod entries;
mod heaps;
mod lease_rules;
mod lockstep;
mod look;
mod model;
mod program;
mod resolve;
mod rules;
mod setting;
mod step;

pub use ask::{Kind, MapAt, map_at};
pub use campaign::{Campaign, campaign};
pub use checksum::Checksum;
pub use heaps::{
    CHAIN, Field, HEAPS, HEIR, HeapAnswer, HeapLockstep, HeapModel, HeapOp, HeapSetting, HeapStep, HeapWorld, LENS,
    Meanwhile, QUEUES, Verb, heap_campaign,
};
pub use lockstep::{Disagreement, Lockstep, World};
pub use model::Model;
pub use program::{Op, Part, Pick};
pub use setting::{Aliasing, FILE, GUESTS, LENT, PUBLISHED, SHARED, Setting, Surface};
pub use step::{Act, Answer, How, Looks, Name, Outcome, Range, Step};

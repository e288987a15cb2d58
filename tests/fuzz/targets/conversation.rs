//! A host says anything to an agent in a guest without a kernel, in which every command can be obeyed: requests, envelopes,
//! arguments, replies.
#![no_main]

use libfuzzer_sys::fuzz_target;
use picoqga::guest::fake::Fake;
use picoqga_fuzz::{converse, seed};

#[path = "../../common/fake_table.rs"]
mod fake_table;

fuzz_target!(|data: &[u8]| {
    let Some((seed, bytes)) = seed(data) else { return };
    let (_, [whole, pieces]) = converse(&fake_table::TABLE, Fake::default, seed, bytes);
    assert_eq!(format!("{whole:?}"), format!("{pieces:?}"), "what was done");
});

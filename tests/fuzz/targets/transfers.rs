//! A host says anything to an agent whose files and programs are in memory: long texts, held, streamed and spooled.
#![no_main]

use std::ffi::CString;

use libfuzzer_sys::fuzz_target;
use picoqga::command::{Row, Table, exec, exec_status, file, ping, sync};
use picoqga_fuzz::memory::Memory;
use picoqga_fuzz::{converse, seed};

static TABLE: Table<Memory> = Table::new(&[
    Row::of::<exec::GuestExec>(),
    Row::of::<exec_status::ExecStatus>(),
    Row::of::<file::close::FileClose>(),
    Row::of::<file::flush::FileFlush>(),
    Row::of::<file::open::FileOpen>(),
    Row::of::<file::read::FileRead>(),
    Row::of::<file::seek::FileSeek>(),
    Row::of::<file::write::FileWrite>(),
    Row::of::<ping::Ping>(),
    Row::of::<sync::Sync>(),
]);

/// One file is there.
fn guest() -> Memory {
    let mut guest = Memory::default();
    guest.contents.insert(CString::from(c"f"), (0..=255).cycle().take(5000).collect());
    guest
}

fuzz_target!(|data: &[u8]| {
    let Some((seed, bytes)) = seed(data) else { return };
    let (_, [whole, pieces]) = converse(&TABLE, guest, seed, bytes);
    assert_eq!(whole, pieces, "what was done");
});

//! Processors and memory blocks of a guest that has more of them than any buffer holds, in process.
#![cfg(feature = "cpu-memory")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects)] // of a test

mod common;

use common::{Sizes, Then, play, play_until};
use picoqga::command::{
    Row, Table, get_memory_block_info, get_memory_blocks, get_vcpus, ping, set_memory_blocks, set_vcpus,
};
use picoqga::errno::Errno;
use picoqga::guest::{
    Cpu, CpuError, Cpus, Guest, ListPlace, MemoryBlock, MemoryBlocks, MemoryListError, MemorySetError,
};
use picoqga::transport::fake::Piece;

static TABLE: Table<Machine> = Table::new(&[
    Row::of::<get_memory_block_info::GetMemoryBlockInfo>(),
    Row::of_list::<get_memory_blocks::GetMemoryBlocks>(),
    Row::of_list::<get_vcpus::GetVcpus>(),
    Row::of::<ping::Ping>(),
    Row::of::<set_memory_blocks::SetMemoryBlocks>(),
    Row::of::<set_vcpus::SetVcpus>(),
]);

/// A machine that has `cpus` processors and `blocks` blocks, remembers what it was asked to do, and fails where told to.
#[derive(Default)]
struct Machine {
    cpus: u32,
    blocks: u32,
    /// No processor can be read from this one on.
    unreadable_from: Option<i64>,
    has_no_blocks: bool,
    asked: Vec<(u64, bool)>,
}

impl Guest for Machine {}

/// Gives the numbers below `count` from a place on.
fn numbers(count: u32, ListPlace([next, _]): ListPlace, mut visit: impl FnMut(i64, ListPlace) -> bool) {
    for number in next..count.into() {
        if !visit(number, ListPlace([number + 1, 0])) {
            return;
        }
    }
}

impl Cpus for Machine {
    fn cpus(
        &mut self,
        from: ListPlace,
        _: &mut [u8],
        visit: &mut dyn FnMut(&Cpu, ListPlace) -> bool,
    ) -> Result<(), CpuError> {
        let mut result = Ok(());
        numbers(self.cpus, from, |id, place| {
            if self.unreadable_from.is_some_and(|first| id >= first) {
                result = Err(CpuError::ReadState(id, Errno::EIO));
                return false;
            }
            visit(&Cpu { id, is_online: id % 3 != 0, can_offline: id != 0 }, place)
        });
        result
    }

    fn set_cpu(&mut self, id: i64, online: bool) -> Result<(), CpuError> {
        self.asked.push((id.cast_unsigned(), online));
        if id < 0 || id >= self.cpus.into() {
            return Err(CpuError::Find(id, Errno::ENOENT));
        }
        if id == 0 && !online { Err(CpuError::AlwaysOnline(id)) } else { Ok(()) }
    }
}

impl MemoryBlocks for Machine {
    fn memory_blocks(
        &mut self,
        from: ListPlace,
        _: &mut [u8],
        visit: &mut dyn FnMut(&MemoryBlock, ListPlace) -> bool,
    ) -> Result<(), MemoryListError> {
        if self.has_no_blocks {
            return Err(MemoryListError::List(Errno::ENOENT));
        }
        numbers(self.blocks, from, |index, place| {
            let index = index.cast_unsigned();
            visit(&MemoryBlock { index, is_online: index % 3 != 0, can_offline: index != 0 }, place)
        });
        Ok(())
    }

    fn set_memory_block(&mut self, index: u64, online: bool) -> Result<(), MemorySetError> {
        self.asked.push((index, online));
        match index {
            0 => Err(MemorySetError::Failed(Errno::EBUSY)),
            1 => Err(MemorySetError::NotSupported(Errno::ENOENT)),
            u64::MAX => Err(MemorySetError::NotFound(Errno::new(i32::MAX))),
            _ => Ok(()),
        }
    }

    fn memory_block_size_bytes(&mut self) -> Result<u64, Errno> {
        if self.has_no_blocks { Err(Errno::ENOENT) } else { Ok(128 << 20) }
    }
}

/// The least that works, but for the request, which is to hold many elements.
const SMALL: Sizes =
    Sizes { input: 64, output: 512, request: 256 * 1024, scratch: 256, id: 400, token: 32, keys: 8, nesting: 2 };

fn ask(machine: &mut Machine, request: &str) -> String {
    let said = play(&TABLE, machine, SMALL, &[Piece::Bytes(request.as_bytes()), Piece::HangUp]);
    String::from_utf8(said).unwrap()
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("{{\"return\": [{}]}}\n", items.collect::<Vec<_>>().join(", "))
}

fn members(name: &str, number: u32) -> String {
    format!("{{\"{name}\": {number}, \"online\": {}, \"can-offline\": {}}}", !number.is_multiple_of(3), number != 0)
}

#[test]
fn twenty_thousand_processors_and_blocks_pass_through_512_bytes() {
    for count in [0, 1, 2, 3, 4, 5, 20_000] {
        let mut machine = Machine { cpus: count, blocks: count, ..Machine::default() };
        let said = ask(&mut machine, r#"{"execute":"guest-get-vcpus"}"#);
        assert!(said == list((0..count).map(|number| members("logical-id", number))), "{count} processors");
        let said = ask(&mut machine, r#"{"execute":"guest-get-memory-blocks"}"#);
        if count > 0 {
            assert!(said == list((0..count).map(|number| members("phys-index", number))), "{count} blocks");
        } else {
            assert!(said.contains("guest reported zero memory blocks!"), "{said}");
        }
    }
}

#[test]
fn an_error_far_behind_the_first_piece_is_told_as_one() {
    for first in [0, 3, 15_000] {
        let mut machine = Machine { cpus: 20_000, unreadable_from: Some(first), ..Machine::default() };
        let said = ask(&mut machine, r#"{"execute":"guest-get-vcpus","id":1}"#);
        let text = format!(
            r#"{{"id": 1, "error": {{"class": "GenericError", "desc": "pread(\"/sys/devices/system/cpu/cpu{first}//online\"): Input/output error"}}}}"#
        );
        assert_eq!(said, text + "\n");
    }
}

#[test]
fn a_guest_without_memory_blocks() {
    let mut machine = Machine { has_no_blocks: true, ..Machine::default() };
    assert_eq!(ask(&mut machine, r#"{"execute":"guest-get-memory-blocks"}"#), "{\"return\": []}\n");
    let said = ask(&mut machine, r#"{"execute":"guest-get-memory-block-info"}"#);
    assert!(said.contains(r#"open(\"/sys/devices/system/memory/\"): No such file or directory"#), "{said}");
}

#[test]
fn processors_are_done_up_to_the_first_that_fails() {
    let request = |elements: &str| format!(r#"{{"execute":"guest-set-vcpus","arguments":{{"vcpus":[{elements}]}}}}"#);
    let good = r#"{"logical-id":1,"online":false}"#;
    let unknown = r#"{"logical-id":-9,"online":true,"can-offline":true}"#;
    let fixed = r#"{"online":false,"logical-id":0}"#;
    for (elements, said, asked) in [
        (String::new(), "{\"return\": 0}\n", 0),
        (format!("{good},{good}"), "{\"return\": 2}\n", 2),
        (format!("{good},{unknown},{good}"), "{\"return\": 1}\n", 2),
        (format!("{good},{good},{fixed}"), "{\"return\": 2}\n", 3),
        (
            fixed.into(),
            "{\"error\": {\"class\": \"GenericError\", \"desc\": \"logical processor #0 can't be offlined\"}}\n",
            1,
        ),
        (
            format!("{unknown},{good}"),
            "{\"error\": {\"class\": \"GenericError\", \"desc\": \"open(\\\"/sys/devices/system/cpu/cpu-9/\\\"): No such file or directory\"}}\n",
            1,
        ),
        // Nothing is done if any element is wrong.
        (
            format!("{good},{good},7"),
            "{\"error\": {\"class\": \"GenericError\", \"desc\": \"Invalid parameter type for 'vcpus[2]', expected: object\"}}\n",
            0,
        ),
    ] {
        let mut machine = Machine { cpus: 2, ..Machine::default() };
        assert_eq!(ask(&mut machine, &request(&elements)), said);
        assert_eq!(machine.asked.len(), asked, "{elements}");
    }
}

/// A request for `count` blocks, every second one offline, what it must be answered, and what the machine is asked for.
fn blocks(count: u64) -> (String, String, Vec<(u64, bool)>) {
    let indices = (0..count).map(|index| if index == 2 { u64::MAX } else { index });
    let elements: Vec<_> =
        indices.clone().map(|index| format!(r#"{{"phys-index": {index},'online':{}}}"#, index % 2 == 0)).collect();
    let id = "x".repeat(390);
    let request = format!(
        r#"{{"execute":"guest-set-memory-blocks","id":"{id}","arguments":{{"mem-blks":[{}]}}}}"#,
        elements.join(", ")
    );
    let results = indices.clone().map(|index| {
        let result = match index {
            0 => "\"operation-failed\", \"error-code\": 16",
            1 => "\"operation-not-supported\", \"error-code\": 2",
            u64::MAX => "\"not-found\", \"error-code\": 2147483647",
            _ => "\"success\"",
        };
        format!("{{\"phys-index\": {index}, \"response\": {result}}}")
    });
    let said = list(results).replace("]}\n", &format!("], \"id\": \"{id}\"}}\n"));
    (request, said, indices.map(|index| (index, index % 2 == 0)).collect())
}

#[test]
fn each_block_is_switched_once_whatever_room_there_is() {
    for count in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 2000] {
        let (request, said, asked) = blocks(count);
        let mut machine = Machine::default();
        assert_eq!(ask(&mut machine, &request), said, "{count} blocks");
        assert!(machine.asked == asked, "{count} blocks");
    }
}

#[test]
fn blocks_are_switched_to_the_last_when_the_host_goes_in_the_middle() {
    let (request, _, asked) = blocks(2000);
    let script = [Piece::Bytes(request.as_bytes()), Piece::HangUp];
    for how in ["the line breaks", "nobody reads"] {
        let mut machine = Machine::default();
        play_until(&TABLE, &mut machine, SMALL, &script, |machine, _| match machine.asked.len() {
            100 if how == "nobody reads" => Then::NobodyReads,
            100 => Then::LineBreaks,
            _ => Then::GoOn,
        });
        assert!(machine.asked == asked, "{how}: {} of 2000 blocks were switched", machine.asked.len());
    }
}

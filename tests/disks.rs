//! guest-get-disks through a whole agent: more disks than any buffer holds, and what goes wrong midway.
#![cfg(feature = "inventory")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects)] // of a test

mod common;

use common::{LINUX, Sizes, play};
use picoqga::command::get_disks::GetDisks;
use picoqga::command::ping::Ping;
use picoqga::command::{Row, Table};
use picoqga::errno::Errno;
use picoqga::guest::{BlockDevice, BlockDeviceError, BlockDevices, Guest, ListPlace};
use picoqga::transport::fake::Piece;

static TABLE: Table<Machine> = Table::new(&[Row::of_list::<GetDisks>(), Row::of::<Ping>()]);

/// A guest with that many disks, each made of as many others.
#[derive(Default)]
struct Machine {
    disks: i64,
    made_of: usize,
    /// From this listing on, and at this disk, it fails.
    fails: Option<(u32, i64, BlockDeviceError)>,
    listings: u32,
}

impl Guest for Machine {}

const OTHER: &str = "/dev/other-disk-with-a-name-as-long-as";

impl BlockDevices for Machine {
    fn block_devices(
        &mut self,
        ListPlace([from, _]): ListPlace,
        _: &mut [u8],
        visit: &mut dyn FnMut(&BlockDevice<'_>, ListPlace) -> bool,
    ) -> Result<(), BlockDeviceError> {
        self.listings += 1;
        let made_of = vec![OTHER; self.made_of].join("\0");
        for disk in from..self.disks {
            match self.fails {
                Some((listing, at, error)) if self.listings >= listing && disk == at => return Err(error),
                _ => {}
            }
            let name = format!("/dev/d{disk}");
            let made_of = Some(made_of.as_bytes());
            let device = BlockDevice { name: name.as_bytes(), made_of, ..BlockDevice::default() };
            if !visit(&device, ListPlace([disk + 1, 0])) {
                break;
            }
        }
        Ok(())
    }
}

impl Machine {
    fn told(&self, disks: i64) -> String {
        let others = vec![format!("\"{OTHER}\""); self.made_of].join(", ");
        let disk = |number| format!(r#"{{"name": "/dev/d{number}", "partition": false, "dependencies": [{others}]}}"#);
        format!("[{}]", (0..disks).map(disk).collect::<Vec<_>>().join(", "))
    }
}

const SMALL: Sizes = Sizes { output: 1024, request: 1024, scratch: 512, id: 400, ..LINUX };
const ASK: &str = r#"{"execute":"guest-get-disks"}"#;
const PING: &str = r#"{"execute":"guest-ping"}"#;
const PONG: &str = "{\"return\": {}}\n";

fn ask(machine: &mut Machine, sizes: Sizes) -> String {
    let asked = format!("{PING}{ASK}{PING}");
    let said = String::from_utf8(play(&TABLE, machine, sizes, &[Piece::Bytes(asked.as_bytes())])).unwrap();
    said.strip_prefix(PONG).unwrap().strip_suffix(PONG).unwrap().into()
}

#[test]
fn any_number_is_told_through_the_same_buffers() {
    for (disks, made_of, sizes) in
        [(0, 0, SMALL), (1, 0, SMALL), (100, 10, SMALL), (20_000, 1, LINUX), (50, 420, LINUX)]
    {
        let mut machine = Machine { disks, made_of, ..Machine::default() };
        let said = ask(&mut machine, sizes);
        assert!(said == format!("{{\"return\": {}}}\n", machine.told(disks)), "{disks} of {made_of}: {said:.2000}");
    }
}

#[test]
fn what_can_not_be_listed_is_an_error_until_something_was_sent() {
    for (error, text) in [
        (BlockDeviceError::List(Errno::EACCES), r#"Can't open directory \"/sys/block\": Permission denied"#),
        (
            BlockDeviceError::MadeOfTooMany(16384),
            "the names of the devices that a disk is made of take more than 16384 bytes",
        ),
    ] {
        // Also of a disk that is not in the first piece.
        for at in [0, 90] {
            let mut machine = Machine { disks: 100, fails: Some((1, at, error)), ..Machine::default() };
            let line = format!("{{\"error\": {{\"class\": \"GenericError\", \"desc\": \"{text}\"}}}}\n");
            assert_eq!(ask(&mut machine, SMALL), line);
        }
        // Later it ends the list.
        let mut machine = Machine { disks: 100, fails: Some((2, 90, error)), ..Machine::default() };
        assert_eq!(ask(&mut machine, SMALL), format!("{{\"return\": {}}}\n", machine.told(90)));
    }
}

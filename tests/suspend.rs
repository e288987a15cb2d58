//! guest-suspend-ram, -disk and -hybrid through a whole agent, with a guest that only says that it slept.
#![cfg(feature = "power")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects)] // of a test

mod common;

use common::{LINUX, play, play_with};
use picoqga::command::ping::Ping;
use picoqga::command::suspend::{SuspendDisk, SuspendHybrid, SuspendRam};
use picoqga::command::{Row, Table};
use picoqga::errno::Errno;
use picoqga::guest::{Guest, Sleep, SleepError, Suspend};
use picoqga::transport::fake::Piece;

static TABLE: Table<Sleeper> =
    Table::new(&[Row::of::<Ping>(), Row::of::<SuspendDisk>(), Row::of::<SuspendHybrid>(), Row::of::<SuspendRam>()]);

/// A guest that remembers how it slept, or says why it did not.
#[derive(Default)]
struct Sleeper {
    slept: Vec<Sleep>,
    error: Option<SleepError>,
    /// How much the host had heard when it began to sleep.
    heard_before: Vec<usize>,
    /// How much the host has heard.
    heard: usize,
}

impl Guest for Sleeper {}

impl Suspend for Sleeper {
    fn suspend(&mut self, how: Sleep) -> Result<(), SleepError> {
        self.heard_before.push(self.heard);
        self.slept.push(how);
        self.error.map_or(Ok(()), Err)
    }
}

fn ask(guest: &mut Sleeper, request: &str) -> String {
    let said = play(&TABLE, guest, LINUX, &[Piece::Bytes(request.as_bytes()), Piece::HangUp]);
    String::from_utf8(said).unwrap()
}

const ALL: [(&str, Sleep); 3] =
    [("guest-suspend-ram", Sleep::Ram), ("guest-suspend-disk", Sleep::Disk), ("guest-suspend-hybrid", Sleep::Hybrid)];

#[test]
fn nothing_is_said_of_a_sleep_and_the_next_request_is_answered() {
    for (name, how) in ALL {
        for rest in ["}", r#","id":{"a":1}}"#, r#","arguments":{}}"#] {
            let mut guest = Sleeper::default();
            let said = ask(&mut guest, &format!(r#"{{"execute":"{name}"{rest}{{"execute":"guest-ping"}}"#));
            assert_eq!(said, "{\"return\": {}}\n");
            assert_eq!(guest.slept, [how]);
        }
    }
}

#[test]
fn what_is_due_is_sent_before_the_sleep() {
    for (name, _) in ALL {
        let mut guest = Sleeper::default();
        let request = format!(r#"{{"execute":"guest-ping"}}{{"execute":"guest-ping","id":7}}{{"execute":"{name}"}}"#);
        let script = [Piece::Bytes(request.as_bytes()), Piece::HangUp];
        play_with(&TABLE, &mut guest, LINUX, &script, |guest, transport| {
            // A host that takes a few bytes at a time.
            transport.write_at_most = 5;
            guest.heard = transport.output().len();
        });
        assert_eq!(guest.heard_before, ["{\"return\": {}}\n{\"return\": {}, \"id\": 7}\n".len()]);
    }
}

#[test]
fn a_guest_that_does_not_sleep_says_why() {
    for (error, text) in [
        (
            SleepError::Missing("no mem in /sys/power/state"),
            "the requested suspend mode is not supported by the guest: no mem in /sys/power/state",
        ),
        (
            SleepError::Failed("cannot write to '/sys/power/state'", Errno::EBUSY),
            "suspend: cannot write to '/sys/power/state': Device or resource busy",
        ),
    ] {
        for (name, _) in ALL {
            let mut guest = Sleeper { error: Some(error), ..Sleeper::default() };
            let said = ask(&mut guest, &format!(r#"{{"execute":"{name}","id":1}}"#));
            assert_eq!(said, format!(r#"{{"id": 1, "error": {{"class": "GenericError", "desc": "{text}"}}}}"#) + "\n");
        }
    }
}

#[test]
fn arguments_that_there_are_not_let_nobody_sleep() {
    for (name, _) in ALL {
        let mut guest = Sleeper::default();
        let said = ask(&mut guest, &format!(r#"{{"execute":"{name}","arguments":{{"mode":1}}}}"#));
        assert!(said.contains("Parameter 'mode' is unexpected"), "{said}");
        assert_eq!(guest.slept, []);
    }
}

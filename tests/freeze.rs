//! What clients are told of freezing, by a platform that does nothing, in process.
#![cfg(feature = "freeze")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects)] // of a test

mod common;

use common::{LINUX, play};
use picoqga::command::{Row, Table, fsfreeze, get_time, info, ping};
use picoqga::errno::Errno;
use picoqga::guest::{Clock, Flags, Freeze, FreezeError, FreezeReason, Guest, HelperError, Wanted};
use picoqga::transport::fake::Piece;

static TABLE: Table<Disks> = Table::new(&[
    Row::of::<fsfreeze::freeze::FsfreezeFreeze>(),
    Row::of::<fsfreeze::freeze_list::FsfreezeFreezeList>(),
    Row::of::<fsfreeze::status::FsfreezeStatus>(),
    Row::of::<fsfreeze::thaw::FsfreezeThaw>(),
    Row::of::<get_time::GetTime>(),
    Row::of::<info::Info>(),
    Row::of::<ping::Ping>(),
]);

/// Three file systems, one with a place that has to be escaped. Everything fails with `error`, which quotes `quoted`.
#[derive(Default)]
struct Disks {
    frozen: i64,
    error: Option<FreezeReason>,
    quoted: &'static str,
}

const PLACES: [&str; 3] = ["/", "/mnt/\"a\"\\b", "/mnt/\u{e9}"];

impl Disks {
    fn result(&self, buffer: &mut [u8], count: i64) -> Result<i64, FreezeError> {
        let Some(reason) = self.error else { return Ok(count) };
        buffer[..self.quoted.len()].copy_from_slice(self.quoted.as_bytes());
        Err(FreezeError { reason, quoted: self.quoted.len() })
    }
}

impl Guest for Disks {
    fn refusal(&self, _: &str, flags: Flags) -> Option<&'static str> {
        (self.frozen > 0 && !flags.while_frozen).then_some("the command is not allowed")
    }
}

impl Clock for Disks {
    fn real_time_ns(&mut self) -> Result<i64, Errno> {
        Ok(1)
    }
}

impl Freeze for Disks {
    fn is_frozen(&mut self) -> bool {
        self.frozen > 0
    }

    fn freeze(&mut self, wanted: Option<Wanted<'_>>, buffer: &mut [u8]) -> Result<i64, FreezeError> {
        let chosen = PLACES.iter().filter(|place| wanted.is_none_or(|wanted| wanted(place.as_bytes()))).count();
        self.frozen = i64::try_from(chosen).unwrap();
        self.result(buffer, self.frozen)
    }

    fn thaw(&mut self, buffer: &mut [u8]) -> Result<i64, FreezeError> {
        let count = std::mem::take(&mut self.frozen);
        self.result(buffer, count)
    }
}

fn say(guest: &mut Disks, requests: &str) -> String {
    String::from_utf8(play(&TABLE, guest, LINUX, &[Piece::Bytes(requests.as_bytes()), Piece::HangUp])).unwrap()
}

fn returned(value: &str) -> String {
    format!("{{\"return\": {value}}}\n")
}

#[test]
fn places_are_compared_as_they_are() {
    for (list, count) in [
        ("", "0"),
        (r#""/""#, "1"),
        (r#""/mnt/\"a\"\\b""#, "1"),
        (r#""\/mnt\/\u00e9","/","/""#, "2"),
        (r#""/mnt","","/mnt/e","//""#, "0"),
        ("\"/\\u0000\"", "0"),
    ] {
        let request = format!(r#"{{"execute":"guest-fsfreeze-freeze-list","arguments":{{"mountpoints":[{list}]}}}}"#);
        assert_eq!(say(&mut Disks::default(), &request), returned(count), "{list}");
    }
    assert_eq!(say(&mut Disks::default(), r#"{"execute":"guest-fsfreeze-freeze-list"}"#), returned("3"));
}

#[test]
fn a_list_as_long_as_a_request_can_be() {
    let mut list: Vec<_> = (10_000..19_500).map(|number| format!("\"/{number}\"")).collect();
    list.push("\"/\"".into());
    let list = list.join(",");
    let request = format!(r#"{{"execute":"guest-fsfreeze-freeze-list","arguments":{{"mountpoints":[{list}]}}}}"#);
    assert!(request.len() > 80_000);
    assert_eq!(say(&mut Disks::default(), &request), returned("1"));
}

#[test]
fn what_may_run_meanwhile_and_what_may_not() {
    let mut guest = Disks::default();
    let said = say(
        &mut guest,
        concat!(
            r#"{"execute":"guest-fsfreeze-status"}{"execute":"guest-fsfreeze-freeze"}{"execute":"guest-fsfreeze-status"}"#,
            r#"{"execute":"guest-get-time"}{"execute":"guest-fsfreeze-freeze"}{"execute":"guest-ping"}"#,
            r#"{"execute":"guest-fsfreeze-thaw"}{"execute":"guest-fsfreeze-thaw"}{"execute":"guest-get-time"}"#,
        ),
    );
    let refused = |name: &str| {
        format!(
            "{{\"error\": {{\"class\": \"CommandNotFound\", \"desc\": \"Command {name} has been disabled: the command \
             is not allowed\"}}}}\n"
        )
    };
    let expected = [
        returned("\"thawed\""),
        returned("3"),
        returned("\"frozen\""),
        refused("guest-get-time"),
        refused("guest-fsfreeze-freeze"),
        returned("{}"),
        returned("3"),
        returned("0"),
        returned("1"),
    ];
    assert_eq!(said, expected.concat());
}

#[test]
fn every_error_has_its_words() {
    for (reason, quoted, text) in [
        (
            FreezeReason::List(Errno::ENOENT),
            "",
            "failed to open mtab file: '/proc/self/mounts': No such file or directory",
        ),
        (FreezeReason::TooMany(512), "", "more than 512 file systems are mounted; nothing is frozen"),
        (FreezeReason::Open(Errno::EACCES), "/mnt/\"", "failed to open /mnt/\\\": Permission denied"),
        (FreezeReason::Freeze(Errno::EIO), "/mnt", "failed to freeze /mnt: Input/output error"),
        (FreezeReason::Ended(600), "", "file systems were thawed by the agent after 600 s"),
        (
            FreezeReason::Hook(HelperError::Create(Errno::ENOMEM)),
            "",
            "failed to create child process: Cannot allocate memory",
        ),
        (
            FreezeReason::Hook(HelperError::Execute(b"/hook", Errno::ENOENT)),
            "",
            "child process has failed to execute fsfreeze hook: failed to exec '/hook': No such file or directory\\n",
        ),
        (
            FreezeReason::Hook(HelperError::Failed(3)),
            "",
            "child process has failed to execute fsfreeze hook: exit status 3",
        ),
        (
            FreezeReason::Hook(HelperError::Failed(3)),
            "no\n",
            "child process has failed to execute fsfreeze hook: no\\n",
        ),
        (FreezeReason::Hook(HelperError::Killed), "", "child process has terminated abnormally"),
        (FreezeReason::Hook(HelperError::Killed), "oh", "child process has terminated abnormally: oh"),
        (
            FreezeReason::Hook(HelperError::TimedOut(60)),
            "",
            "child process has failed to execute fsfreeze hook: it did not end in 60 s",
        ),
        (FreezeReason::Hook(HelperError::Wait(Errno::ECHILD)), "", "failed to wait for child: No child processes"),
    ] {
        for command in ["guest-fsfreeze-freeze", "guest-fsfreeze-freeze-list", "guest-fsfreeze-thaw"] {
            let mut guest = Disks { frozen: 0, error: Some(reason), quoted };
            let said = say(&mut guest, &format!(r#"{{"execute":"{command}","id":1}}"#));
            let expected = format!("{{\"id\": 1, \"error\": {{\"class\": \"GenericError\", \"desc\": \"{text}\"}}}}\n");
            assert_eq!(said, expected, "{command}: {reason:?}");
        }
    }
}

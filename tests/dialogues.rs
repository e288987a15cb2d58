//! The dialogues of clients that no transcript can hold: one names a command that sets the clock, which a guest made up for
//! the test has instead of this machine; one is 1.4 MB long, here for a guest that runs no programs. tests/exec.rs has it for
//! one that does.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects)] // of a test

mod common;

use common::{LINUX, Random, play};
use picoqga::command::{Row, Table, ping::Ping, set_time::SetTime};
use picoqga::errno::Errno;
use picoqga::guest::{Clock, Guest, RtcError, SetClock};
use picoqga::transport::fake::Piece;

/// A guest whose clock can be looked at.
#[derive(Default)]
struct Watched {
    set_to_ns: Option<i64>,
}

impl Guest for Watched {}

impl Clock for Watched {
    fn real_time_ns(&mut self) -> Result<i64, Errno> {
        Ok(0)
    }
}

impl SetClock for Watched {
    fn set_real_time_ns(&mut self, time_ns: i64) -> Result<(), Errno> {
        self.set_to_ns = Some(time_ns);
        Ok(())
    }

    fn rtc_time_s(&mut self) -> Result<i64, RtcError> {
        Err(RtcError::Missing)
    }

    fn set_rtc_time_s(&mut self, _: i64) -> Result<(), RtcError> {
        Err(RtcError::Missing)
    }
}

static TABLE: Table<Watched> = Table::new(&[Row::of::<Ping>(), Row::of::<SetTime>()]);

/// Plays the request whole, byte by byte and at random cuts, with a ping behind it.
fn check(request: &str, reply: &str, set_to_ns: Option<i64>) {
    let bytes = [request.as_bytes(), b"{\"execute\":\"guest-ping\"}"].concat();
    let mut scripts = vec![vec![Piece::Bytes(&bytes)], bytes.chunks(1).map(Piece::Bytes).collect()];
    scripts.extend((1..=5).map(|seed| Random(seed).cut(&bytes)));
    for script in scripts {
        let mut guest = Watched::default();
        let said = String::from_utf8(play(&TABLE, &mut guest, LINUX, &script)).unwrap();
        assert_eq!(said, format!("{reply}\n{{\"return\": {{}}}}\n"), "in {} pieces", script.len());
        assert_eq!(guest.set_to_ns, set_to_ns, "in {} pieces", script.len());
    }
}

#[test]
fn a_time_beyond_the_integers_is_a_type_error_and_the_clock_is_not_touched() {
    let error = "Invalid parameter type for 'time', expected: integer";
    check(
        r#"{"execute":"guest-set-time","arguments":{"time":1700000000000000000000}}"#,
        &format!(r#"{{"error": {{"class": "GenericError", "desc": "{error}"}}}}"#),
        None,
    );
    // The same guest notices a time that is one.
    check(r#"{"execute":"guest-set-time","arguments":{"time":5}}"#, r#"{"return": {}}"#, Some(5));
}

#[test]
fn a_line_of_a_megabyte_and_a_half_is_refused_and_the_next_request_is_answered() {
    let data = "QUJD".repeat((1 << 20) / 3);
    let error = "JSON token size limit exceeded: a request holds at most 98304 bytes";
    check(
        &format!(r#"{{"execute":"guest-exec","arguments":{{"path":"/bin/cat","input-data":"{data}"}}}}"#),
        &format!(r#"{{"error": {{"class": "GenericError", "desc": "{error}"}}}}"#),
        None,
    );
}

//! Files through the agent as the Linux binary has it, in process: long texts in both directions, and what goes wrong in
//! the middle of them. Real files of a real kernel.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects)] // of a test
#![allow(clippy::as_conversions)]

mod common;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::{LINUX, Random, play, play_with};
use picoqga::linux::Linux;
use picoqga::linux::log::Log;
use picoqga::linux::options::Options;
use picoqga::linux::table::TABLE;
use picoqga::transport::fake::Piece;

/// A file that goes with its test.
struct Temporary(std::path::PathBuf);

impl Temporary {
    fn new(name: &str, contents: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("picoqga-{}-{name}", std::process::id()));
        std::fs::write(&path, contents).unwrap();
        Temporary(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    fn contents(&self) -> Vec<u8> {
        std::fs::read(&self.0).unwrap()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).unwrap();
    }
}

/// A guest, and the handle its next open will give.
fn guest() -> (Linux, i64) {
    let mut guest = Linux::new(Log::new(None, false), &Options::DEFAULT, Box::leak(Box::default()));
    let said = ask(&mut guest, r#"{"execute":"guest-file-open","arguments":{"path":"/dev/null"}}"#);
    let handle: i64 = said.trim_start_matches("{\"return\": ").trim_end_matches("}\n").parse().unwrap();
    (guest, handle + 1)
}

fn ask(guest: &mut Linux, requests: &str) -> String {
    let said = play(&TABLE, guest, LINUX, &[Piece::Bytes(requests.as_bytes()), Piece::HangUp]);
    String::from_utf8(said).unwrap()
}

fn open(guest: &mut Linux, path: &str, mode: &str) {
    let said =
        ask(guest, &format!(r#"{{"execute":"guest-file-open","arguments":{{"path":"{path}","mode":"{mode}"}}}}"#));
    assert!(said.starts_with("{\"return\": "), "{said}");
}

fn sample(length: usize) -> Vec<u8> {
    let mut random = Random(42);
    (0..length).map(|_| random.below(256) as u8).collect()
}

/// The members of the reply to a read.
fn read_reply(said: &str) -> (Vec<u8>, i64, bool) {
    let rest = said.strip_prefix("{\"return\": {\"buf-b64\": \"").unwrap_or_else(|| panic!("{said}"));
    let (text, rest) = rest.split_once("\", \"count\": ").unwrap();
    let (count, eof) = rest.split_once(", \"eof\": ").unwrap();
    (STANDARD.decode(text).unwrap(), count.parse().unwrap(), eof.starts_with("true"))
}

#[test]
fn a_read_of_48_mib_leaves_through_the_fixed_buffer() {
    let data = sample(48 << 20);
    let file = Temporary::new("read48", &data);
    let (mut guest, handle) = guest();
    open(&mut guest, file.path(), "r");
    let read = format!(r#"{{"execute":"guest-file-read","arguments":{{"handle":{handle},"count":{}}}}}"#, 48 << 20);
    let (bytes, count, eof) = read_reply(&ask(&mut guest, &read));
    assert!(bytes == data && count == 48 << 20 && !eof);
    let (bytes, count, eof) = read_reply(&ask(&mut guest, &read));
    assert!(bytes.is_empty() && count == 0 && eof);
}

#[test]
fn reads_of_every_small_size_are_whole_and_padded() {
    let data = sample(100);
    let file = Temporary::new("small", &data);
    for size in 0..=101_usize {
        let (mut guest, handle) = guest();
        open(&mut guest, file.path(), "r");
        let read = format!(r#"{{"execute":"guest-file-read","arguments":{{"handle":{handle},"count":{size}}}}}"#);
        let (bytes, count, eof) = read_reply(&ask(&mut guest, &read));
        assert_eq!((&bytes[..], count, eof), (&data[..size.min(100)], size.min(100) as i64, size > 100));
    }
}

#[test]
fn a_file_that_is_cut_while_it_is_read_ends_where_it_was_cut() {
    let data = sample(1 << 20);
    let file = Temporary::new("cut", &data);
    let (mut guest, handle) = guest();
    open(&mut guest, file.path(), "r");
    let read = format!(r#"{{"execute":"guest-file-read","arguments":{{"handle":{handle},"count":1048576}}}}"#);
    let mut cut = false;
    let said = play_with(&TABLE, &mut guest, LINUX, &[Piece::Bytes(read.as_bytes())], |_, line| {
        if !cut && !line.output().is_empty() {
            std::fs::OpenOptions::new().write(true).open(&file.0).unwrap().set_len(300_001).unwrap();
            cut = true;
        }
    });
    let (bytes, count, eof) = read_reply(str::from_utf8(&said).unwrap());
    assert!(cut && eof);
    assert_eq!(count, 300_001);
    assert!(bytes == data[..300_001]);
}

/// The end of what is mapped of this process without a hole in it, and is large enough.
fn end_of_a_mapping(at_least: u64) -> u64 {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let number = |text: &str| u64::from_str_radix(text, 16).unwrap();
    let mut areas: Vec<(u64, u64)> = Vec::new();
    for line in maps.lines() {
        let (start, end) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
        let (start, end) = (number(start), number(end));
        match areas.last_mut() {
            // Which of its neighbours a region touches is up to the kernel. Guard pages are read through this file as well.
            Some(area) if area.1 == start => area.1 = end,
            _ => areas.push((start, end)),
        }
    }
    areas.iter().find(|(start, end)| end - start >= at_least).unwrap().1
}

#[test]
fn an_error_in_the_middle_of_a_read_ends_it_and_is_told_by_the_next() {
    // Large enough to be mapped on its own.
    let block = sample(8 << 20);
    let before_end = 200_000;
    let end = end_of_a_mapping(before_end);
    let (mut guest, handle) = guest();
    open(&mut guest, "/proc/self/mem", "r");
    let seek = end - before_end;
    ask(
        &mut guest,
        &format!(r#"{{"execute":"guest-file-seek","arguments":{{"handle":{handle},"offset":{seek},"whence":0}}}}"#),
    );
    let read = format!(r#"{{"execute":"guest-file-read","arguments":{{"handle":{handle},"count":1048576}}}}"#);
    let (bytes, count, eof) = read_reply(&ask(&mut guest, &read));
    assert_eq!((bytes.len() as u64, count as u64, eof), (before_end, before_end, false));
    let said = ask(&mut guest, &read);
    assert_eq!(
        said,
        "{\"error\": {\"class\": \"GenericError\", \"desc\": \"failed to read file: Input/output error\"}}\n"
    );
    drop(block);
}

#[test]
fn long_writes_go_to_the_file_in_any_order_of_members() {
    let data = sample(3 << 20);
    let text = STANDARD.encode(&data);
    let mut wrapped = String::new();
    for line in text.as_bytes().chunks(76) {
        wrapped.push_str(str::from_utf8(line).unwrap());
        wrapped.push_str("\\n");
    }
    for text in [&text, &wrapped] {
        for order in [
            r#"{"execute":"guest-file-write","arguments":{"handle":HANDLE,"buf-b64":"TEXT"},"id":1}"#,
            r#"{"id":1,"arguments":{"handle":HANDLE,"buf-b64":"TEXT"},"execute":"guest-file-write"}"#,
            r#"{"id":1,"arguments":{"buf-b64":"TEXT","handle":HANDLE},"execute":"guest-file-write"}"#,
            r#"{"execute":"guest-file-write","id":1,"arguments":{"buf-b64":"TEXT","count":3145728,"handle":HANDLE}}"#,
        ] {
            let file = Temporary::new("write", b"");
            let (mut guest, handle) = guest();
            open(&mut guest, file.path(), "w");
            let request = order.replace("HANDLE", &handle.to_string()).replace("TEXT", text);
            let said = ask(&mut guest, &(request + "{\"execute\":\"guest-ping\"}"));
            assert_eq!(said, "{\"return\": {\"count\": 3145728, \"eof\": false}, \"id\": 1}\n{\"return\": {}}\n");
            assert!(file.contents() == data, "{order}");
        }
    }
}

#[test]
fn long_writes_at_random_cuts() {
    let data = sample(200_000);
    let text = STANDARD.encode(&data);
    for seed in 1..=10 {
        let file = Temporary::new("cuts", b"");
        let (mut guest, handle) = guest();
        open(&mut guest, file.path(), "w");
        let request =
            format!(r#"{{"execute":"guest-file-write","arguments":{{"handle":{handle},"buf-b64":"{text}"}}}}"#);
        let script = Random(seed).cut(request.as_bytes());
        let said = String::from_utf8(play(&TABLE, &mut guest, LINUX, &script)).unwrap();
        assert_eq!(said, "{\"return\": {\"count\": 200000, \"eof\": false}}\n", "seed {seed}");
        assert!(file.contents() == data, "seed {seed}");
    }
}

#[test]
fn a_count_before_a_long_text_limits_it_and_one_behind_it_is_too_late() {
    let data = sample(300_000);
    let text = STANDARD.encode(&data);
    for (arguments, reply, length) in [
        (
            r#""handle":HANDLE,"count":250001,"buf-b64":"TEXT""#,
            r#"{"return": {"count": 250001, "eof": false}}"#,
            250_001,
        ),
        (
            r#""handle":HANDLE,"buf-b64":"TEXT","count":7"#,
            r#"{"error": {"class": "GenericError", "desc": "value '7' is invalid for argument count (300000 bytes were written)"}}"#,
            300_000,
        ),
        // Through the spool, where all is known before anything is written.
        (r#""buf-b64":"TEXT","handle":HANDLE,"count":7"#, r#"{"return": {"count": 7, "eof": false}}"#, 7),
        (
            r#""buf-b64":"TEXT","handle":HANDLE,"count":300001"#,
            r#"{"error": {"class": "GenericError", "desc": "value '300001' is invalid for argument count"}}"#,
            0,
        ),
        (
            r#""buf-b64":"TEXT*","handle":HANDLE"#,
            r#"{"error": {"class": "GenericError", "desc": "Base64 data contains invalid characters"}}"#,
            0,
        ),
        (
            r#""buf-b64":"TEXT","handle":1"#,
            r#"{"error": {"class": "GenericError", "desc": "handle '1' has not been found"}}"#,
            0,
        ),
    ] {
        let file = Temporary::new("count", b"");
        let (mut guest, handle) = guest();
        open(&mut guest, file.path(), "w");
        let arguments = arguments.replace("HANDLE", &handle.to_string()).replace("TEXT", &text);
        let said = ask(&mut guest, &format!(r#"{{"execute":"guest-file-write","arguments":{{{arguments}}}}}"#));
        assert_eq!(said.trim_end(), reply);
        assert!(file.contents() == data[..length], "{reply}");
    }
}

/// Lengths on both sides of what fits into the request's buffer together with what it stands for, and of what fits at all.
#[test]
fn data_that_fits_is_checked_to_its_end_before_any_of_it_is_written() {
    let all = sample(80_000);
    for length in (0..70_000).step_by(4_999).chain([49_152, 50_000, 54_000, 54_800, 54_900, 55_000, 56_000, 60_000]) {
        let text = STANDARD.encode(&all[..length]);
        for (arguments, reply, written) in [
            (format!(r#""buf-b64":"{text}""#), format!(r#"{{"return": {{"count": {length}, "eof": false}}}}"#), length),
            (
                format!(r#""buf-b64":"{text}","count":{}"#, length / 2),
                format!(r#"{{"return": {{"count": {}, "eof": false}}}}"#, length / 2),
                length / 2,
            ),
            (
                format!(r#""buf-b64":"{text}","count":{}"#, length + 1),
                format!(
                    r#"{{"error": {{"class": "GenericError", "desc": "value '{}' is invalid for argument count"}}}}"#,
                    length + 1
                ),
                0,
            ),
            (
                format!(r#""buf-b64":"{text}*""#),
                r#"{"error": {"class": "GenericError", "desc": "Base64 data contains invalid characters"}}"#.to_owned(),
                0,
            ),
            (
                format!(r#""buf-b64":"{text}\\n\"""#),
                r#"{"error": {"class": "GenericError", "desc": "Base64 data contains invalid characters"}}"#.to_owned(),
                0,
            ),
        ] {
            let file = Temporary::new("held", b"");
            let (mut guest, handle) = guest();
            open(&mut guest, file.path(), "w");
            let request = format!(r#"{{"execute":"guest-file-write","arguments":{{"handle":{handle},{arguments}}}}}"#);
            assert_eq!(ask(&mut guest, &request).trim_end(), reply, "{length}");
            assert!(file.contents() == all[..written], "{length}");
        }
    }
}

#[test]
fn a_malformed_end_tells_how_much_was_written() {
    let text = STANDARD.encode(sample(300_000));
    let file = Temporary::new("malformed", b"");
    let (mut guest, handle) = guest();
    open(&mut guest, file.path(), "w");
    for (end, error) in [
        ("\"}]", "JSON parse error, expected separator in dict"),
        ("\\q\"}}", "JSON parse error, invalid escape sequence in string"),
        ("\",\"x\":1}}", "Parameter 'x' is unexpected"),
        ("*\"}}", "Base64 data contains invalid characters"),
    ] {
        let begin = format!(r#"{{"execute":"guest-file-write","arguments":{{"handle":{handle},"buf-b64":"{text}"#);
        let before = file.contents().len();
        let said = ask(&mut guest, &(begin + end));
        let written = file.contents().len() - before;
        assert!(written > 0, "{end}");
        let first = said.lines().next().unwrap();
        let told = format!(r#""desc": "{error} ({written} bytes were written)""#);
        assert!(first.contains(&told), "{first} lacks {told}");
    }
}

#[test]
fn a_text_that_neither_fits_nor_streams_is_refused_with_the_limit() {
    let (mut guest, handle) = guest();
    let long = "a".repeat(200_000);
    let spool = "QUJD".repeat((17 << 20) / 3);
    for (request, error) in [
        (
            format!(r#"{{"execute":"guest-file-open","arguments":{{"path":"{long}"}},"id":"x"}}"#),
            r#"{"id": "x", "error": {"class": "GenericError", "desc": "JSON token size limit exceeded: a request holds at most 98304 bytes"}}"#,
        ),
        (
            format!(r#"{{"arguments":{{"buf-b64":"{spool}","handle":{handle}}},"execute":"guest-file-write"}}"#),
            r#"{"error": {"class": "GenericError", "desc": "buf-b64 came before handle and is longer than 16777216 bytes, which is all that is kept"}}"#,
        ),
    ] {
        open(&mut guest, "/dev/null", "w");
        let said = ask(&mut guest, &(request + "{\"execute\":\"guest-ping\"}"));
        assert_eq!(said, format!("{error}\n{{\"return\": {{}}}}\n"));
    }
}

#[test]
fn a_full_device_tells_how_much_was_written() {
    let (mut guest, handle) = guest();
    open(&mut guest, "/dev/full", "w");
    let said = ask(
        &mut guest,
        &format!(r#"{{"execute":"guest-file-write","arguments":{{"handle":{handle},"buf-b64":"QUJD"}}}}"#),
    );
    let error = "failed to write to file: No space left on device";
    assert_eq!(said, format!("{{\"error\": {{\"class\": \"GenericError\", \"desc\": \"{error}\"}}}}\n"));
}

#[test]
fn as_many_files_as_the_limit_says_can_be_open_and_one_more_is_refused_with_it() {
    let (mut guest, _) = guest();
    let open = r#"{"execute":"guest-file-open","arguments":{"path":"/dev/null"}}"#;
    let limit = picoqga::limits::linux::FILES;
    assert!(limit >= 64);
    // One is open already.
    let said = ask(&mut guest, &open.repeat(limit));
    assert_eq!(said.matches("return").count(), limit - 1);
    let error = format!("failed to open file '/dev/null' (mode: 'r'): Too many open files, at most {limit}");
    assert!(said.lines().last().unwrap().contains(&error), "{said}");
}

#[test]
fn a_place_that_is_none_is_refused_and_the_position_stays() {
    let (mut guest, handle) = guest();
    open(&mut guest, "/proc/self/exe", "r");
    for (arguments, error) in [
        (r#""offset":0,"whence":3"#, "invalid whence code 3"),
        (r#""offset":0,"whence":-1"#, "invalid whence code -1"),
        (r#""offset":-1,"whence":"set""#, "failed to seek file: Invalid argument"),
    ] {
        let said = ask(
            &mut guest,
            &format!(r#"{{"execute":"guest-file-seek","arguments":{{"handle":{handle},{arguments}}}}}"#),
        );
        assert_eq!(said, format!("{{\"error\": {{\"class\": \"GenericError\", \"desc\": \"{error}\"}}}}\n"));
    }
    let place = ask(
        &mut guest,
        &format!(r#"{{"execute":"guest-file-seek","arguments":{{"handle":{handle},"offset":0,"whence":1}}}}"#),
    );
    assert_eq!(place, "{\"return\": {\"position\": 0, \"eof\": false}}\n");
}

//! Programs through the agent as the Linux binary has it, in process: real programs of this system, and what becomes of their
//! input, their output and their ends.
#![cfg(feature = "exec")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects)] // of a test

mod common;

use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::{LINUX, Random, Then, play, play_until};
use picoqga::linux::Linux;
use picoqga::linux::log::Log;
use picoqga::linux::options::Options;
use picoqga::linux::table::TABLE;
use picoqga::transport::fake::Piece;

/// The agent takes the ends of all children of its process, so only one test may have any.
static CHILDREN: Mutex<()> = Mutex::new(());

/// A guest whose programs are its own.
struct Agent {
    guest: Linux,
    _alone: MutexGuard<'static, ()>,
}

impl Agent {
    fn new() -> Self {
        let alone = CHILDREN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let guest = Linux::new(Log::new(None, false), &Options::DEFAULT, Box::leak(Box::default()));
        Agent { guest, _alone: alone }
    }

    fn ask(&mut self, request: &str) -> String {
        self.play(&[Piece::Bytes(request.as_bytes()), Piece::HangUp])
    }

    fn play(&mut self, script: &[Piece<'_>]) -> String {
        String::from_utf8(play(&TABLE, &mut self.guest, LINUX, script)).unwrap()
    }

    /// Starts a program; answers its number.
    fn start(&mut self, arguments: &str) -> i64 {
        number(&self.ask(&format!(r#"{{"execute":"guest-exec","arguments":{{{arguments}}}}}"#)))
    }

    /// The reply to guest-exec-status once the program has ended.
    fn end(&mut self, pid: i64) -> String {
        let request = status(pid);
        let begun = Instant::now();
        loop {
            self.guest.attend_children();
            let said = self.ask(&request);
            if said != "{\"return\": {\"exited\": false}}\n" {
                return said;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "{pid} still runs");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// What a program writes to standard output.
    fn output(&mut self, arguments: &str) -> Vec<u8> {
        let pid = self.start(&format!(r#"{arguments},"capture-output":true"#));
        let end = self.end(pid);
        output(&end)
    }
}

fn status(pid: i64) -> String {
    format!(r#"{{"execute":"guest-exec-status","arguments":{{"pid":{pid}}}}}"#)
}

/// The number of a program that was started.
fn number(said: &str) -> i64 {
    let number = said.strip_prefix("{\"return\": {\"pid\": ").and_then(|rest| rest.strip_suffix("}}\n"));
    number.unwrap_or_else(|| panic!("{said}")).parse().unwrap()
}

/// `out-data` of a program that ended well.
fn output(end: &str) -> Vec<u8> {
    let rest = end.strip_prefix("{\"return\": {\"exited\": true, \"exitcode\": 0").unwrap_or_else(|| panic!("{end}"));
    let rest = rest.strip_suffix("}}\n").unwrap();
    if rest.is_empty() {
        return Vec::new();
    }
    let text = rest.strip_prefix(", \"out-data\": \"").and_then(|rest| rest.strip_suffix('"'));
    STANDARD.decode(text.unwrap_or_else(|| panic!("{end}"))).unwrap()
}

fn sample(length: usize) -> Vec<u8> {
    let mut random = Random(7);
    (0..length).map(|_| u8::try_from(random.below(256)).unwrap()).collect()
}

#[test]
fn every_text_arrives_as_it_was_meant() {
    let mut agent = Agent::new();
    for (typed, meant) in [
        (r"plain", "plain"),
        (r"", ""),
        (r#"a\"b\"\""#, "a\"b\"\""),
        (r"\\a\\\\", "\\a\\\\"),
        (r"line\nfeed\ttab", "line\nfeed\ttab"),
        (r"\u00e9\u20ac", "\u{e9}\u{20ac}"),
        (r"\uD83D\uDE00", "\u{1F600}"),
    ] {
        let argument = format!(r#""path":"/usr/bin/printf","arg":["%s|","{typed}","{typed}"]"#);
        assert_eq!(agent.output(&argument), format!("{meant}|{meant}|").as_bytes(), "{typed} as an argument");
        let variable = format!(r#""path":"/bin/sh","arg":["-c","printf %s \"$X\""],"env":["X={typed}"]"#);
        assert_eq!(agent.output(&variable), meant.as_bytes(), "{typed} in the environment");
        // As the name of a program, in the error for one that is missing.
        let said = agent.ask(&format!(r#"{{"execute":"guest-exec","arguments":{{"path":"/nonexistent/{typed}"}}}}"#));
        assert!(said.contains("Failed to execute child process \\u201C/nonexistent/"), "{said}");
        assert!(said.ends_with("\\u201D (No such file or directory)\"}}\n"), "{said}");
    }
}

#[test]
fn a_line_of_a_megabyte_and_a_half_is_served_however_it_comes() {
    let data = sample(1 << 20);
    let text = STANDARD.encode(&data);
    let command = r#""execute":"guest-exec""#;
    let program = r#""path":"cat","capture-output":true"#;
    for request in [
        format!(r#"{{{command},"arguments":{{{program},"input-data":"{text}"}}}}"#),
        format!(r#"{{"arguments":{{"input-data":"{text}",{program}}},{command}}}"#),
        format!(r#"{{"arguments":{{{program},"input-data":"{text}"}},{command}}}"#),
    ] {
        let bytes = [request.as_bytes(), b"{\"execute\":\"guest-ping\"}"].concat();
        let mut scripts = vec![vec![Piece::Bytes(&bytes)], Random(3).cut(&bytes)];
        for script in &mut scripts {
            script.push(Piece::HangUp);
            let mut agent = Agent::new();
            let said = agent.play(script);
            let pid = number(said.strip_suffix("{\"return\": {}}\n").unwrap_or_else(|| panic!("{said}")));
            let end = agent.end(pid);
            assert!(output(&end) == data, "{} bytes came back", output(&end).len());
        }
    }
}

#[test]
fn a_program_does_not_start_before_its_request_is_whole() {
    let mut agent = Agent::new();
    let file = std::env::temp_dir().join(format!("picoqga-{}-early", std::process::id()));
    let text = STANDARD.encode(sample(300_000));
    let request = format!(
        r#"{{"execute":"guest-exec","arguments":{{"path":"touch","arg":["{}"],"input-data":"{text}""#,
        file.display()
    );
    for rest in ["", "}", ",\"x\":1}}", "]}", "\u{1}"] {
        agent.ask(&format!("{request}{rest}"));
        agent.guest.attend_children();
        std::thread::sleep(Duration::from_millis(20));
        assert!(!file.exists(), "it ran though the request ended with {rest:?}");
    }
    let said = agent.ask(&format!("{request}}}}}"));
    assert_eq!(agent.end(number(&said)), "{\"return\": {\"exited\": true, \"exitcode\": 0}}\n");
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn input_that_is_no_base64_or_too_long_starts_nothing() {
    let mut agent = Agent::new();
    let long = "QUJD".repeat((16 << 20) / 3 + 1);
    for (data, error) in [
        ("!", "Base64 data contains invalid characters".to_owned()),
        ("QUJDR", "Base64 data contains invalid characters".to_owned()),
        (&format!("{}!", &long[..400_000]), "Base64 data contains invalid characters".to_owned()),
        (&long, format!("input-data is longer than {} bytes, which is all that is kept", 16 << 20)),
    ] {
        let said =
            agent.ask(&format!(r#"{{"execute":"guest-exec","arguments":{{"path":"cat","input-data":"{data}"}}}}"#));
        assert_eq!(said, format!("{{\"error\": {{\"class\": \"GenericError\", \"desc\": \"{error}\"}}}}\n"));
    }
}

#[test]
fn an_empty_input_has_ended_at_once() {
    let mut agent = Agent::new();
    // What an earlier program was given is not there any more.
    for data in ["QUJD", "", "\\n"] {
        let expected: &[u8] = if data == "QUJD" { b"ABC" } else { b"" };
        assert_eq!(agent.output(&format!(r#""path":"cat","input-data":"{data}""#)), expected);
    }
}

#[test]
fn an_end_that_the_host_did_not_hear_is_told_to_the_next() {
    let mut agent = Agent::new();
    let data = sample(500_000);
    let text = STANDARD.encode(&data);
    let pid = agent.start(&format!(r#""path":"cat","capture-output":true,"input-data":"{text}""#));
    // Until it has ended.
    let begun = Instant::now();
    while std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z ")) {
        agent.guest.attend_children();
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
    for _ in 0..20 {
        agent.guest.attend_children();
    }
    let request = status(pid);
    let script = [Piece::Bytes(request.as_bytes())];
    for leaves in [Then::LineBreaks, Then::NobodyReads] {
        let mut leaves = Some(leaves);
        let said = play_until(&TABLE, &mut agent.guest, LINUX, &script, |_, line| {
            if line.output().len() > 100_000 { leaves.take().unwrap_or(Then::GoOn) } else { Then::GoOn }
        });
        assert!((100_000..500_000).contains(&said.len()), "{} bytes were told", said.len());
    }
    let end = agent.end(pid);
    assert!(output(&end) == data);
    let gone = agent.ask(&request);
    assert!(gone.contains(&format!("PID {pid} does not exist")), "{gone}");
}

#[test]
fn texts_that_do_not_fit_beside_the_request_are_refused_with_the_room() {
    let mut agent = Agent::new();
    for (length, fits) in [(60_000, true), (90_000, false)] {
        let text = "x".repeat(length);
        let arguments = format!(r#""path":"printf","arg":["%s","{text}"],"capture-output":true"#);
        let said = agent.ask(&format!(r#"{{"execute":"guest-exec","arguments":{{{arguments}}}}}"#));
        if fits {
            let pid = number(&said);
            assert_eq!(output(&agent.end(pid)), text.as_bytes());
        } else {
            let begin = "Failed to execute child process \\u201Cprintf\\u201D (Argument list too long: beside this request \
                         there is room for 40";
            assert!(said.contains(begin), "{said}");
        }
    }
    // Many short ones need room for their list.
    let many = r#","""#.repeat(20_000);
    let said = agent.ask(&format!(r#"{{"execute":"guest-exec","arguments":{{"path":"true","arg":[""{many}]}}}}"#));
    assert!(said.contains("(Argument list too long: beside"), "{said}");
    let many = r#","""#.repeat(8_000);
    let pid = agent.start(&format!(r#""path":"true","arg":[""{many}]"#));
    assert_eq!(agent.end(pid), "{\"return\": {\"exited\": true, \"exitcode\": 0}}\n");
}

#[test]
fn a_short_end_is_not_lost_either() {
    let mut agent = Agent::new();
    let pid = agent.start(r#""path":"echo","arg":["x"],"capture-output":true"#);
    std::thread::sleep(Duration::from_millis(100));
    agent.guest.attend_children();
    agent.guest.attend_children();
    let request = status(pid);
    let script = [Piece::Bytes(request.as_bytes())];
    let mut left = false;
    let said = play_until(&TABLE, &mut agent.guest, LINUX, &script, |_, line| {
        let leaves = !left && !line.output().is_empty();
        left |= leaves;
        if leaves { Then::NobodyReads } else { Then::GoOn }
    });
    // All of it but its end, so the host cannot take it for whole.
    let told = r#"{"return": {"exited": true, "exitcode": 0, "out-data": "eAo=""#;
    assert_eq!(String::from_utf8(said).unwrap(), told);
    assert_eq!(agent.end(pid), format!("{told}}}}}\n"));
}

/// How many bytes the files in memory of this process hold.
fn bytes_in_memory_files() -> u64 {
    let files = std::fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap().path());
    let named = |path: &std::path::PathBuf| {
        std::fs::read_link(path).is_ok_and(|link| link.to_str().unwrap().starts_with("/memfd:picoqga"))
    };
    files.filter(named).map(|path| std::fs::metadata(path).unwrap().len()).sum()
}

#[test]
fn input_that_was_kept_for_nothing_takes_no_room() {
    let mut agent = Agent::new();
    let text = STANDARD.encode(sample(1_000_000));
    let begin = format!(r#"{{"arguments":{{"path":"/nonexistent","input-data":"{text}"}},"execute":"#);
    for (rest, told) in [
        (r#""guest-exec"}"#, "Failed to execute"),
        (r#""guest-ping"}"#, "is unexpected"),
        (r#""nonsense"}"#, "has not been found"),
        (r#""guest-exec"]"#, "JSON parse error"),
        ("", ""),
    ] {
        let said = agent.ask(&format!("{begin}{rest}"));
        assert!(said.contains(told), "{said}");
        assert_eq!(bytes_in_memory_files(), 0, "after a request that ended with {rest}");
    }
}

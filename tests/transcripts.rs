//! Replays transcripts: as written, in one piece, byte by byte, and at random cuts. Those of tests/transcripts are for the agent
//! as the Linux binary has it; those of tests/transcripts/fake for one in a guest without a kernel, in which every command
//! can be obeyed. The format of the files is described in clients.txt.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects)] // of a test

mod common;
#[path = "common/fake_table.rs"]
mod fake_table;

use common::{LINUX, Random, play};
use picoqga::command::Table;
use picoqga::guest::Guest;
use picoqga::guest::fake::Fake;
use picoqga::linux::Linux;
use picoqga::linux::log::Log;
use picoqga::linux::options::Options;
use picoqga::transport::fake::Piece;

/// What a host does up to its next hang-up, and what it must hear.
#[derive(Default)]
struct Session {
    writes: Vec<Vec<u8>>,
    replies: Vec<u8>,
    /// Where it begins, for messages.
    line: usize,
}

fn parse(name: &str, text: &str) -> Vec<Session> {
    let mut sessions = vec![Session { line: 1, ..Session::default() }];
    for (index, line) in text.lines().enumerate() {
        let session = sessions.last_mut().unwrap();
        if let Some(bytes) = line.strip_prefix("-> ") {
            session.writes.push(unescape(bytes));
        } else if let Some(reply) = line.strip_prefix("<- ") {
            session.replies.extend(unescape(reply));
            session.replies.push(b'\n');
        } else if line == "hangup" {
            sessions.push(Session { line: index + 2, ..Session::default() });
        } else {
            assert!(line.is_empty() || line.starts_with('#'), "{name}:{}: not a transcript: {line}", index + 1);
        }
    }
    sessions
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => match rest.next() {
                Some(b'n') => b'\n',
                Some(b't') => b'\t',
                Some(b'r') => b'\r',
                Some(b'\\') => b'\\',
                Some(b'x') => {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    u8::from_str_radix(str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                other => panic!("no escape: \\{other:?} in {text}"),
            },
            byte => byte,
        });
    }
    bytes
}

/// An agent to play to: its table, and how a guest is made, for each session a new one.
struct Player<G: 'static> {
    table: &'static Table<G>,
    guest: fn() -> G,
}

const LINUX_BINARY: Player<Linux> = Player { table: &picoqga::linux::table::TABLE, guest: linux };

fn linux() -> Linux {
    Linux::new(Log::new(None, false), &Options::DEFAULT, Box::leak(Box::default()))
}

const FAKE: Player<Fake> = Player { table: &fake_table::TABLE, guest: Fake::default };

fn check<G: Guest>(
    player: &Player<G>,
    name: &str,
    how: &str,
    sessions: &[Session],
    mut cut: impl FnMut(&[u8]) -> Vec<(usize, usize)>,
) {
    for session in sessions {
        let all = session.writes.concat();
        let mut script: Vec<_> = cut(&all).into_iter().map(|(start, end)| Piece::Bytes(&all[start..end])).collect();
        script.push(Piece::HangUp);
        let said = play(player.table, &mut (player.guest)(), LINUX, &script);
        assert_eq!(
            String::from_utf8_lossy(&said),
            String::from_utf8_lossy(&session.replies),
            "{name}:{} {how}",
            session.line
        );
    }
}

fn replay<G: Guest>(player: &Player<G>, name: &str, text: &str) {
    let sessions = parse(name, text);
    for session in &sessions {
        let script: Vec<_> = session
            .writes
            .iter()
            .flat_map(|write| [Piece::Bytes(write), Piece::Pause])
            .chain([Piece::HangUp])
            .collect();
        let said = play(player.table, &mut (player.guest)(), LINUX, &script);
        let (said, expected) = (String::from_utf8_lossy(&said), String::from_utf8_lossy(&session.replies));
        // Line by line, so that a failure shows the first difference.
        for (index, (said, expected)) in said.lines().zip(expected.lines()).enumerate() {
            assert_eq!(said, expected, "{name}:{} as written, reply {}", session.line, index + 1);
        }
        assert_eq!(said, expected, "{name}:{} as written", session.line);
    }
    check(player, name, "in one piece", &sessions, |all| vec![(0, all.len())]);
    check(player, name, "byte by byte", &sessions, |all| (0..all.len()).map(|at| (at, at + 1)).collect());
    for seed in 1..=20 {
        let mut random = Random(seed * 0x9E37_79B9);
        check(player, name, &format!("cut with seed {seed}"), &sessions, |all| {
            let mut cuts = Vec::new();
            let mut start = 0;
            while start < all.len() {
                let end = (start + 1 + random.below(40)).min(all.len());
                cuts.push((start, end));
                start = end;
            }
            cuts
        });
    }
}

/// One test a file, and a check that no file is left out.
macro_rules! transcripts {
    ($module:ident, $directory:literal, $player:ident: $($name:ident),+ $(,)?) => {
        mod $module {
            $(#[test]
            fn $name() {
                let file = concat!($directory, stringify!($name), ".txt");
                super::replay(&super::$player, file, include_str!(concat!($directory, stringify!($name), ".txt")));
            })+

            #[test]
            fn every_file_is_replayed() {
                let known = [$(concat!(stringify!($name), ".txt")),+];
                for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/", $directory)).unwrap() {
                    let entry = entry.unwrap();
                    let name = entry.file_name().into_string().unwrap();
                    let is_known = known.contains(&name.as_str()) || entry.file_type().unwrap().is_dir();
                    assert!(is_known, "{name} is not listed in tests/transcripts.rs");
                }
            }
        }
    };
}

transcripts!(linux, "transcripts/", LINUX_BINARY: accounts, clients, counters, dialect, exec, files, freeze, ssh, storage, sync, users);
transcripts!(fake, "transcripts/fake/", FAKE: counters, power, processors_and_memory, system);

#[test]
fn each_command_is_in_one() {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut all = String::new();
    for directory in [directory.join("fake"), directory] {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                all += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    for row in picoqga::linux::table::TABLE.rows() {
        assert!(all.contains(&format!(r#""execute":"{}""#, row.name)), "{} is in no transcript", row.name);
    }
}

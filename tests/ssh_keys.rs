//! guest-ssh-*-authorized-keys through a whole agent: more keys than any buffer holds, long ones in pieces, what goes wrong
//! midway, and which lines the keys of a request stand for.
#![cfg(feature = "accounts")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects)] // of a test

mod common;

use common::{LINUX, Sizes, play};
use picoqga::command::ping::Ping;
use picoqga::command::ssh::{add::SshAddAuthorizedKeys, get::SshGetAuthorizedKeys, remove::SshRemoveAuthorizedKeys};
use picoqga::command::{Row, Table};
use picoqga::errno::Errno;
use picoqga::guest::{AuthorizedKeys, Guest, KeyChange, KeyEdit, KeysError, KeysReason, ListPlace};
use picoqga::transport::fake::Piece;

static TABLE: Table<Keys> = Table::new(&[
    Row::of::<Ping>(),
    Row::of::<SshAddAuthorizedKeys>(),
    Row::of::<SshGetAuthorizedKeys>(),
    Row::of::<SshRemoveAuthorizedKeys>(),
]);

/// A guest with one user, and a file of these lines.
#[derive(Default)]
struct Keys {
    lines: Vec<Vec<u8>>,
    /// The key in whose place there is an error.
    fail_at: Option<i64>,
}

impl Guest for Keys {}

impl AuthorizedKeys for Keys {
    fn next_key<'b>(
        &mut self,
        user: &[u8],
        place: &mut ListPlace,
        buffer: &'b mut [u8],
    ) -> Result<Option<&'b [u8]>, KeysError<'b>> {
        let ListPlace([next, _]) = place;
        if user != b"root" {
            return Err(KeysError::Lookup(Errno::ENOENT));
        }
        if self.fail_at == Some(*next) {
            buffer[..2].copy_from_slice(b"/r");
            return Err(KeysError::File("failed to read", &buffer[..2], "/keys", KeysReason::NotTheUsers));
        }
        let Some(key) = self.lines.iter().rev().nth(usize::try_from(*next).unwrap()) else { return Ok(None) };
        buffer[..key.len()].copy_from_slice(key);
        *next += 1;
        Ok(Some(&buffer[..key.len()]))
    }

    fn change_keys<'b>(
        &mut self,
        _: &[u8],
        change: KeyChange,
        edit: &mut dyn KeyEdit,
        _: &'b mut [u8],
    ) -> Result<(), KeysError<'b>> {
        self.lines.retain(|line| change != KeyChange::Reset && edit.keeps(line));
        let mut added = Vec::new();
        edit.add(&mut |bytes| added.extend(bytes));
        self.lines.extend(added.split_inclusive(|&byte| byte == b'\n').map(|line| line[..line.len() - 1].to_vec()));
        Ok(())
    }
}

/// The least that works, with room for a key of 700 bytes.
const SMALL: Sizes =
    Sizes { input: 64, output: 512, request: 2048, scratch: 720, id: 400, token: 32, keys: 8, nesting: 2 };

fn ask(guest: &mut Keys, sizes: Sizes, request: &str) -> String {
    let said = play(&TABLE, guest, sizes, &[Piece::Bytes(request.as_bytes()), Piece::HangUp]);
    String::from_utf8(said).unwrap()
}

const GET: &str = r#"{"execute":"guest-ssh-get-authorized-keys","arguments":{"username":"root"}}"#;

#[test]
fn any_number_of_keys_passes_through_512_bytes() {
    for (count, sizes) in [(0, SMALL), (1, SMALL), (2, SMALL), (5000, SMALL), (5000, LINUX)] {
        let lines = (0..count).map(|number| format!("key {number}").into_bytes()).collect();
        let said = ask(&mut Keys { lines, fail_at: None }, sizes, GET);
        let keys: Vec<_> = (0..count).rev().map(|number| format!("\"key {number}\"")).collect();
        assert_eq!(said, format!("{{\"return\": {{\"keys\": [{}]}}}}\n", keys.join(", ")));
    }
}

/// A unit of UTF-16 as replies have it.
fn escape(unit: u16) -> String {
    match u8::try_from(unit) {
        Ok(byte @ 0x20..=0x7E) => char::from(byte).to_string(),
        _ => format!("\\u{unit:04X}"),
    }
}

#[test]
fn a_long_key_comes_in_pieces() {
    for text in ["\u{1}".repeat(700), "k".repeat(700), "\u{e9}\u{1F600}".repeat(110), "\u{1F600}k".repeat(110)] {
        for padding in 0..8 {
            let key = format!("{}{text}", "x".repeat(padding));
            let said = ask(
                &mut Keys { lines: vec![b"a".to_vec(), key.clone().into_bytes(), b"b".to_vec()], fail_at: None },
                Sizes { scratch: 720 + padding, ..SMALL },
                GET,
            );
            let escaped: String = key.encode_utf16().map(escape).collect();
            assert_eq!(
                said,
                format!(
                    "{{\"return\": {{\"keys\": [\"b\", \"{escaped}\", \"a\"]}}}}
"
                )
            );
        }
    }
}

#[test]
fn an_error_is_told_or_ends_the_line() {
    let lines = vec![b"a".to_vec(), b"b".to_vec()];
    let said = ask(&mut Keys { lines: lines.clone(), fail_at: Some(0) }, SMALL, GET);
    assert_eq!(
        said,
        "{\"error\": {\"class\": \"GenericError\", \"desc\": \"failed to read '/r/keys': it is not the user's\"}}\n"
    );
    let said = ask(&mut Keys { lines, fail_at: Some(1) }, SMALL, &format!("{GET}{{\"execute\":\"guest-ping\"}}"));
    assert_eq!(said, "{\"return\": {\"keys\": [\"b\"\n{\"return\": {}}\n");
    for user in ["", "toor", &"r".repeat(255), &"r".repeat(256), &"r".repeat(1000)] {
        let said = ask(&mut Keys::default(), LINUX, &GET.replace("root", user));
        assert!(said.contains(&format!("\"failed to lookup user '{user}': No such file or directory\"")), "{said}");
    }
}

#[test]
fn each_key_stands_for_equal_lines() {
    for (lines, what, keys, expected) in [
        (vec!["a", " b", "a"], "add", r#""b","a","c","","b","c""#, vec!["a", " b", "a", "b", "c"]),
        (vec!["a", "", "b"], "remove", r#""a","c","b ""#, vec!["", "b"]),
        (vec!["x\"\\y", "a"], "remove", r#""x\"\\y""#, vec!["a"]),
        (vec!["a"], "add", r#""x\"\\y\u00e9""#, vec!["a", "x\"\\y\u{e9}"]),
        (vec!["a"], "add", "", vec!["a"]),
    ] {
        let lines = lines.iter().map(|line| line.as_bytes().to_vec()).collect();
        let mut guest = Keys { lines, fail_at: None };
        let request = format!(
            r#"{{"execute":"guest-ssh-{what}-authorized-keys","arguments":{{"username":"root","keys":[{keys}]}}}}"#
        );
        assert_eq!(ask(&mut guest, SMALL, &request), "{\"return\": {}}\n");
        assert_eq!(guest.lines, expected.iter().map(|line| line.as_bytes().to_vec()).collect::<Vec<_>>(), "{request}");
    }
}

#[test]
fn there_is_a_bit_for_each_of_many_keys() {
    let all: Vec<_> = (0..10_000).map(|number| format!("k{number}")).collect();
    let bytes = |keys: &[String]| keys.iter().map(|key| key.clone().into_bytes()).collect::<Vec<_>>();
    let mut guest = Keys { lines: bytes(&all[9_990..]), fail_at: None };
    let request = |what, keys: &[String]| {
        let keys = keys.iter().map(|key| format!("\"{key}\"")).collect::<Vec<_>>().join(",");
        format!(r#"{{"execute":"guest-ssh-{what}-authorized-keys","arguments":{{"username":"root","keys":[{keys}]}}}}"#)
    };
    assert_eq!(ask(&mut guest, LINUX, &request("add", &all[9_000..])), "{\"return\": {}}\n");
    assert_eq!(guest.lines, [bytes(&all[9_990..]), bytes(&all[9_000..9_990])].concat());
    assert_eq!(ask(&mut guest, LINUX, &request("remove", &all[9_500..])), "{\"return\": {}}\n");
    assert_eq!(guest.lines, bytes(&all[9_000..9_500]));
}

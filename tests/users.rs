//! guest-get-users through a whole agent: more users than any buffer holds, long names, and what goes wrong midway.
#![cfg(feature = "accounts")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects)] // of a test

mod common;

use common::{LINUX, Sizes, play};
use picoqga::command::get_users::GetUsers;
use picoqga::command::ping::Ping;
use picoqga::command::{Row, Table};
use picoqga::errno::Errno;
use picoqga::guest::{Guest, ListPlace, Login, Logins};
use picoqga::transport::fake::Piece;

static TABLE: Table<Crowd> = Table::new(&[Row::of_list::<GetUsers>(), Row::of::<Ping>()]);

/// A guest with that many users.
#[derive(Default)]
struct Crowd {
    users: i64,
    /// The user in whose place there is an error.
    fail_at: Option<i64>,
    /// What each name begins with.
    name: &'static [u8],
}

impl Guest for Crowd {}

impl Logins for Crowd {
    fn next_login<'b>(&mut self, place: &mut ListPlace, buffer: &'b mut [u8]) -> Result<Option<Login<'b>>, Errno> {
        let ListPlace([next, _]) = place;
        if self.fail_at == Some(*next) {
            return Err(Errno::EIO);
        }
        if *next == self.users {
            return Ok(None);
        }
        let name = [self.name, next.to_string().as_bytes()].concat();
        buffer[..name.len()].copy_from_slice(&name);
        let time_us = *next * 500_000;
        *next += 1;
        Ok(Some(Login { user: &buffer[..name.len()], time_us }))
    }
}

/// The least that works.
const SMALL: Sizes =
    Sizes { input: 64, output: 512, request: 1024, scratch: 256, id: 400, token: 32, keys: 8, nesting: 2 };

fn ask(guest: &mut Crowd, sizes: Sizes, request: &str) -> String {
    let said = play(&TABLE, guest, sizes, &[Piece::Bytes(request.as_bytes()), Piece::HangUp]);
    String::from_utf8(said).unwrap()
}

#[test]
fn any_number_of_users_passes_through_512_bytes() {
    for (count, sizes) in [(0, SMALL), (1, SMALL), (2, SMALL), (3, LINUX), (20_000, SMALL), (20_000, LINUX)] {
        let mut guest = Crowd { users: count, name: b"u", ..Crowd::default() };
        let id = "x".repeat(390);
        let said = ask(&mut guest, sizes, &format!(r#"{{"execute":"guest-get-users","id":"{id}"}}"#));
        let list: Vec<_> = (0..count)
            .map(|number| {
                let half = if number % 2 == 0 { "" } else { ".5" };
                format!(r#"{{"user": "u{number}", "login-time": {}{half}}}"#, number / 2)
            })
            .collect();
        let expected = format!("{{\"return\": [{}], \"id\": \"{id}\"}}\n", list.join(", "));
        assert!(said == expected, "{count} users: {said:.300}");
    }
}

#[test]
fn names_of_any_bytes_are_told() {
    let mut guest = Crowd { users: 1, name: b"a\"\\\x01\xFFb\xC3\xA9", ..Crowd::default() };
    let said = ask(&mut guest, SMALL, r#"{"execute":"guest-get-users"}"#);
    assert_eq!(said, "{\"return\": [{\"user\": \"a\\\"\\\\\\u0001\\uFFFDb\\u00E90\", \"login-time\": 0}]}\n");
}

#[test]
fn an_error_is_told_before_the_list_and_breaks_it_off_later() {
    for sizes in [SMALL, LINUX] {
        let ping = r#"{"execute":"guest-get-users"}{"execute":"guest-ping"}"#;
        for place in [0, 1] {
            let mut guest = Crowd { users: 5, fail_at: Some(place), ..Crowd::default() };
            assert_eq!(
                ask(&mut guest, sizes, ping),
                "{\"error\": {\"class\": \"GenericError\", \"desc\": \"cannot read who is logged in: Input/output error\"}}\n\
                {\"return\": {}}\n"
            );
        }
        // Behind the first piece, which is on its way.
        let mut guest = Crowd { users: 20_000, fail_at: Some(10_000), ..Crowd::default() };
        let said = ask(&mut guest, sizes, ping);
        let (list, rest) = said.split_once('\n').unwrap();
        assert!(list.starts_with("{\"return\": [{\"user\": \"0\", "), "{list:.100}");
        assert!(list.ends_with("{\"user\": \"9999\", \"login-time\": 4999.5}"), "{}", &list[list.len() - 100..]);
        assert_eq!(rest, "{\"return\": {}}\n");
    }
}

//! guest-network-get-interfaces through a whole agent: more interfaces than any buffer holds, and what goes wrong midway.
#![cfg(feature = "network")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects)] // of a test

mod common;

use std::net::Ipv6Addr;

use common::{LINUX, Sizes, play, play_with};
use picoqga::command::network_get_interfaces::NetworkGetInterfaces;
use picoqga::command::ping::Ping;
use picoqga::command::{Row, Table};
use picoqga::errno::Errno;
use picoqga::guest::{Guest, InterfaceList, InterfacePiece, InterfaceStatistics, Network};
use picoqga::transport::fake::Piece;

static TABLE: Table<Crowd> = Table::new(&[Row::of::<NetworkGetInterfaces>(), Row::of::<Ping>()]);

/// A guest with that many interfaces, each with one address.
#[derive(Default)]
struct Crowd {
    interfaces: usize,
    /// The piece in whose place there is an error.
    fail_at: Option<usize>,
    next: usize,
    open: bool,
    /// What each counter has.
    counter: u64,
}

impl Guest for Crowd {}

impl Network for Crowd {
    fn begin_interfaces(&mut self) -> Result<(), Errno> {
        self.next = 0;
        self.open = true;
        Ok(())
    }

    fn interfaces(
        &mut self,
        _: &mut [u8],
        visit: &mut dyn FnMut(InterfacePiece<'_>) -> bool,
    ) -> Result<InterfaceList, Errno> {
        assert!(self.open);
        while self.next < self.interfaces * 3 {
            if self.fail_at == Some(self.next) {
                self.open = false;
                return Err(Errno::ENOBUFS);
            }
            let number = self.next / 3;
            let name = format!("crowd{number}");
            let address = Ipv6Addr::from_bits(u128::try_from(number).unwrap()).into();
            let counter = self.counter;
            let statistics = InterfaceStatistics {
                received_bytes: counter,
                received_packets: counter,
                receive_errors: counter,
                receive_dropped: counter,
                sent_bytes: counter,
                sent_packets: counter,
                send_errors: counter,
                send_dropped: counter,
            };
            let taken = visit(match self.next % 3 {
                0 => InterfacePiece::Name(name.as_bytes()),
                1 => InterfacePiece::Address { address, prefix: 64 },
                _ => InterfacePiece::End { statistics: Some(&statistics), hardware_address: [2, 0, 0, 0, 0, 1] },
            });
            if !taken {
                return Ok(InterfaceList::More);
            }
            self.next += 1;
        }
        self.open = false;
        Ok(InterfaceList::Complete { changed: false })
    }

    fn end_interfaces(&mut self) {
        self.open = false;
    }
}

/// A rig with a small output buffer.
const SMALL: Sizes = Sizes { output: 1024, request: 1024, scratch: 256, ..LINUX };

fn expected(interfaces: usize) -> String {
    let entries: Vec<String> = (0..interfaces)
        .map(|number| {
            let mut address = Ipv6Addr::from_bits(u128::try_from(number).unwrap()).to_string();
            if number > 0xFFFF {
                address = format!("::0.1.{}.{}", number >> 8 & 0xFF, number & 0xFF);
            }
            format!(
                concat!(
                    r#"{{"name": "crowd{}", "ip-addresses": [{{"ip-address-type": "ipv6", "ip-address": "{}", "prefix": 64}}], "#,
                    r#""statistics": {{"tx-packets": 0, "tx-errs": 0, "rx-bytes": 0, "rx-dropped": 0, "rx-packets": 0, "#,
                    r#""rx-errs": 0, "tx-bytes": 0, "tx-dropped": 0}}, "hardware-address": "02:00:00:00:00:01"}}"#
                ),
                number, address
            )
        })
        .collect();
    format!("[{}]", entries.join(", "))
}

const ASK: &str = r#"{"execute":"guest-network-get-interfaces"}"#;
const PING: &str = r#"{"execute":"guest-ping"}"#;
const PONG: &str = "{\"return\": {}}\n";

#[test]
fn any_number_is_answered_through_the_same_buffers() {
    for (interfaces, sizes) in [(0, SMALL), (1, SMALL), (300, SMALL), (1, LINUX), (100, LINUX), (70_000, LINUX)] {
        let id = "\"".to_owned() + &"i".repeat(500) + "\"";
        let asked = format!("{PING}{}{PING}", ASK.replacen('{', &format!("{{\"id\":{id},"), 1));
        let mut guest = Crowd { interfaces, ..Crowd::default() };
        let said =
            play(&TABLE, &mut guest, Sizes { output: sizes.output + 1024, ..sizes }, &[Piece::Bytes(asked.as_bytes())]);
        let wanted = format!("{PONG}{{\"return\": {}, \"id\": {id}}}\n{PONG}", expected(interfaces));
        assert!(String::from_utf8(said).unwrap() == wanted, "{interfaces} interfaces");
        assert!(!guest.open);
    }
}

#[test]
fn an_error_is_one_while_nothing_was_sent() {
    let asked = format!("{ASK}{PING}");
    let mut guest = Crowd { interfaces: 5, fail_at: Some(14), ..Crowd::default() };
    let said = play(&TABLE, &mut guest, LINUX, &[Piece::Bytes(asked.as_bytes())]);
    let error = r#"{"error": {"class": "GenericError", "desc": "getifaddrs failed: No buffer space available"}}"#;
    assert_eq!(String::from_utf8(said).unwrap(), format!("{error}\n{PONG}"));
}

#[test]
fn a_later_error_ends_the_line_and_nothing_else() {
    let asked = format!("{ASK}{PING}");
    let mut guest = Crowd { interfaces: 2000, fail_at: Some(5000), ..Crowd::default() };
    let said = String::from_utf8(play(&TABLE, &mut guest, LINUX, &[Piece::Bytes(asked.as_bytes())])).unwrap();
    let (broken, next) = said.split_once('\n').unwrap();
    assert!(format!("{{\"return\": {}", expected(2000)).starts_with(broken), "what was told is right");
    assert!(broken.contains("crowd1666\"") && !broken.contains("crowd1667\""));
    assert_eq!(next, PONG);
}

#[test]
fn a_host_that_goes_midway_leaves_nothing_open() {
    let mut guest = Crowd { interfaces: 2000, ..Crowd::default() };
    let script = [Piece::Bytes(ASK.as_bytes()), Piece::HangUp, Piece::Bytes(PING.as_bytes())];
    let mut was_open = false;
    let said = play_with(&TABLE, &mut guest, LINUX, &script, |guest, _| was_open |= guest.open);
    assert!(was_open && !guest.open);
    assert!(said.ends_with(PONG.as_bytes()));
}

/// A piece may take more than half of so small a buffer. It must then wait until what is before it is sent.
#[test]
fn the_least_output_buffer_will_do() {
    let sizes = Sizes { output: 512, ..SMALL };
    let wanted =
        expected(20).replace("s\": 0", "s\": 18446744073709551615").replace("d\": 0", "d\": 18446744073709551615");
    for pings in 0..30 {
        let mut guest = Crowd { interfaces: 20, counter: u64::MAX, ..Crowd::default() };
        let asked = format!("{}{ASK}{PING}", PING.repeat(pings));
        let said = play(&TABLE, &mut guest, sizes, &[Piece::Bytes(asked.as_bytes())]);
        let wanted = format!("{}{{\"return\": {wanted}}}\n{PONG}", PONG.repeat(pings));
        assert_eq!(String::from_utf8(said).unwrap(), wanted, "behind {pings} other replies");
    }
}

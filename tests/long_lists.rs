//! Disks, processors and routes of a guest that has more of them than any buffer holds, and what goes wrong midway.
#![cfg(all(feature = "inventory", feature = "network"))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects)] // of a test

mod common;

use std::net::{Ipv4Addr, Ipv6Addr};

use common::{LINUX, Sizes, Then, play, play_until};
use picoqga::command::{Row, Table, get_cpustats, get_diskstats, get_load, network_get_route, ping};
use picoqga::errno::Errno;
use picoqga::guest::{
    CpuStatistics, CpuTimes, DiskCounters, DiskStatistics, Guest, ListPlace, Load, LongLists, Route, RouteError,
    Routes, ShortName, Way,
};
use picoqga::transport::fake::Piece;

static TABLE: Table<Machine> = Table::new(&[
    Row::of_list::<get_cpustats::GetCpustats>(),
    Row::of_list::<get_diskstats::GetDiskstats>(),
    Row::of::<get_load::GetLoad>(),
    Row::of_list::<network_get_route::NetworkGetRoute>(),
    Row::of::<ping::Ping>(),
]);

/// A machine with that many of everything. The list that is told is open until its end, and may only go on where it was.
#[derive(Default)]
struct Machine {
    count: i64,
    /// There is an error in place of this one.
    fail_at: Option<i64>,
    open: Option<i64>,
}

impl Machine {
    fn numbers(&mut self, from: ListPlace, mut visit: impl FnMut(u64, ListPlace) -> bool) -> Result<(), Errno> {
        let mut number = from.0[0];
        assert!(number == 0 || self.open == Some(number));
        while number < self.count {
            if self.fail_at == Some(number) {
                self.open = None;
                return Err(Errno::EIO);
            }
            if !visit(number.cast_unsigned(), ListPlace([number + 1, 0])) {
                self.open = Some(number);
                return Ok(());
            }
            number += 1;
        }
        self.open = None;
        Ok(())
    }
}

impl Guest for Machine {}

impl LongLists for Machine {
    fn end_list(&mut self) {
        self.open = None;
    }
}

impl Load for Machine {
    fn load_averages(&mut self) -> Result<[u64; 3], Errno> {
        if self.fail_at.is_some() { Err(Errno::ENOSYS) } else { Ok([65536, 98304, 1]) }
    }
}

impl CpuStatistics for Machine {
    fn cpu_times(
        &mut self,
        from: ListPlace,
        _: &mut [u8],
        visit: &mut dyn FnMut(&CpuTimes, ListPlace) -> bool,
    ) -> Result<(), Errno> {
        self.numbers(from, |id, place| visit(&CpuTimes { id, times_ms: [Some(u64::MAX); 10] }, place))
    }
}

impl DiskStatistics for Machine {
    fn disk_counters(
        &mut self,
        from: ListPlace,
        _: &mut [u8],
        visit: &mut dyn FnMut(&DiskCounters, ListPlace) -> bool,
    ) -> Result<(), Errno> {
        self.numbers(from, |minor, place| {
            let name = ShortName::of(format!("disk\"{minor}").as_bytes());
            visit(&DiskCounters { name, major: 8, minor, counters: [None; 17] }, place)
        })
    }
}

impl Routes for Machine {
    fn routes(
        &mut self,
        from: ListPlace,
        _: &mut [u8],
        visit: &mut dyn FnMut(&Route, ListPlace) -> bool,
    ) -> Result<(), RouteError> {
        self.numbers(from, |number, place| visit(&route(u32::try_from(number).unwrap()), place)).map_err(RouteError::V6)
    }
}

fn route(number: u32) -> Route {
    let way = if number.is_multiple_of(2) {
        Way::V4 {
            destination: Ipv4Addr::from_bits(number),
            mask: Ipv4Addr::BROADCAST,
            gateway: Ipv4Addr::UNSPECIFIED,
            mtu: 1,
            window: 2,
            round_trip: 3,
        }
    } else {
        Way::V6 {
            destination: Ipv6Addr::new(0xFE80, 0, 0, 0, 1, 0, 0, 1),
            destination_prefix: 128,
            source: Ipv6Addr::UNSPECIFIED,
            source_prefix: 0,
            next_hop: Ipv6Addr::LOCALHOST,
        }
    };
    Route { interface: ShortName::of(b"eth0"), metric: u32::MAX, flags: 0x8020_0001, references: 4, uses: 5, way }
}

fn cpu_text(number: i64) -> String {
    let names = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guestnice"];
    let times = names.map(|name| format!(r#""{name}": {}"#, u64::MAX)).join(", ");
    format!(r#"{{"cpu": {number}, "type": "linux", {times}}}"#)
}

fn disk_text(number: i64) -> String {
    format!(r#"{{"name": "disk\"{number}", "major": 8, "minor": {number}, "stats": {{}}}}"#)
}

fn route_text(number: i64) -> String {
    let head = r#""iface": "eth0", "metric": 4294967295, "flags": 2149580801, "refcnt": 4, "use": 5"#;
    if number % 2 == 0 {
        let address = Ipv4Addr::from_bits(u32::try_from(number).unwrap());
        format!(
            r#"{{{head}, "version": 4, "destination": "{address}", "mask": "255.255.255.255", "gateway": "0.0.0.0", "mtu": 1, "window": 2, "irtt": 3}}"#
        )
    } else {
        format!(
            r#"{{{head}, "version": 6, "destination": "fe80::1:0:0:1", "desprefixlen": "128", "source": "::", "srcprefixlen": "0", "nexthop": "::1"}}"#
        )
    }
}

type ItemText = fn(i64) -> String;

/// Each command with the text of an item, and the file that an error names.
const LISTS: [(&str, ItemText, &str); 3] = [
    ("guest-get-cpustats", cpu_text, "/proc/stat"),
    ("guest-get-diskstats", disk_text, "/proc/diskstats"),
    ("guest-network-get-route", route_text, "/proc/net/ipv6_route"),
];

const PING: &str = r#"{"execute":"guest-ping"}"#;
const PONG: &str = "{\"return\": {}}\n";

fn items(count: i64, text: ItemText) -> String {
    (0..count).map(text).collect::<Vec<_>>().join(", ")
}

#[test]
fn any_number_passes_through_the_same_buffers() {
    // In the smaller one an item takes nearly all there is, and none fits behind the replies before it.
    let small = Sizes { output: 512, request: 1024, scratch: 256, ..LINUX };
    for (count, sizes) in [(0, small), (1, small), (2, small), (3000, small), (1, LINUX), (40_000, LINUX)] {
        for (command, text, _) in LISTS {
            for pings in 0..if count < 3 { 30 } else { 1 } {
                let asked = format!(r#"{}{{"execute":"{command}","id":"x"}}{PING}"#, PING.repeat(pings));
                let mut machine = Machine { count, ..Machine::default() };
                let said = play(&TABLE, &mut machine, sizes, &[Piece::Bytes(asked.as_bytes())]);
                let list = items(count, text);
                let wanted = format!("{}{{\"return\": [{list}], \"id\": \"x\"}}\n{PONG}", PONG.repeat(pings));
                assert!(String::from_utf8(said).unwrap() == wanted, "{command}, {count}, behind {pings}");
                assert_eq!(machine.open, None);
            }
        }
    }
}

#[test]
fn an_error_is_one_while_nothing_was_sent() {
    for (command, _, path) in LISTS {
        let asked = format!(r#"{{"execute":"{command}"}}{PING}"#);
        let mut machine = Machine { count: 40, fail_at: Some(30), ..Machine::default() };
        let said = play(&TABLE, &mut machine, LINUX, &[Piece::Bytes(asked.as_bytes())]);
        let error = format!(
            r#"{{"error": {{"class": "GenericError", "desc": "open(\"{path}\"): Input/output error"}}}}{}{PONG}"#,
            "\n"
        );
        assert_eq!(String::from_utf8(said).unwrap(), error);
    }
}

#[test]
fn a_later_error_ends_the_line_and_nothing_else() {
    for (command, text, _) in LISTS {
        let asked = format!(r#"{{"execute":"{command}"}}{PING}"#);
        let mut machine = Machine { count: 9000, fail_at: Some(8000), ..Machine::default() };
        let said = String::from_utf8(play(&TABLE, &mut machine, LINUX, &[Piece::Bytes(asked.as_bytes())])).unwrap();
        assert!(said == format!("{{\"return\": [{}\n{PONG}", items(8000, text)), "{command}");
    }
}

#[test]
fn a_host_that_goes_midway_leaves_nothing_open() {
    for (command, _, _) in LISTS {
        let asked = format!(r#"{{"execute":"{command}"}}"#);
        let mut machine = Machine { count: 9000, ..Machine::default() };
        let mut was_open = false;
        play_until(&TABLE, &mut machine, LINUX, &[Piece::Bytes(asked.as_bytes())], |machine, _| {
            was_open |= machine.open.is_some();
            if machine.open.is_some() { Then::LineBreaks } else { Then::GoOn }
        });
        assert!(was_open, "{command}");
        assert_eq!(machine.open, None, "{command}");
    }
}

#[test]
fn the_load_is_told_in_full() {
    let asked = r#"{"execute":"guest-get-load"}"#;
    let said = play(&TABLE, &mut Machine::default(), LINUX, &[Piece::Bytes(asked.as_bytes())]);
    assert_eq!(
        String::from_utf8(said).unwrap(),
        "{\"return\": {\"load15m\": 0.0000152587890625, \"load5m\": 1.5, \"load1m\": 1}}\n"
    );
    let mut machine = Machine { fail_at: Some(0), ..Machine::default() };
    let said = play(&TABLE, &mut machine, LINUX, &[Piece::Bytes(asked.as_bytes())]);
    assert_eq!(
        String::from_utf8(said).unwrap(),
        "{\"error\": {\"class\": \"GenericError\", \"desc\": \"cannot query load average: Function not implemented\"}}\n"
    );
}

//! guest-get-fsinfo and guest-fstrim through a whole agent: more file systems and disks than any buffer holds, and what goes
//! wrong midway.
#![cfg(all(feature = "freeze", feature = "inventory"))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects)] // of a test

mod common;

use common::{LINUX, Sizes, Then, play, play_until};
use picoqga::command::fstrim::Fstrim;
use picoqga::command::get_fsinfo::GetFsinfo;
use picoqga::command::ping::Ping;
use picoqga::command::{Row, Table};
use picoqga::errno::Errno;
use picoqga::guest::{
    CcwDevice, Disk, DiskBus, DiskPlace, FileSystemPiece, FileSystemPlace, FileSystemSizes, FileSystems, Guest,
    ListPlace, MountListError, PciFunction, Trim, TrimError, Trimmed,
};
use picoqga::transport::fake::Piece;

static TABLE: Table<Machine> = Table::new(&[Row::of::<Fstrim>(), Row::of::<GetFsinfo>(), Row::of::<Ping>()]);

/// A guest with that many file systems, each on that many disks.
#[derive(Default)]
struct Machine {
    systems: i64,
    disks: i64,
    /// How long the path of each mount point is.
    path_bytes: usize,
    /// The file systems can not be listed, from this listing on.
    fails: Option<(u32, MountListError)>,
    listings: u32,
    /// What was trimmed, and with which minimum.
    trimmed: Vec<(i64, u64)>,
}

impl Guest for Machine {}

impl Machine {
    fn list(&mut self) -> Result<(), MountListError> {
        self.listings += 1;
        match self.fails {
            Some((from, error)) if self.listings >= from => Err(error),
            _ => Ok(()),
        }
    }

    fn mount_point(&self, system: i64) -> String {
        format!("/{system}{}", "\"".repeat(self.path_bytes))
    }
}

impl FileSystems for Machine {
    fn file_systems(
        &mut self,
        FileSystemPlace([mut system, mut piece, _]): FileSystemPlace,
        _: &mut [u8],
        visit: &mut dyn FnMut(FileSystemPiece<'_>, FileSystemPlace) -> bool,
    ) -> Result<(), MountListError> {
        self.list()?;
        while system < self.systems {
            let mount_point = self.mount_point(system);
            let sizes =
                FileSystemSizes { used_bytes: 1, total_bytes: 2, privileged_bytes: u64::try_from(system).unwrap() };
            let node = format!("/dev/d{piece}");
            let place = DiskPlace {
                bus_kind: DiskBus::Scsi,
                controller: (system % 2 == 0).then_some(PciFunction { domain: 1, bus: 2, slot: 3, function: 4 }),
                ccw: (system % 3 == 0).then_some(CcwDevice {
                    subsystem: 5,
                    subchannel_set: 6,
                    subchannel: 7,
                    device: 8,
                }),
                bus: 9,
                target: 10,
                unit: u64::MAX,
            };
            let told = if piece == 0 {
                FileSystemPiece::Begin {
                    device: b"vda",
                    mount_point: mount_point.as_bytes(),
                    kind: b"ext4",
                    sizes: (system % 2 == 0).then_some(sizes),
                }
            } else if piece <= self.disks {
                let serial: Option<&[u8]> = if system % 2 == 0 { Some(b"\xE9 \"") } else { None };
                let device = (system % 3 == 0).then_some(node.as_bytes());
                FileSystemPiece::Disk(&Disk { place, serial, device })
            } else {
                FileSystemPiece::End
            };
            (system, piece) = if piece <= self.disks { (system, piece + 1) } else { (system + 1, 0) };
            if !visit(told, FileSystemPlace([system, piece, 0])) {
                return Ok(());
            }
        }
        Ok(())
    }
}

impl Trim for Machine {
    fn next_mount_point<'b>(
        &mut self,
        ListPlace([system, _]): ListPlace,
        buffer: &'b mut [u8],
    ) -> Result<Option<(&'b [u8], ListPlace)>, MountListError> {
        self.list()?;
        if system == self.systems {
            return Ok(None);
        }
        let path = self.mount_point(system);
        buffer[..path.len()].copy_from_slice(path.as_bytes());
        Ok(Some((&buffer[..path.len()], ListPlace([system + 1, 0]))))
    }

    fn trim(
        &mut self,
        ListPlace([behind, _]): ListPlace,
        minimum_bytes: u64,
        _: &mut [u8],
    ) -> Result<Trimmed, TrimError> {
        self.trimmed.push((behind - 1, minimum_bytes));
        match behind % 4 {
            0 => Err(TrimError::NotSupported),
            1 => Err(TrimError::Open(Errno::EACCES)),
            // The longest text there is.
            2 => Err(TrimError::Failed(Errno::new(84))),
            _ => Ok(Trimmed { trimmed_bytes: u64::MAX, minimum_bytes: u64::MAX - 1 }),
        }
    }
}

const SMALL: Sizes = Sizes { output: 1024, request: 1024, scratch: 512, id: 400, ..LINUX };
const ASK: &str = r#"{"execute":"guest-get-fsinfo"}"#;
const TRIM: &str = r#"{"execute":"guest-fstrim"}"#;
const PING: &str = r#"{"execute":"guest-ping"}"#;
const PONG: &str = "{\"return\": {}}\n";

fn ask(machine: &mut Machine, sizes: Sizes, request: &str) -> String {
    String::from_utf8(play(&TABLE, machine, sizes, &[Piece::Bytes(request.as_bytes())])).unwrap()
}

fn quoted(machine: &Machine, system: i64) -> String {
    machine.mount_point(system).replace('"', "\\\"")
}

fn entry(machine: &Machine, system: i64) -> String {
    let disk = |number: i64| {
        let (even, third) = (system % 2 == 0, system % 3 == 0);
        let pci = if even { ["1", "2", "3", "4"] } else { ["-1"; 4] };
        [
            r#"{"bus-type": "scsi", "bus": 9, "target": 10, "unit": 18446744073709551615, "pci-controller": "#,
            &format!(r#"{{"domain": {}, "bus": {}, "slot": {}, "function": {}}}"#, pci[0], pci[1], pci[2], pci[3]),
            if even { r#", "serial": "\uFFFD \"""# } else { "" },
            &if third { format!(r#", "dev": "/dev/d{number}""#) } else { String::new() },
            if third { r#", "ccw-address": {"cssid": 5, "ssid": 6, "subchno": 7, "devno": 8}"# } else { "" },
            "}",
        ]
        .concat()
    };
    let sizes = format!(r#", "used-bytes": 1, "total-bytes": 2, "total-bytes-privileged": {system}"#);
    format!(
        r#"{{"name": "vda", "mountpoint": "{}", "type": "ext4"{}, "disk": [{}]}}"#,
        quoted(machine, system),
        if system % 2 == 0 { &sizes } else { "" },
        (1..=machine.disks).map(disk).collect::<Vec<_>>().join(", ")
    )
}

fn told(machine: &Machine) -> String {
    format!("[{}]", (0..machine.systems).map(|system| entry(machine, system)).collect::<Vec<_>>().join(", "))
}

#[test]
fn any_number_is_told_through_the_same_buffers() {
    for (systems, disks, path_bytes, sizes) in [
        (0, 0, 0, SMALL),
        (1, 0, 0, SMALL),
        (7, 3, 10, SMALL),
        (1, 1000, 0, SMALL),
        // The mount point takes more than half of the buffer.
        (3, 2, 350, SMALL),
        (5000, 1, 20, LINUX),
        (2, 30_000, 4096, LINUX),
    ] {
        let mut machine = Machine { systems, disks, path_bytes, ..Machine::default() };
        let wanted = told(&machine);
        let id = "\"".to_owned() + &"i".repeat(390) + "\"";
        let asked = format!("{PING}{}{PING}", ASK.replacen('{', &format!("{{\"id\":{id},"), 1));
        let said = ask(&mut machine, sizes, &asked);
        assert!(
            said == format!("{PONG}{{\"return\": {wanted}, \"id\": {id}}}\n{PONG}"),
            "{systems} file systems on {disks} disks: {}",
            &said[..said.len().min(2000)]
        );
    }
}

#[test]
fn what_can_not_be_listed_is_an_error_until_something_was_sent() {
    for (error, text) in [
        (MountListError::System(Errno::EACCES), "failed to open mtab file: '/proc/self/mounts': Permission denied"),
        (MountListError::TooMany(1024), "more than 1024 block devices are mounted"),
    ] {
        let error_line = format!("{{\"error\": {{\"class\": \"GenericError\", \"desc\": \"{text}\"}}}}\n");
        for request in [ASK, TRIM] {
            let mut machine = Machine { systems: 100, fails: Some((1, error)), ..Machine::default() };
            assert_eq!(ask(&mut machine, SMALL, &format!("{request}{PING}")), format!("{error_line}{PONG}"));
            assert_eq!(machine.trimmed, []);
        }
        // Later it ends the line, and nothing else.
        let mut machine = Machine { systems: 100, fails: Some((4, error)), ..Machine::default() };
        let said = ask(&mut machine, SMALL, &format!("{ASK}{PING}"));
        let (broken, next) = said.split_once('\n').unwrap();
        assert!(format!("{{\"return\": {}", told(&machine)).starts_with(broken) && broken.len() > 1000);
        assert_eq!(next, PONG);
        let mut machine = Machine { systems: 100, fails: Some((4, error)), ..Machine::default() };
        let said = ask(&mut machine, SMALL, &format!("{TRIM}{PING}"));
        assert!(
            said.starts_with("{\"return\": {\"paths\": [{\"path\": \"/0\", ") && said.ends_with(&format!("}}\n{PONG}"))
        );
        assert_eq!(machine.trimmed.len(), 2);
    }
}

fn results(machine: &Machine) -> String {
    let result = |system: i64| match system % 4 {
        3 => r#""error": "trim not supported""#,
        0 => r#""error": "failed to open: Permission denied""#,
        1 => r#""error": "failed to trim: Invalid or incomplete multibyte or wide character""#,
        _ => r#""trimmed": 18446744073709551615, "minimum": 18446744073709551614"#,
    };
    let entry = |system| format!(r#"{{"path": "{}", {}}}"#, quoted(machine, system), result(system));
    format!(r#"{{"paths": [{}]}}"#, (0..machine.systems).map(entry).collect::<Vec<_>>().join(", "))
}

#[test]
fn each_file_system_is_trimmed_once_through_any_buffer() {
    for (systems, path_bytes, sizes) in
        [(0, 0, SMALL), (1, 0, SMALL), (500, 0, SMALL), (20, 400, SMALL), (700, 4096, LINUX)]
    {
        for (minimum, expected) in [("", 0), ("4096", 4096), ("-1", u64::MAX), ("0", 0)] {
            let mut machine = Machine { systems, path_bytes, ..Machine::default() };
            let wanted = results(&machine);
            let arguments = if minimum.is_empty() { "{}".into() } else { format!("{{\"minimum\":{minimum}}}") };
            let asked = format!("{PING}{}{PING}", TRIM.replacen('{', &format!("{{\"arguments\":{arguments},"), 1));
            let said = ask(&mut machine, sizes, &asked);
            assert!(said == format!("{PONG}{{\"return\": {wanted}}}\n{PONG}"), "{systems}: {said:.2000}");
            assert_eq!(machine.trimmed, (0..systems).map(|system| (system, expected)).collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_host_that_goes_midway_keeps_none_from_being_trimmed() {
    for then in [Then::NobodyReads, Then::LineBreaks] {
        let mut machine = Machine { systems: 300, path_bytes: 100, ..Machine::default() };
        let script = [Piece::Bytes(TRIM.as_bytes())];
        let mut then = Some(then);
        play_until(&TABLE, &mut machine, SMALL, &script, |machine, _| {
            if machine.trimmed.len() == 50 { then.take().unwrap_or(Then::GoOn) } else { Then::GoOn }
        });
        assert_eq!(machine.trimmed, (0..300).map(|system| (system, 0)).collect::<Vec<_>>());
    }
}

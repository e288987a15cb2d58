//! The files of a guest hold anything: what the kernel tells in /proc and /sys, and what programs have written. Each command
//! that reads them answers, and so is whoever asks next.
#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use picoqga::command::{self, Row, Table, ssh};
use picoqga::linux::Linux;
use picoqga::linux::log::Log;
use picoqga::linux::options::Options;
use picoqga::transport::fake::Piece;
use picoqga_fuzz::common::{LINUX, play};
use picoqga_fuzz::scene::Scene;
use picoqga_fuzz::{SMALL, check_reply, check_reply_or_its_beginning};

static TABLE: Table<Linux> = Table::new(&[
    Row::of_list::<command::get_cpustats::GetCpustats>(),
    Row::of_list::<command::get_disks::GetDisks>(),
    Row::of_list::<command::get_diskstats::GetDiskstats>(),
    Row::of::<command::get_fsinfo::GetFsinfo>(),
    Row::of::<command::get_memory_block_info::GetMemoryBlockInfo>(),
    Row::of_list::<command::get_memory_blocks::GetMemoryBlocks>(),
    Row::of::<command::get_osinfo::GetOsinfo>(),
    Row::of::<command::get_timezone::GetTimezone>(),
    Row::of_list::<command::get_users::GetUsers>(),
    Row::of_list::<command::get_vcpus::GetVcpus>(),
    Row::of_list::<command::network_get_route::NetworkGetRoute>(),
    Row::of::<command::ping::Ping>(),
    Row::of::<ssh::get::SshGetAuthorizedKeys>(),
]);

/// What holds the bytes.
enum Place {
    /// A file that is replaced by itself.
    Single(&'static str),
    /// A file in a directory that is replaced.
    File(&'static str),
    /// What is below a directory that is replaced.
    Tree(&'static str),
}

use Place::{File, Single, Tree};

/// A command, and where it finds the bytes. Where there are several places each has those up to a byte 0xFF, the last one the rest.
const CASES: &[(&str, &[Place])] = &[
    ("guest-get-cpustats", &[Single("/proc/stat")]),
    ("guest-get-diskstats", &[Single("/proc/diskstats")]),
    ("guest-network-get-route", &[File("/proc/self/net/route"), File("/proc/self/net/ipv6_route")]),
    ("guest-get-fsinfo", &[Single("/proc/self/mountinfo")]),
    (
        "guest-get-fsinfo",
        &[Tree("/sys/devices"), Tree("/sys/class/block"), Tree("/sys/dev/block"), Single("/proc/self/mountinfo")],
    ),
    ("guest-get-osinfo", &[File("/etc/os-release")]),
    ("guest-get-timezone", &[File("/etc/localtime")]),
    ("guest-get-users", &[File("/run/utmp")]),
    ("guest-get-users", &[Tree("/run/systemd/sessions")]),
    ("guest-get-disks", &[Tree("/sys/devices"), Tree("/sys/class/block"), Tree("/sys/block")]),
    ("guest-get-vcpus", &[Tree("/sys/devices/system/cpu")]),
    ("guest-get-memory-blocks", &[Tree("/sys/devices/system/memory")]),
    ("guest-get-memory-block-info", &[Tree("/sys/devices/system/memory")]),
    ("guest-ssh-get-authorized-keys", &[File("/etc/passwd")]),
    ("guest-ssh-get-authorized-keys", &[File("/etc/passwd"), File("/home/u/.ssh/authorized_keys")]),
];

/// What is replaced as a whole.
const DIRECTORIES: &[&str] =
    &["/etc", "/home", "/proc/self/net", "/sys/block", "/sys/dev/block", "/sys/class/block", "/sys/devices"];
const SINGLE: &[&str] = &["/proc/stat", "/proc/diskstats", "/proc/self/mountinfo"];

struct Stage {
    scene: Scene,
    guest: RefCell<Linux>,
}

thread_local!(static STAGE: Stage = {
    let scene = Scene::new(DIRECTORIES, SINGLE);
    let guest = Linux::new(Log::new(None, false), &Options::DEFAULT, Box::leak(Box::default()));
    Stage { scene, guest: RefCell::new(guest) }
});

fuzz_target!(|data: &[u8]| {
    let Some((&number, bytes)) = data.split_first() else { return };
    let (command, places) = &CASES[usize::from(number & 0x7F) % CASES.len()];
    let sizes = if number & 0x80 == 0 { LINUX } else { SMALL };
    STAGE.with(|Stage { scene, guest }| {
        let parts = bytes.splitn(places.len(), |&byte| byte == 0xFF).chain(std::iter::repeat(&[][..]));
        for (place, bytes) in places.iter().zip(parts) {
            match place {
                Single(file) => scene.fill(file, bytes),
                File(file) => scene.write(file, bytes),
                Tree(directory) => {
                    std::fs::create_dir_all(directory).expect("a directory in memory");
                    scene.grow(directory, bytes);
                }
            }
        }
        let arguments = if command.contains("ssh") { r#", "arguments": {"username": "u"}"# } else { "" };
        let request =
            format!(r#"{{"execute": "{command}"{arguments}}}{{"execute": "guest-ping", "id": "at the end"}}"#);
        let said = play(&TABLE, &mut *guest.borrow_mut(), sizes, &[Piece::Bytes(request.as_bytes())]);
        let text = String::from_utf8_lossy(&said);
        let lines: Vec<_> = text.split_inclusive('\n').collect();
        assert!(matches!(lines[..], [_, "{\"return\": {}, \"id\": \"at the end\"}\n"]), "{text}");
        // What fits into small buffers only in part breaks off there.
        let check = if number & 0x80 == 0 { check_reply } else { check_reply_or_its_beginning };
        check(lines[0].as_bytes());
        for place in *places {
            match place {
                Single(_) => {}
                File(file) => std::fs::remove_file(file).expect("a file in memory"),
                Tree(directory) => scene.clear(directory),
            }
        }
    });
});

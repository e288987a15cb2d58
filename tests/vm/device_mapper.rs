//! Makes a device of the device mapper for the guest: other devices one behind the other, as a logical volume of LVM is.
//! busybox has no such thing.
//!
//!     device-mapper NAME MAJOR:MINOR=SECTORS ...
//!
//! One file for one call of rustc, so that tests need no further crate; see `file_systems.py`.

use std::fs::OpenOptions;
use std::os::fd::AsRawFd;

/// `struct dm_ioctl` of the kernel, and room for a table.
#[repr(C)]
struct Request {
    version: [u32; 3],
    size: u32,
    start: u32,
    targets: u32,
    open: i32,
    flags: u32,
    event: u32,
    padding: u32,
    device: u64,
    name: [u8; 128],
    uuid: [u8; 129],
    data: [u8; 7],
    table: [u8; 4096],
}

const HEADER: u32 = 312;
const CREATE: u64 = 0xC138_FD03;
const SUSPEND: u64 = 0xC138_FD06;
const LOAD: u64 = 0xC138_FD09;

unsafe extern "C" {
    fn ioctl(file: i32, request: u64, ...) -> i32;
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().expect("a name");
    let control = OpenOptions::new().read(true).write(true).open("/dev/mapper/control").expect("/dev/mapper/control");
    // (start, length, parameters) of each piece.
    let (mut table, mut targets, mut start) = (Vec::new(), 0, 0_u64);
    for piece in arguments {
        let (device, sectors) = piece.split_once('=').expect("MAJOR:MINOR=SECTORS");
        let length: u64 = sectors.parse().expect("a number of sectors");
        // `struct dm_target_spec`: start, length, status, offset of the next one, type; then the parameters.
        let mut parameters = format!("{device} 0\0").into_bytes();
        parameters.resize(parameters.len().next_multiple_of(8), 0);
        table.extend(start.to_ne_bytes());
        table.extend(length.to_ne_bytes());
        table.extend(0_i32.to_ne_bytes());
        table.extend(u32::try_from(40 + parameters.len()).unwrap().to_ne_bytes());
        table.extend(b"linear\0\0\0\0\0\0\0\0\0\0");
        table.extend(parameters);
        targets += 1;
        start += length;
    }
    for (number, targets) in [(CREATE, 0), (LOAD, targets), (SUSPEND, 0)] {
        let mut request = Request {
            version: [4, 0, 0],
            size: HEADER + 4096,
            start: HEADER,
            targets,
            open: 0,
            flags: 0,
            event: 0,
            padding: 0,
            device: 0,
            name: [0; 128],
            uuid: [0; 129],
            data: [0; 7],
            table: [0; 4096],
        };
        request.name[..name.len()].copy_from_slice(name.as_bytes());
        request.table[..table.len()].copy_from_slice(&table);
        // The last one without a flag resumes the device, with its new table.
        if unsafe { ioctl(control.as_raw_fd(), number, &raw mut request) } != 0 {
            panic!("{number:x}: {}", std::io::Error::last_os_error());
        }
    }
}

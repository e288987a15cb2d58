//! File systems that are mounted: which mount a descriptor is on, how full it is, and what can be done to it.

use core::ffi::{c_long, c_uint};

use super::fd::{Fd, device_number};
use super::{check, kernel};
use crate::errno::Errno;

/// What a descriptor stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The number of its mount, as mountinfo has it; `None` before Linux 5.8.
    pub mount: Option<u64>,
    /// Major and minor number of the device that its file system is on, as stat(2) tells it.
    pub device: (u32, u32),
    /// It is a directory.
    pub is_directory: bool,
    /// It is a regular file.
    pub is_regular: bool,
}

/// What `file` stands for. Nothing is asked of the file system that could have to be waited for.
///
/// # Errors
/// Those of statx(2).
pub fn standing(file: &Fd) -> Result<Standing, Errno> {
    const WANTED: c_uint = libc::STATX_TYPE | libc::STATX_MNT_ID;
    const FLAGS: i32 = libc::AT_EMPTY_PATH | libc::AT_STATX_DONT_SYNC;
    // SAFETY: all-zero is a valid value of this plain structure.
    let mut status: libc::statx = unsafe { core::mem::zeroed() };
    // SAFETY: the path ends with a NUL, the structure is writable, and the call keeps no pointer.
    if check(unsafe { kernel::statx(file.raw(), c"", FLAGS, WANTED, &raw mut status) }).is_err() {
        // A sandbox that does not know the call; the number of the mount is not needed.
        // SAFETY: all-zero is a valid value of this plain structure.
        let mut older: libc::stat = unsafe { core::mem::zeroed() };
        // SAFETY: the structure is writable, and the call keeps no pointer.
        check(unsafe { kernel::fstat(file.raw(), &raw mut older) })?;
        status.stx_mask = 0;
        status.stx_mode = u16::try_from(older.st_mode).unwrap_or(0);
        (status.stx_dev_major, status.stx_dev_minor) = device_number(older.st_dev);
    }
    let kind = u32::from(status.stx_mode) & libc::S_IFMT;
    Ok(Standing {
        mount: (status.stx_mask & libc::STATX_MNT_ID != 0).then_some(status.stx_mnt_id),
        device: (status.stx_dev_major, status.stx_dev_minor),
        is_directory: kind == libc::S_IFDIR,
        is_regular: kind == libc::S_IFREG,
    })
}

/// How much room there is in a file system, in blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// The size of a block in bytes.
    pub block_bytes: u64,
    /// All of them.
    pub blocks: u64,
    /// Those that hold nothing.
    pub free: u64,
    /// Those of them that anybody may use.
    pub available: u64,
}

/// How much room there is in the file system that `file` is on.
///
/// # Errors
/// Those of fstatfs(2).
pub fn room(file: &Fd) -> Result<Room, Errno> {
    // SAFETY: all-zero is a valid value of this plain structure.
    let mut status: libc::statfs = unsafe { core::mem::zeroed() };
    // SAFETY: the structure is writable, and the call keeps no pointer.
    check(unsafe { libc::fstatfs(file.raw(), &raw mut status) })?;
    // Some file systems tell only the size of what is best read at once, and count in it.
    let block_bytes = if status.f_frsize == 0 { status.f_bsize } else { status.f_frsize };
    Ok(Room {
        block_bytes: number(block_bytes),
        blocks: status.f_blocks,
        free: status.f_bfree,
        available: status.f_bavail,
    })
}

/// A number of the kernel's that is signed in some C libraries, and never negative.
fn number(value: impl TryInto<u64>) -> u64 {
    value.try_into().unwrap_or(0)
}

/// Which blocks are trimmed, and then what came of it; the kernel's `struct fstrim_range`.
#[repr(C)]
struct Range {
    start: u64,
    length_bytes: u64,
    minimum_bytes: u64,
}

/// Tells the device under the file system that `file` is on which of its blocks hold nothing. Runs of fewer bytes than
/// `minimum_bytes` are passed over. Answers how many bytes it was told of, and the minimum that was kept to. May take minutes.
///
/// # Errors
/// Those of the file system: `ENOTTY` or `EOPNOTSUPP` where there is no such thing.
pub fn trim(file: &Fd, minimum_bytes: u64) -> Result<(u64, u64), Errno> {
    // The number of FITRIM on x86, ARM and RISC-V: direction, size, `X`, 121.
    const TRIM: c_long = 0xC018_5879;
    let mut range = Range { start: 0, length_bytes: u64::MAX, minimum_bytes };
    // SAFETY: the call reads and writes one structure of this layout, and keeps no pointer. It goes by number, because the
    // C libraries do not agree on the type of the request.
    check(unsafe { libc::syscall(libc::SYS_ioctl, file.raw(), TRIM, &raw mut range) })?;
    Ok((range.length_bytes, range.minimum_bytes))
}

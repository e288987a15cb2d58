//! File systems that are mounted: which mount a descriptor is on.

use core::ffi::c_uint;

use super::check;
use super::fd::Fd;
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
    check(unsafe { libc::statx(file.raw(), c"".as_ptr(), FLAGS, WANTED, &raw mut status) })?;
    let kind = u32::from(status.stx_mode) & libc::S_IFMT;
    Ok(Standing {
        mount: (status.stx_mask & libc::STATX_MNT_ID != 0).then_some(status.stx_mnt_id),
        device: (status.stx_dev_major, status.stx_dev_minor),
        is_directory: kind == libc::S_IFDIR,
        is_regular: kind == libc::S_IFREG,
    })
}

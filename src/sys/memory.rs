//! Files that live in memory (memfd_create(2)), how much memory there is (sysinfo(2)), and what of it is read-only (mprotect(2)).

use super::check;
use super::fd::Fd;
use crate::errno::Errno;

/// A new, empty file in memory.
///
/// # Errors
/// Those of memfd_create(2): `ENOSYS` before Linux 3.17.
pub fn file() -> Result<Fd, Errno> {
    // SAFETY: the name ends with a NUL, and the call keeps no pointer. On success the descriptor is new.
    let raw = check(unsafe { libc::syscall(libc::SYS_memfd_create, c"picoqga".as_ptr(), libc::MFD_CLOEXEC) })?;
    Ok(Fd::from_raw(i32::try_from(raw).map_err(|_| Errno::EBADF)?))
}

/// How much memory the machine has, in bytes. 0 if the kernel does not tell.
pub fn total_bytes() -> u64 {
    // SAFETY: all-zero is a valid value of this plain structure.
    let mut information: libc::sysinfo = unsafe { core::mem::zeroed() };
    // SAFETY: the structure is writable, and the call keeps no pointer. After an error it is still zero.
    unsafe { libc::sysinfo(&raw mut information) };
    information.totalram.saturating_mul(information.mem_unit.into())
}

/// Makes the pages from `start` to `end` read-only, if the kernel does.
///
/// # Safety
/// Both must be at the start of a page, and nothing in between may be written any more.
pub unsafe fn make_read_only(start: *const u8, end: *const u8) {
    let length = end.addr().wrapping_sub(start.addr());
    // SAFETY: the caller's. An error leaves the pages as they were.
    unsafe { libc::syscall(libc::SYS_mprotect, start, length, libc::PROT_READ) };
}

//! Files that live in memory (memfd_create(2)).

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

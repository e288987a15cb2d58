//! Freezing file systems (FIFREEZE and FITHAW of ioctl_fs(2)), and the agent's memory meanwhile (mlockall(2)).

use core::ffi::{c_int, c_long};

use super::check;
use super::fd::{Fd, device_number};
use crate::errno::Errno;

// The numbers of FIFREEZE and FITHAW on x86, ARM and RISC-V: direction, size, `X`, 119 and 120.
const FREEZE: c_long = 0xC004_5877;
const THAW: c_long = 0xC004_5878;

fn control(place: &Fd, request: c_long) -> Result<(), Errno> {
    // SAFETY: neither call takes an argument or touches memory. They go by number, because the C libraries do not agree on
    // the type of the request.
    check(unsafe { libc::syscall(libc::SYS_ioctl, place.raw(), request, 0) }).map(drop)
}

/// Writes out the file system that `place` is on, and has everybody wait who wants to change it.
///
/// # Errors
/// `EOPNOTSUPP` or `ENOTTY` where there is no such thing, `EBUSY` if it is frozen already, `EPERM` without the privilege;
/// those of the disk.
pub fn freeze(place: &Fd) -> Result<(), Errno> {
    control(place, FREEZE)
}

/// Undoes one [`freeze`] of the file system that `place` is on.
///
/// # Errors
/// `EINVAL` if it is not frozen; as for [`freeze`].
pub fn thaw(place: &Fd) -> Result<(), Errno> {
    control(place, THAW)
}

/// Keeps in memory what of this process is there now, and what comes to be there.
///
/// # Errors
/// Those of mlockall(2): `EPERM` or `ENOMEM` without the privilege.
pub fn lock_memory() -> Result<(), Errno> {
    const FLAGS: c_int = libc::MCL_CURRENT | libc::MCL_FUTURE | libc::MCL_ONFAULT;
    // SAFETY: the call touches no memory.
    check(unsafe { libc::mlockall(FLAGS) }).map(drop)
}

/// Undoes [`lock_memory`].
pub fn unlock_memory() {
    // SAFETY: the call touches no memory. It does not fail.
    unsafe { libc::munlockall() };
}

/// Major and minor number of the file system that the file under a loop device is on, as stat(2) tells it of the file.
///
/// # Errors
/// Those of ioctl(2): `ENXIO` for a loop device without a file, `ENOTTY` for another device.
pub fn loop_backing_device(device: &Fd) -> Result<(u32, u32), Errno> {
    const GET_STATUS: c_long = 0x4C05;
    // The kernel's `struct loop_info64`, of 232 bytes; its first number is the one that is wanted.
    let mut status = [0_u64; 29];
    // SAFETY: the call writes one structure of this size, and keeps no pointer.
    check(unsafe { libc::syscall(libc::SYS_ioctl, device.raw(), GET_STATUS, status.as_mut_ptr()) })?;
    let [device, ..] = status;
    Ok(device_number(device))
}

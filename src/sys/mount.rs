//! Mounting and unmounting.

use core::ffi::CStr;

use super::check;
use super::fd::{Fd, OpenFlags};
use crate::errno::Errno;

/// The root of a new instance of a file system of the kernel's own, such as `proc`, that is mounted nowhere: nobody but
/// the owner of the descriptor sees it, and it goes with it.
///
/// # Errors
/// Those of fsopen(2), fsconfig(2), fsmount(2): `ENOSYS` before Linux 5.2.
pub fn detached(kind: &CStr) -> Result<Fd, Errno> {
    const FSOPEN_CLOEXEC: u32 = 1;
    const FSCONFIG_CMD_CREATE: u32 = 6;
    const FSMOUNT_CLOEXEC: u32 = 1;
    let none = core::ptr::null::<u8>();
    // SAFETY: `kind` ends with a NUL, and the call keeps no pointer. On success the descriptor is new.
    let context = descriptor(unsafe { libc::syscall(libc::SYS_fsopen, kind.as_ptr(), FSOPEN_CLOEXEC) })?;
    // SAFETY: this command takes neither key nor value.
    check(unsafe { libc::syscall(libc::SYS_fsconfig, context.raw(), FSCONFIG_CMD_CREATE, none, none, 0) })?;
    // SAFETY: the call touches no memory. On success the descriptor is new.
    descriptor(unsafe { libc::syscall(libc::SYS_fsmount, context.raw(), FSMOUNT_CLOEXEC, 0) })
}

fn descriptor(result: libc::c_long) -> Result<Fd, Errno> {
    let raw = check(result)?;
    Ok(Fd::from_raw(i32::try_from(raw).map_err(|_| Errno::EBADF)?))
}

/// As [`detached`], for kernels before 5.2: mounts over `place` for a moment and takes it away again, while the root
/// stays open.
///
/// # Errors
/// Those of mount(2) and open(2).
pub fn detached_over(kind: &CStr, place: &CStr) -> Result<Fd, Errno> {
    let none = core::ptr::null();
    let flags = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
    // SAFETY: the texts end with a NUL, there are no options, and the call keeps no pointer.
    check(unsafe { libc::mount(kind.as_ptr(), place.as_ptr(), kind.as_ptr(), flags, none) })?;
    let root = Fd::open(place, OpenFlags::READ.with(OpenFlags::DIRECTORY));
    // SAFETY: `place` ends with a NUL, and the call keeps no pointer. What can not be taken away stays, which is harmless.
    unsafe { libc::umount2(place.as_ptr(), libc::MNT_DETACH) };
    root
}

/// Whether a file system is of the kind with this number (statfs(2), `f_type`).
pub fn is_of_kind(directory: &Fd, number: u64) -> bool {
    // SAFETY: all-zero is a valid value of this plain structure.
    let mut status: libc::statfs = unsafe { core::mem::zeroed() };
    // SAFETY: the structure is writable, and the call keeps no pointer.
    let result = unsafe { libc::fstatfs(directory.raw(), &raw mut status) };
    #[allow(clippy::useless_conversion)] // signed with one C library, unsigned with the other
    let kind = u64::try_from(status.f_type);
    result == 0 && kind == Ok(number)
}

/// Whether a file system is in memory, so that it is never frozen.
pub fn is_in_memory(directory: &Fd) -> bool {
    const TMPFS: u64 = 0x0102_1994;
    const RAMFS: u64 = 0x8584_58F6;
    is_of_kind(directory, TMPFS) || is_of_kind(directory, RAMFS)
}

/// Unmounts what is mounted at `place`.
///
/// # Errors
/// Those of umount2(2).
pub fn unmount(place: &CStr) -> Result<(), Errno> {
    // SAFETY: `place` ends with a NUL, and the call keeps no pointer.
    check(unsafe { libc::umount2(place.as_ptr(), 0) }).map(drop)
}

/// Makes what is mounted at `place` read-only.
///
/// # Errors
/// Those of mount(2).
pub fn make_read_only(place: &CStr) -> Result<(), Errno> {
    let none = core::ptr::null::<core::ffi::c_void>();
    let flags = libc::MS_REMOUNT | libc::MS_RDONLY;
    // SAFETY: `place` ends with a NUL, a remount takes neither source, type nor options, and the call keeps no pointer.
    check(unsafe { libc::mount(c"none".as_ptr(), place.as_ptr(), none.cast(), flags, none) }).map(drop)
}

/// Writes what is cached to the disks, and waits for it.
pub fn sync_all() {
    // SAFETY: the call touches no memory and can not fail.
    unsafe { libc::sync() };
}

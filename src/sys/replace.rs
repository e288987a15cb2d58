//! What it takes to put a new file in the place of an old one, so that it is known like the old one.

use core::ffi::CStr;

use super::fd::Fd;
use super::{check, check_length, kernel};
use crate::errno::Errno;

/// What the system knows of a file, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its number in its file system.
    pub inode: u64,
    /// Its length in bytes.
    pub length: i64,
    /// When it was changed last, be it what is in it or what is known of it, in seconds and nanoseconds.
    pub changed: (i64, i64),
    /// The owner.
    pub owner: u32,
    /// The group.
    pub group: u32,
    /// The permissions.
    pub permissions: u32,
    /// It is a plain file.
    pub is_plain: bool,
    /// It is a symbolic link.
    pub is_link: bool,
    /// It has more names than one.
    pub has_other_names: bool,
}

impl Status {
    fn of(status: &libc::stat) -> Self {
        Status {
            inode: status.st_ino,
            length: status.st_size,
            changed: (status.st_ctime, status.st_ctime_nsec),
            owner: status.st_uid,
            group: status.st_gid,
            permissions: status.st_mode & 0o7777,
            is_plain: status.st_mode & libc::S_IFMT == libc::S_IFREG,
            is_link: status.st_mode & libc::S_IFMT == libc::S_IFLNK,
            has_other_names: status.st_nlink > 1,
        }
    }
}

/// What is known of an open file.
///
/// # Errors
/// Those of fstat(2).
pub fn status(file: &Fd) -> Result<Status, Errno> {
    // SAFETY: all-zero is a valid value of this plain structure.
    let mut status: libc::stat = unsafe { core::mem::zeroed() };
    // SAFETY: the structure is writable, and the call keeps no pointer.
    check(unsafe { kernel::fstat(file.raw(), &raw mut status) })?;
    Ok(Status::of(&status))
}

/// What is known of a file in a directory; a symbolic link is not followed.
///
/// # Errors
/// Those of fstatat(2).
pub fn status_at(directory: &Fd, name: &CStr) -> Result<Status, Errno> {
    // SAFETY: all-zero is a valid value of this plain structure.
    let mut status: libc::stat = unsafe { core::mem::zeroed() };
    // SAFETY: `name` ends with a NUL, the structure is writable, and the call keeps no pointer.
    let result = unsafe { kernel::fstatat(directory.raw(), name, &raw mut status, libc::AT_SYMLINK_NOFOLLOW) };
    check(result)?;
    Ok(Status::of(&status))
}

/// Gives a file to an owner and a group.
///
/// # Errors
/// Those of fchown(2).
pub fn set_owner(file: &Fd, owner: u32, group: u32) -> Result<(), Errno> {
    // SAFETY: the call touches no memory.
    check(unsafe { kernel::fchown(file.raw(), owner, group) }).map(drop)
}

/// Reads an extended attribute; `None` if the file, or its file system, has none of that name.
///
/// # Errors
/// Those of fgetxattr(2): `ERANGE` if it does not fit into the buffer.
pub fn attribute<'b>(file: &Fd, name: &CStr, buffer: &'b mut [u8]) -> Result<Option<&'b [u8]>, Errno> {
    // SAFETY: `name` ends with a NUL, the buffer is writable for its length, and the call keeps no pointer.
    let result = unsafe { libc::fgetxattr(file.raw(), name.as_ptr(), buffer.as_mut_ptr().cast(), buffer.len()) };
    match check_length(result) {
        Ok(length) => Ok(buffer.get(..length)),
        Err(errno) if matches!(errno.number(), libc::ENODATA | libc::EOPNOTSUPP | libc::ENOSYS) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Sets an extended attribute.
///
/// # Errors
/// Those of fsetxattr(2).
pub fn set_attribute(file: &Fd, name: &CStr, value: &[u8]) -> Result<(), Errno> {
    // SAFETY: `name` ends with a NUL, the value is readable for its length, and the call keeps no pointer.
    check(unsafe { libc::fsetxattr(file.raw(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0) }).map(drop)
}

/// Waits until a file, or what a directory lists, is on its disk.
///
/// # Errors
/// Those of fsync(2).
pub fn sync(file: &Fd) -> Result<(), Errno> {
    // SAFETY: the call touches no memory.
    check(unsafe { libc::fsync(file.raw()) }).map(drop)
}

/// Gives a file in a directory another name in it, that of another file as well, which is then gone.
///
/// # Errors
/// Those of rename(2).
pub fn rename_at(directory: &Fd, from: &CStr, to: &CStr) -> Result<(), Errno> {
    // SAFETY: both names end with a NUL, and the call keeps no pointer.
    check(unsafe { libc::renameat(directory.raw(), from.as_ptr(), directory.raw(), to.as_ptr()) }).map(drop)
}

/// Makes a directory in another one, with permissions less the umask.
///
/// # Errors
/// Those of mkdir(2).
pub fn make_directory_at(directory: &Fd, name: &CStr, permissions: u32) -> Result<(), Errno> {
    // SAFETY: `name` ends with a NUL, and the call keeps no pointer.
    check(unsafe { libc::mkdirat(directory.raw(), name.as_ptr(), permissions) }).map(drop)
}

/// Removes a name from a directory.
///
/// # Errors
/// Those of unlink(2).
pub fn unlink_at(directory: &Fd, name: &CStr) -> Result<(), Errno> {
    // SAFETY: `name` ends with a NUL, and the call keeps no pointer.
    check(unsafe { libc::unlinkat(directory.raw(), name.as_ptr(), 0) }).map(drop)
}

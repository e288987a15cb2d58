//! Names in a directory (getdents64(2)).

use core::ffi::CStr;

use super::check;
use super::fd::Fd;
use crate::errno::Errno;

/// Bytes before the name in an entry: inode, offset, length, type.
const HEADER: usize = 19;
/// Where the offset behind an entry stands.
const OFFSET: usize = 8;
/// Where the length of an entry stands.
const LENGTH: usize = 16;

/// Gives every name in the directory but `.` and `..` to `visit`, until it answers false. Reads a `buffer` full at a
/// time; a buffer of 280 bytes holds any entry.
///
/// # Errors
/// Those of getdents64(2).
#[inline(never)] // smaller so
pub fn names(directory: &Fd, buffer: &mut [u8], mut visit: impl FnMut(&CStr) -> bool) -> Result<(), Errno> {
    entries(directory, buffer, |name, _| visit(name))
}

/// As [`names`], with the offset behind each name: lseek(2) to it goes on there, also in a directory opened anew.
///
/// # Errors
/// Those of getdents64(2).
pub fn entries(directory: &Fd, buffer: &mut [u8], mut visit: impl FnMut(&CStr, i64) -> bool) -> Result<(), Errno> {
    each(directory, buffer, &mut visit)
}

/// Compiled once, for all that visit.
fn each(directory: &Fd, buffer: &mut [u8], visit: &mut dyn FnMut(&CStr, i64) -> bool) -> Result<(), Errno> {
    loop {
        // SAFETY: the buffer is writable for its length, and the call keeps no pointer.
        let result = unsafe { libc::syscall(libc::SYS_getdents64, directory.raw(), buffer.as_mut_ptr(), buffer.len()) };
        let length = usize::try_from(check(result)?).unwrap_or(0);
        let mut entries = buffer.get(..length).unwrap_or_default();
        if entries.is_empty() {
            return Ok(());
        }
        while let Some(&[low, high]) = entries.get(LENGTH..).and_then(|rest| rest.first_chunk::<2>()) {
            let (entry, rest) =
                entries.split_at_checked(usize::from(u16::from_ne_bytes([low, high]))).unwrap_or_default();
            let offset = entry.get(OFFSET..).and_then(|rest| rest.first_chunk::<8>()).copied().unwrap_or_default();
            let offset = i64::from_ne_bytes(offset);
            let name = entry.get(HEADER..).and_then(|name| CStr::from_bytes_until_nul(name).ok());
            if let Some(name) = name
                && name != c"."
                && name != c".."
                && !visit(name, offset)
            {
                return Ok(());
            }
            entries = rest;
        }
    }
}

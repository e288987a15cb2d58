//! Complaints of the start, most of which are made of the same pieces.

use core::ffi::CStr;

use crate::errno::Errno;
use crate::error;
use crate::error::Error;

/// Something that is quoted between words.
#[inline(never)]
pub fn quoted(before: &'static str, text: &'static [u8], behind: &'static str) -> Error<'static> {
    error![before, text, behind]
}

/// A path that a system call failed for.
#[inline(never)]
pub fn failed(before: &'static str, path: &'static CStr, errno: Errno) -> Error<'static> {
    error![before, path.to_bytes(), "': ", errno]
}

//! Paths of the kernel's own file systems, put together in a buffer of their own.

use core::ffi::CStr;

use crate::bytes::put;
use crate::errno::Errno;
use crate::json::write::decimal;
use crate::sys::fd::{Fd, OpenFlags};

/// A path or name under construction, with its NUL.
#[derive(Debug)]
pub struct Path {
    bytes: [u8; BYTES],
    length: usize,
}

/// More than the path of any device.
const BYTES: usize = 512;

impl Path {
    /// The parts one behind the other. `None` if they are longer than 511 bytes.
    pub fn of(parts: &[&[u8]]) -> Option<Self> {
        // Made where the caller wants it, not copied there.
        let mut path = Some(Path { bytes: [0; BYTES], length: 0 });
        for part in parts {
            let put = path.as_mut().and_then(|path| path.put(part));
            if put.is_none() {
                path = None;
            }
        }
        path
    }

    fn put(&mut self, part: &[u8]) -> Option<()> {
        // One byte less, for the NUL.
        self.length = put(self.bytes.get_mut(..BYTES - 1)?, self.length, part)?;
        Some(())
    }

    /// A number between two parts. `None` as above.
    pub fn with_number(before: &[u8], number: u64, behind: &[u8]) -> Option<Self> {
        Self::of(&[before, decimal(number, &mut [0; 20]), behind])
    }

    /// The path, without its NUL.
    #[inline(never)] // used all over
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// The path.
    pub fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or(c"")
    }
}

/// Opens what the parts, one behind the other, are the path of, as seen from a directory.
///
/// # Errors
/// Those of openat(2); `ENOENT` for a path that is longer than any there can be.
pub fn open_at(directory: &Fd, parts: &[&[u8]], flags: OpenFlags) -> Result<Fd, Errno> {
    match &Path::of(parts) {
        Some(path) => directory.open_at(path.as_c_str(), flags),
        None => Err(Errno::ENOENT),
    }
}

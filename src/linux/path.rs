//! Paths of the kernel's own file systems, put together in a buffer of their own.

use core::ffi::CStr;

use crate::bytes::put;

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
        let mut path = Path { bytes: [0; BYTES], length: 0 };
        for part in parts {
            // One byte less, for the NUL.
            path.length = put(path.bytes.get_mut(..BYTES - 1)?, path.length, part)?;
        }
        Some(path)
    }

    /// The path, without its NUL.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// The path.
    pub fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or(c"")
    }
}

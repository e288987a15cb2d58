//! Short paths, put together in a buffer of their own.

use core::ffi::CStr;

use crate::bytes::put;

/// A path or name under construction, with its NUL.
#[derive(Debug)]
pub struct Path {
    bytes: [u8; 128],
    length: usize,
}

impl Path {
    /// The parts one behind the other. `None` if they are longer than 127 bytes.
    pub fn of(parts: &[&[u8]]) -> Option<Self> {
        let mut path = Path { bytes: [0; 128], length: 0 };
        for part in parts {
            // One byte less, for the NUL.
            path.length = put(path.bytes.get_mut(..127)?, path.length, part)?;
        }
        Some(path)
    }

    /// The path.
    pub fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or(c"")
    }
}

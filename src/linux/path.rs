//! Short paths, put together in a buffer of their own.

use core::ffi::CStr;

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
            path.bytes.get_mut(path.length..127)?.get_mut(..part.len())?.copy_from_slice(part);
            path.length = path.length.saturating_add(part.len());
        }
        Some(path)
    }

    /// The path.
    pub fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or(c"")
    }
}

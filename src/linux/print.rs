//! Printing to standard output in pieces, a write for many of them.

use crate::sys::start;

/// What is not written yet.
#[derive(Debug)]
pub struct Printer {
    buffer: [u8; 512],
    length: usize,
}

impl Printer {
    /// Nothing yet.
    pub const fn new() -> Self {
        Printer { buffer: [0; 512], length: 0 }
    }

    /// Prints `bytes`, at the latest when it is dropped.
    pub fn put(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if self.length == self.buffer.len() {
                self.flush();
            }
            if let Some(slot) = self.buffer.get_mut(self.length) {
                *slot = byte;
                self.length = self.length.saturating_add(1);
            }
        }
    }

    fn flush(&mut self) {
        start::write_to_standard_output(self.buffer.get(..self.length).unwrap_or_default());
        self.length = 0;
    }
}

impl Default for Printer {
    fn default() -> Self {
        Printer::new()
    }
}

impl Drop for Printer {
    fn drop(&mut self) {
        self.flush();
    }
}

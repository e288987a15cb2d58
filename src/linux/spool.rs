//! The spool: a file in memory, for texts that are too long to be held and come before it is known what they are for.

use crate::errno::Errno;
use crate::guest::Spool;
use crate::limits::linux::SPOOL_BYTES;
use crate::sys::fd::{Fd, SeekFrom};
use crate::sys::memory;

/// A spool that is made when it is first used, and kept, empty.
#[derive(Debug)]
pub struct MemorySpool {
    file: Option<Fd>,
    length: u64,
}

impl MemorySpool {
    /// A spool that holds nothing.
    pub const fn new() -> Self {
        MemorySpool { file: None, length: 0 }
    }

    /// Gives away what it holds, to be read from its start, and its length in bytes. `None` if it holds nothing.
    ///
    /// # Errors
    /// Those of lseek(2).
    #[cfg(feature = "exec")]
    pub fn take(&mut self) -> Result<Option<(Fd, u64)>, Errno> {
        let length = core::mem::take(&mut self.length);
        let Some(file) = self.file.take().filter(|_| length > 0) else { return Ok(None) };
        file.seek(0, SeekFrom::Start)?;
        Ok(Some((file, length)))
    }
}

impl Default for MemorySpool {
    fn default() -> Self {
        Self::new()
    }
}

impl Spool for MemorySpool {
    fn capacity(&self) -> u64 {
        SPOOL_BYTES
    }

    fn clear(&mut self) -> Result<(), Errno> {
        self.length = 0;
        let Some(file) = &self.file else { return Ok(()) };
        file.truncate(0)?;
        file.seek(0, SeekFrom::Start).map(drop)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), Errno> {
        let length = self.length.wrapping_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if length > SPOOL_BYTES {
            return Err(Errno::EFBIG);
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(memory::file()?),
        };
        let mut rest = bytes;
        while !rest.is_empty() {
            let written = file.write(rest)?;
            rest = rest.get(written..).unwrap_or_default();
        }
        self.length = length;
        Ok(())
    }

    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, Errno> {
        self.file.as_ref().ok_or(Errno::EBADF)?.read_at(buffer, offset)
    }
}

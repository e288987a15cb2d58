//! The line to the host: a descriptor that never blocks.

use core::fmt;

use embedded_io::{ErrorKind, ErrorType, Read, ReadReady, Write, WriteReady};

use crate::errno::Errno;
use crate::sys::fd::Fd;

/// A descriptor and what is known of its readiness. The loop that waits tells [`Line::ready_to_read`] and
/// [`Line::ready_to_write`]; each is good for as long as the system takes it.
#[derive(Debug)]
pub struct Line {
    fd: Fd,
    can_read: bool,
    can_write: bool,
    had_bytes: bool,
}

impl Line {
    /// A line over a descriptor that does not block.
    pub const fn new(fd: Fd) -> Self {
        Line { fd, can_read: false, can_write: true, had_bytes: false }
    }

    /// The descriptor, to wait for.
    pub fn fd(&self) -> &Fd {
        &self.fd
    }

    /// It can be read once: after that the loop has to tell it again, because to find out costs as much as to wait.
    pub fn ready_to_read(&mut self) {
        self.can_read = true;
    }

    /// Whether bytes came since this was last asked.
    pub fn take_had_bytes(&mut self) -> bool {
        core::mem::take(&mut self.had_bytes)
    }

    /// It can be written.
    pub fn ready_to_write(&mut self) {
        self.can_write = true;
    }
}

/// Why the line failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineError(pub Errno);

impl fmt::Display for LineError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.text().unwrap_or(b"unknown error");
        formatter.write_str(core::str::from_utf8(text).unwrap_or_default())
    }
}

impl core::error::Error for LineError {}

impl embedded_io::Error for LineError {
    fn kind(&self) -> ErrorKind {
        match self.0 {
            Errno::EAGAIN | Errno::EINTR => ErrorKind::Interrupted,
            Errno::EPIPE => ErrorKind::BrokenPipe,
            Errno::ECONNRESET => ErrorKind::ConnectionReset,
            _ => ErrorKind::Other,
        }
    }
}

impl ErrorType for Line {
    type Error = LineError;
}

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, LineError> {
        self.can_read = false;
        let count = self.fd.read(buffer).map_err(LineError)?;
        self.had_bytes |= count > 0;
        Ok(count)
    }
}

impl ReadReady for Line {
    fn read_ready(&mut self) -> Result<bool, LineError> {
        Ok(self.can_read)
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, LineError> {
        let written = self.fd.write(bytes).map_err(LineError);
        if let Err(LineError(Errno::EAGAIN)) = written {
            self.can_write = false;
        }
        written
    }

    fn flush(&mut self) -> Result<(), LineError> {
        Ok(())
    }
}

impl WriteReady for Line {
    fn write_ready(&mut self) -> Result<bool, LineError> {
        Ok(self.can_write)
    }
}

//! A transport that plays a script, for tests on any platform: bytes in given pieces, pauses, hang-ups, short writes.

use embedded_io::{ErrorKind, ErrorType, Read, ReadReady, Write, WriteReady};

/// What a script does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'t> {
    /// Bytes arrive; a read gives no more than these.
    Bytes(&'t [u8]),
    /// Nothing is there, once.
    Pause,
    /// The host hangs up.
    HangUp,
    /// Reading fails with this kind of error.
    Fail(ErrorKind),
}

/// Plays a script, and keeps what is written to it.
#[derive(Debug)]
pub struct Scripted<'t> {
    script: &'t [Piece<'t>],
    /// How much of the first piece was read.
    offset: usize,
    output: &'t mut [u8],
    written: usize,
    /// How many bytes a write takes at the most; 0 for a host that reads nothing.
    pub write_at_most: usize,
}

impl<'t> Scripted<'t> {
    /// Plays `script` and keeps what is written in `output`; a write that does not fit is refused as [`ErrorKind::Other`].
    pub const fn new(script: &'t [Piece<'t>], output: &'t mut [u8]) -> Self {
        Scripted { script, offset: 0, output, written: 0, write_at_most: usize::MAX }
    }

    /// What was written.
    pub fn output(&self) -> &[u8] {
        self.output.get(..self.written).unwrap_or_default()
    }

    /// Whether the script has been played.
    pub fn is_over(&self) -> bool {
        self.script.is_empty()
    }

    fn next(&mut self) {
        self.script = self.script.get(1..).unwrap_or_default();
        self.offset = 0;
    }
}

impl ErrorType for Scripted<'_> {
    type Error = ErrorKind;
}

impl Read for Scripted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        match self.script.first() {
            None | Some(Piece::Pause) => Err(ErrorKind::Interrupted),
            Some(Piece::HangUp) => {
                self.next();
                Ok(0)
            }
            Some(Piece::Fail(kind)) => {
                self.next();
                Err(*kind)
            }
            Some(Piece::Bytes(bytes)) => {
                let rest = bytes.get(self.offset..).unwrap_or_default();
                let count = rest.len().min(buffer.len());
                for (to, from) in buffer.iter_mut().zip(rest) {
                    *to = *from;
                }
                self.offset = self.offset.saturating_add(count);
                if self.offset == bytes.len() {
                    self.next();
                }
                Ok(count)
            }
        }
    }
}

impl ReadReady for Scripted<'_> {
    fn read_ready(&mut self) -> Result<bool, ErrorKind> {
        match self.script.first() {
            None => Ok(false),
            Some(Piece::Pause) => {
                self.next();
                Ok(false)
            }
            Some(_) => Ok(true),
        }
    }
}

impl Write for Scripted<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        let count = bytes.len().min(self.write_at_most);
        let room = self.output.get_mut(self.written..).unwrap_or_default();
        let (Some(to), Some(from)) = (room.get_mut(..count), bytes.get(..count)) else { return Err(ErrorKind::Other) };
        to.copy_from_slice(from);
        self.written = self.written.saturating_add(count);
        Ok(count)
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

impl WriteReady for Scripted<'_> {
    fn write_ready(&mut self) -> Result<bool, ErrorKind> {
        Ok(self.write_at_most > 0)
    }
}

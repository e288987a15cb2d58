//! Long texts: base64 that does not fit into the request buffer is decoded while it arrives.
//!
//! `buf-b64` goes straight to its file once command and handle are known, so a write of any length needs no more memory
//! than a short one. A text that comes too early, or whose command needs all of it first, goes to the platform's
//! [`Spool`](crate::guest::Spool).
//!
//! Without the feature `long-texts` there are none: a request that does not fit is refused. `file` and `exec` switch it on.

use crate::args::{Members, Text};
use crate::base64::Decoder;
use crate::errno::Errno;
use crate::guest::{FileError, Guest};

/// Which argument of a command may be long, and whether it can be used before the request is complete.
#[derive(Debug)]
pub struct LongArgument<G> {
    /// Its name.
    pub member: &'static str,
    /// How to use it at once; without, it is always spooled.
    pub direct: Option<Direct<G>>,
}

/// Where a long text goes at once.
#[derive(Debug)]
pub struct Direct<G> {
    /// Where the text goes, if the arguments that came before it tell.
    pub target: fn(Members<'_>) -> Option<Target>,
    /// Writes some of it.
    pub write: Write<G>,
}

/// Writes some of a long text to a file; answers how much was taken.
pub type Write<G> = fn(&mut G, i64, &[u8]) -> Result<usize, FileError>;

/// The [`Write`] of a text that only ever goes to the spool.
///
/// # Errors
/// There is no file: `UnknownHandle`.
pub fn no_file<G>(_: &mut G, _: i64, _: &[u8]) -> Result<usize, FileError> {
    Err(FileError::UnknownHandle)
}

/// A file that a text goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its handle.
    pub handle: i64,
    /// How many bytes it takes at the most.
    pub limit: Option<u64>,
}

/// Where a long text went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// To a file.
    File(Target),
    /// To the spool.
    Spool,
}

/// Why the rest of a long text was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LongFailure {
    /// It is not base64.
    NotBase64,
    /// The file did not take it.
    File(FileError),
    /// The spool has no room for it, or failed.
    Spool(Errno),
}

/// A long text on its way.
#[derive(Clone, Copy, Debug)]
pub struct Long {
    /// The argument it is the value of.
    pub member: &'static str,
    /// Where it goes.
    pub place: Place,
    /// How many bytes it came to.
    pub decoded: u64,
    /// How many of them were written to a file.
    pub written: u64,
    /// Why no more is taken.
    pub failure: Option<LongFailure>,
    decoder: Decoder,
    /// No such text can come, so nothing of what is done with one is in the binary.
    #[cfg(not(feature = "long-texts"))]
    #[allow(dead_code)] // its type says it
    never: core::convert::Infallible,
}

impl Long {
    /// A text of which nothing came yet.
    #[cfg(feature = "long-texts")]
    #[inline(never)] // smaller so
    pub const fn new(member: &'static str, place: Place) -> Self {
        Long { member, place, decoded: 0, written: 0, failure: None, decoder: Decoder::new() }
    }

    /// Takes a piece of the text, as it stands in canonical JSON. `write` writes to a file.
    ///
    /// The work is bounded by the length of `text`.
    pub fn take<G: Guest>(&mut self, text: Text<'_>, scratch: &mut [u8], guest: &mut G, write: Write<G>) {
        for mut run in text.runs() {
            while !run.is_empty() && self.failure.is_none() {
                let Ok((used, count)) = self.decoder.decode(run, scratch) else {
                    self.failure = Some(LongFailure::NotBase64);
                    return;
                };
                if used == 0 {
                    return;
                }
                self.put(scratch.get(..count).unwrap_or_default(), guest, write);
                run = run.get(used..).unwrap_or_default();
            }
        }
    }

    /// Takes the last piece of the text: it is complete.
    #[inline(never)] // smaller so
    pub fn finish<G: Guest>(&mut self, last: Text<'_>, scratch: &mut [u8], guest: &mut G, write: Write<G>) {
        self.take(last, scratch, guest, write);
        if self.failure.is_some() {
            return;
        }
        let mut last = [0_u8; 3];
        match self.decoder.finish(&mut last) {
            Ok(count) => self.put(last.get(..count).unwrap_or_default(), guest, write),
            Err(_) => self.failure = Some(LongFailure::NotBase64),
        }
    }

    fn put<G: Guest>(&mut self, bytes: &[u8], guest: &mut G, write: Write<G>) {
        self.decoded = self.decoded.saturating_add(as_u64(bytes.len()));
        match self.place {
            Place::Spool => {
                let appended = guest.spool().map_or(Err(Errno::ENOSYS), |spool| spool.append(bytes));
                if let Err(errno) = appended {
                    self.failure = Some(LongFailure::Spool(errno));
                }
            }
            Place::File(target) => self.write(target, bytes, guest, write),
        }
    }

    /// Writes to the file, up to its limit.
    pub fn write<G: Guest>(&mut self, target: Target, bytes: &[u8], guest: &mut G, write: Write<G>) {
        let left = target.limit.map_or(u64::MAX, |limit| limit.saturating_sub(self.written));
        let mut rest = bytes.get(..usize::try_from(left).unwrap_or(usize::MAX)).unwrap_or(bytes);
        while !rest.is_empty() {
            match write(guest, target.handle, rest) {
                Ok(count) => {
                    self.written = self.written.saturating_add(as_u64(count));
                    rest = rest.get(count..).unwrap_or_default();
                }
                Err(error) => {
                    self.failure = Some(LongFailure::File(error));
                    return;
                }
            }
        }
    }
}

fn as_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

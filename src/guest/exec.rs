//! Programs that run in the guest, with what they read and write kept for them.

use core::ffi::CStr;

use super::Guest;
use crate::errno::Errno;

/// Which standard streams of a program are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Capture {
    /// None.
    #[default]
    Nothing,
    /// Standard output.
    Output,
    /// Standard error.
    Error,
    /// Both, each for itself.
    Separated,
    /// Both, in one stream and in the order in which they were written: [`Stream::Output`].
    Merged,
}

/// A program that is to run. Its texts stand one behind the other, each with a NUL behind it.
#[derive(Clone, Copy, Debug)]
pub struct Execution<'e> {
    /// Its arguments. The first is the program: a file, which is looked for along `PATH` if its name has no slash.
    pub arguments: &'e [u8],
    /// Its environment, `NAME=VALUE` each; `None` for that of the agent.
    pub environment: Option<&'e [u8]>,
    /// Its standard input is what the spool holds; else there is nothing to read.
    pub reads_spool: bool,
    /// Which of its streams are kept.
    pub capture: Capture,
}

impl<'e> Execution<'e> {
    /// The texts of a list.
    pub fn texts(list: &'e [u8]) -> impl Iterator<Item = &'e CStr> {
        let mut rest = list;
        core::iter::from_fn(move || {
            let text = CStr::from_bytes_until_nul(rest).ok()?;
            rest = rest.get(text.count_bytes().saturating_add(1)..)?;
            Some(text)
        })
    }
}

/// Why a program does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartError {
    /// That many run already.
    TooMany(u64),
    /// What all that run were given to read may come to that many bytes, and would come to more.
    TooMuchInput(u64),
    /// What it is to read from or write to can not be had.
    Streams(Errno),
    /// There can be no process for it.
    Create(Errno),
    /// The process can not run it.
    Execute(Errno),
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With this status, 0 to 255.
    Exited(i32),
    /// By this signal.
    Killed(i32),
}

/// A stream that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

/// What was kept of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// How much, in bytes.
    pub length: u64,
    /// There was more.
    pub truncated: bool,
}

/// A program that ended, and whose streams have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    /// How.
    pub ended: Ended,
    /// What it wrote to standard output.
    pub output: Kept,
    /// What it wrote to standard error.
    pub error: Kept,
}

/// How a program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It runs, or another program has its streams.
    Running,
    /// It and its streams have ended.
    Finished(Finished),
}

/// Running programs. A program is known by its number from its start until its end was reported, or until room is needed for
/// another one; where the guest uses a number again, the program that got it last is meant.
pub trait Exec: Guest {
    /// Starts a program and answers its number. What the spool holds is the program's from then on, or lost. `room` is to
    /// work in.
    ///
    /// # Errors
    /// Those of the type; nothing runs then.
    fn start(&mut self, execution: &Execution<'_>, room: &mut [u8]) -> Result<i64, StartError>;

    /// How a program is; `None` if none is known by the number.
    fn status(&mut self, pid: i64) -> Option<Status>;

    /// The program's end begins to be reported: nothing of it is given up now.
    fn begin_report(&mut self, pid: i64);

    /// Reads what was kept of a stream, from `offset` on: all of `buffer` but at its end.
    ///
    /// # Errors
    /// It can not be read.
    fn read_kept(&mut self, pid: i64, stream: Stream, offset: u64, buffer: &mut [u8]) -> Result<usize, Errno>;

    /// The report has ended. If the host has it the program is forgotten.
    fn end_report(&mut self, pid: i64, delivered: bool);
}

//! `guest-file-*`: files of the guest, by handle.
//!
//! Handles are numbers that are never used again; they outlive the client that opened them. Nothing is buffered in the
//! agent: what a write answered for has reached the system.

pub mod close;
pub mod flush;
pub mod open;
pub mod read;
pub mod seek;
pub mod write;

use crate::arguments;
use crate::errno::Errno;
use crate::error;
use crate::error::Error;
use crate::guest::FileError;

arguments! {
    /// `guest-file-close` and `guest-file-flush`.
    pub struct HandleArguments {
        /// The handle.
        "handle" => handle: i64,
    }
}

/// The error of a command that did `what` with a handle.
fn failed<'a>(handle: i64, what: &'static str, error: FileError) -> Error<'a> {
    match error {
        FileError::UnknownHandle => unknown(handle),
        FileError::TooManyFiles(_) => error![what, ": ", Errno::EMFILE],
        FileError::System(errno) => error![what, ": ", errno],
    }
}

/// The error for a handle under which nothing is open.
fn unknown<'a>(handle: i64) -> Error<'a> {
    error!["handle '", handle, "' has not been found"]
}

/// The error for a `count` out of its range.
fn bad_count<'a>(count: i64) -> Error<'a> {
    error!["value '", count, "' is invalid for argument count"]
}

//! `guest-file-seek`: moves the position in a file.
//!
//! Schema 10.0, since 0.15; names for `whence` since 2.6.
//! Arguments: `handle`; `offset` in bytes; `whence`, from where it counts: `set` or 0, the start; `cur` or 1, the position
//! reached; `end` or 2, the end.
//! Returns: `position` in bytes from the start, which may lie behind the end; `eof`, always false.
//! Errors: an unknown handle; another `whence`; `failed to seek file` with the reason.
//! No difference from qemu-ga.
//! Needs [`Files`]; does not run while frozen; no memory.

use super::{failed, unknown};
use crate::args::{Path, Refused, Value, choice, wrong_type};
use crate::command::{Context, Done, Handler, Reply};
use crate::error::Error;
use crate::guest::{Files, Whence};
use crate::{arguments, error};

/// `whence`: a name or a number.
#[derive(Clone, Copy, Debug)]
pub enum WhenceArgument {
    /// One of the three names.
    Name(Whence),
    /// A number, of which three mean something.
    Code(i64),
}

impl<'a> Value<'a> for WhenceArgument {
    fn read(&mut self, json: &'a [u8], path: &Path, refused: &mut Refused<'a>) -> bool {
        match json.first() {
            Some(b'"') => {
                *self = WhenceArgument::Name(match choice(json, path, b"set cur end", refused) {
                    Some(0) => Whence::Start,
                    Some(1) => Whence::Current,
                    Some(_) => Whence::End,
                    None => return false,
                });
                true
            }
            Some(b'-' | b'0'..=b'9') => {
                let mut code = 0_i64;
                let is_good = code.read(json, path, refused);
                *self = WhenceArgument::Code(code);
                is_good
            }
            _ => wrong_type(path, "GuestFileWhence", refused),
        }
    }
}

impl Default for WhenceArgument {
    fn default() -> Self {
        WhenceArgument::Code(0)
    }
}

arguments! {
    /// `guest-file-seek`.
    pub struct SeekArguments {
        /// The handle.
        "handle" => handle: i64,
        /// How far, in bytes.
        "offset" => offset: i64,
        /// From where.
        "whence" => whence: WhenceArgument,
    }
}

/// `guest-file-seek`.
#[derive(Debug)]
pub struct FileSeek;

impl<G: Files + 'static> Handler<G> for FileSeek {
    const NAME: &'static str = "guest-file-seek";
    type Arguments<'a> = SeekArguments;

    fn run<'a>(
        SeekArguments { handle, offset, whence }: SeekArguments,
        context: Context<'a, G>,
        reply: Reply<'_, '_>,
    ) -> Result<Done, Error<'a>> {
        if !context.guest.is_open(handle) {
            return Err(unknown(handle));
        }
        let whence = match whence {
            WhenceArgument::Name(whence) => whence,
            WhenceArgument::Code(0) => Whence::Start,
            WhenceArgument::Code(1) => Whence::Current,
            WhenceArgument::Code(2) => Whence::End,
            WhenceArgument::Code(code) => return Err(error!["invalid whence code ", code]),
        };
        match context.guest.seek(handle, offset, whence) {
            Ok(position) => Ok(reply.object(|object| {
                object.member("position").integer(position);
                object.member("eof").boolean(false);
            })),
            Err(error) => Err(failed(handle, "failed to seek file", error)),
        }
    }
}

//! `guest-file-flush`: hands written data to the system.
//!
//! Schema 10.0, since 0.15.
//! Arguments: `handle`.
//! Returns: nothing.
//! Errors: an unknown handle.
//! Differs from qemu-ga in that there is nothing left to do: every write has reached the system when it is answered
//! (differences.md: write-through). Like qemu-ga, it does not wait for the disk.
//! Needs [`Files`]; does not run while frozen; no memory.

use super::{HandleArguments, unknown};
use crate::command::{Context, Done, Handler, Reply};
use crate::error::Error;
use crate::guest::Files;

/// `guest-file-flush`.
#[derive(Debug)]
pub struct FileFlush;

impl<G: Files + 'static> Handler<G> for FileFlush {
    const NAME: &'static str = "guest-file-flush";
    type Arguments<'a> = HandleArguments;

    fn run<'a>(
        HandleArguments { handle }: HandleArguments,
        context: Context<'a, G>,
        reply: Reply<'_, '_>,
    ) -> Result<Done, Error<'a>> {
        if context.guest.is_open(handle) { Ok(reply.empty()) } else { Err(unknown(handle)) }
    }
}

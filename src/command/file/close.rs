//! `guest-file-close`: closes a file.
//!
//! Schema 10.0, since 0.15.
//! Arguments: `handle`.
//! Returns: nothing.
//! Errors: an unknown handle; `failed to close handle` with the reason. The handle is gone then as well.
//! Differs from qemu-ga where closing fails (differences.md: close-drops-handle).
//! Needs [`Files`]; does not run while frozen; no memory.

use super::{HandleArguments, failed};
use crate::command::{Context, Done, Handler, Reply};
use crate::error::Error;
use crate::guest::Files;

/// `guest-file-close`.
#[derive(Debug)]
pub struct FileClose;

impl<G: Files + 'static> Handler<G> for FileClose {
    const NAME: &'static str = "guest-file-close";
    type Arguments<'a> = HandleArguments;

    fn run<'a>(
        HandleArguments { handle }: HandleArguments,
        context: Context<'a, G>,
        reply: Reply<'_, '_>,
    ) -> Result<Done, Error<'a>> {
        match context.guest.close(handle) {
            Ok(()) => Ok(reply.empty()),
            Err(error) => Err(failed(handle, "failed to close handle", error)),
        }
    }
}

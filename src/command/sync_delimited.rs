//! `guest-sync-delimited`: as `guest-sync`, with the byte FF before the reply.
//!
//! Schema 10.0, since 1.1. A client sends FF first, which ends whatever half request is under way, and skips what it
//! reads up to the FF of the reply.
//! Arguments: `id`, any 64-bit integer.
//! Returns: `id`. The FF is sent only with a successful reply.
//! Errors: none but those of the arguments.
//! No difference from qemu-ga.
//! Needs nothing; runs while frozen; no memory.

use super::sync::SyncArguments;
use super::{Context, Done, Flags, Handler, Reply};
use crate::error::Error;

/// `guest-sync-delimited`.
#[derive(Debug)]
pub struct SyncDelimited;

impl<G: 'static> Handler<G> for SyncDelimited {
    const NAME: &'static str = "guest-sync-delimited";
    const FLAGS: Flags = Flags { delimited: true, ..Flags::WHILE_FROZEN };
    type Arguments<'a> = SyncArguments;

    fn run<'a>(arguments: SyncArguments, _: Context<'a, G>, reply: Reply<'_, '_>) -> Result<Done, Error<'a>> {
        Ok(reply.integer(arguments.id))
    }
}

//! `guest-sync`: echoes a number, so that a client knows which replies are its own.
//!
//! Schema 10.0, since 0.15.
//! Arguments: `id`, any 64-bit integer.
//! Returns: `id`.
//! Errors: none but those of the arguments.
//! No difference from qemu-ga.
//! Needs nothing; runs while frozen; no memory.

use super::{Context, Done, Flags, Handler, Reply};
use crate::arguments;
use crate::error::Error;

arguments! {
    /// `guest-sync` and `guest-sync-delimited`.
    pub struct SyncArguments {
        /// The number to echo.
        "id" => id: i64,
    }
}

/// `guest-sync`.
#[derive(Debug)]
pub struct Sync;

impl<G: 'static> Handler<G> for Sync {
    const NAME: &'static str = "guest-sync";
    const FLAGS: Flags = Flags::WHILE_FROZEN;
    type Arguments<'a> = SyncArguments;

    fn run<'a>(arguments: SyncArguments, _: Context<'a, G>, reply: Reply<'_, '_>) -> Result<Done, Error<'a>> {
        Ok(reply.integer(arguments.id))
    }
}

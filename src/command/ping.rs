//! `guest-ping`: answers.
//!
//! Schema 10.0, since 0.15.
//! Arguments: none.
//! Returns: nothing.
//! Errors: none but those of the arguments.
//! No difference from qemu-ga.
//! Needs nothing; runs while frozen; no memory.

use super::{Context, Done, Flags, Handler, Reply};
use crate::args::NoArguments;
use crate::error::Error;

/// `guest-ping`.
#[derive(Debug)]
pub struct Ping;

impl<G: 'static> Handler<G> for Ping {
    const NAME: &'static str = "guest-ping";
    const FLAGS: Flags = Flags::WHILE_FROZEN;
    type Arguments<'a> = NoArguments;

    fn run<'a>(_: NoArguments, _: Context<'a, G>, reply: Reply<'_, '_>) -> Result<Done, Error<'a>> {
        Ok(reply.empty())
    }
}

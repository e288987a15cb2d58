//! `guest-fsfreeze-status`: whether file systems are frozen.
//!
//! Schema 10.0, since 0.15.
//! Arguments: none.
//! Returns: `thawed` or `frozen`. It is what the agent knows: file systems that somebody else froze do not count.
//! Errors: none but those of the arguments.
//! Differs from qemu-ga in that it restarts the time after which the agent ends the freeze by itself (differences.md:
//! freeze-timeout).
//! Needs [`Freeze`]; runs while frozen.

use crate::args::NoArguments;
use crate::command::{Context, Done, Flags, Handler, Reply};
use crate::error::Error;
use crate::guest::Freeze;

/// `guest-fsfreeze-status`.
#[derive(Debug)]
pub struct FsfreezeStatus;

impl<G: Freeze + 'static> Handler<G> for FsfreezeStatus {
    const NAME: &'static str = "guest-fsfreeze-status";
    const FLAGS: Flags = Flags::WHILE_FROZEN;
    type Arguments<'a> = NoArguments;

    fn run<'a>(_: NoArguments, context: Context<'a, G>, reply: Reply<'_, '_>) -> Result<Done, Error<'a>> {
        Ok(reply.text(if context.guest.is_frozen() { b"frozen" } else { b"thawed" }))
    }
}

//! `guest-fsfreeze-freeze`: freezes all file systems that can be frozen.
//!
//! Schema 10.0, since 0.15.
//! Arguments: none.
//! Returns: how many were frozen. File systems that know no freezing, or are frozen already, are passed over; if none is
//! left, nothing is frozen.
//! Errors: `failed to open P: ERRNO` and `failed to freeze P: ERRNO` of the place P; `failed to open mtab file:
//! '/proc/self/mounts': ERRNO`; more file systems than there is room for, with the limit; those of the hook, beginning with
//! `child process has`. Nothing is frozen then.
//! Differs from qemu-ga in that the agent ends the freeze by itself after a time, and that the thaw hook is run whenever
//! the freeze hook was; and by its order, its limit and a `/proc` of its own (differences.md: freeze-timeout, freeze-hook,
//! freeze-order, freeze-limit, proc-not-mounted).
//! Needs [`Freeze`]; does not run while frozen; works in the scratch room.

use super::answer;
use crate::args::NoArguments;
use crate::command::{Context, Done, Handler, Reply};
use crate::error::Error;
use crate::guest::Freeze;

/// `guest-fsfreeze-freeze`.
#[derive(Debug)]
pub struct FsfreezeFreeze;

impl<G: Freeze + 'static> Handler<G> for FsfreezeFreeze {
    const NAME: &'static str = "guest-fsfreeze-freeze";
    type Arguments<'a> = NoArguments;

    fn run<'a>(_: NoArguments, context: Context<'a, G>, reply: Reply<'_, '_>) -> Result<Done, Error<'a>> {
        let result = context.guest.freeze(None, context.scratch);
        answer(result, context.scratch, reply)
    }
}

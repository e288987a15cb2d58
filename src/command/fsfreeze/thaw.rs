//! `guest-fsfreeze-thaw`: thaws all file systems.
//!
//! Schema 10.0, since 0.15.
//! Arguments: none.
//! Returns: how many were frozen, by whomever; 0 if none was, which is no error.
//! Errors: `file systems were thawed by the agent after N s`, once, if the freeze lasted too long; those of the hook,
//! beginning with `child process has`, although everything is thawed; `failed to open mtab file: '/proc/self/mounts': ERRNO`.
//! Differs from qemu-ga in that a file system is thawed that is not mounted where it was, and by the first of the errors
//! (differences.md: freeze-timeout, thaw-what-was-frozen).
//! Needs [`Freeze`]; runs while frozen; works in the scratch room.

use super::answer;
use crate::args::NoArguments;
use crate::command::{Context, Done, Flags, Handler, Reply};
use crate::error::Error;
use crate::guest::Freeze;

/// `guest-fsfreeze-thaw`.
#[derive(Debug)]
pub struct FsfreezeThaw;

impl<G: Freeze + 'static> Handler<G> for FsfreezeThaw {
    const NAME: &'static str = "guest-fsfreeze-thaw";
    const FLAGS: Flags = Flags::WHILE_FROZEN;
    type Arguments<'a> = NoArguments;

    fn run<'a>(_: NoArguments, context: Context<'a, G>, reply: Reply<'_, '_>) -> Result<Done, Error<'a>> {
        let result = context.guest.thaw(context.scratch);
        answer(result, context.scratch, reply)
    }
}

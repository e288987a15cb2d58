//! `guest-suspend-ram`, `guest-suspend-disk`, `guest-suspend-hybrid`: put the guest to sleep.
//!
//! Schema 10.0, since 1.1.
//! Arguments: none.
//! Returns: no reply at all when it succeeds, nor after the guest wakes up. Replies that were not sent yet are sent first.
//! The next request is answered when the guest is awake.
//! Errors: class CommandNotFound with what the guest lacks; `suspend`, with what failed and the reason; `the
//! helper program 'P' returned an unexpected exit status code (N)`. Of a guest that only
//! says when it is asked to sleep, `the requested suspend mode is not supported by the guest`, with what it lacks.
//! Differs from qemu-ga in that no helper program is needed (differences.md: suspend-no-helper), and in that guest-info tells
//! which of them can not work (differences.md: command-that-can-not-work).
//! Needs [`Suspend`]; does not run while frozen; no memory.

use super::{Context, Done, Flags, Handler, Obstacle, Reply};
use crate::args::NoArguments;
use crate::error;
use crate::error::Error;
use crate::guest::{Sleep, SleepError, Suspend};

/// `guest-suspend-ram`.
#[derive(Debug)]
pub struct SuspendRam;

/// `guest-suspend-disk`.
#[derive(Debug)]
pub struct SuspendDisk;

/// `guest-suspend-hybrid`.
#[derive(Debug)]
pub struct SuspendHybrid;

fn suspend<'a, G: Suspend>(how: Sleep, guest: &mut G, reply: Reply<'_, '_>) -> Result<Done, Error<'a>> {
    match guest.suspend(how) {
        Ok(()) => Ok(reply.empty()),
        Err(SleepError::Missing(what)) => {
            Err(error!["the requested suspend mode is not supported by the guest: ", what])
        }
        Err(SleepError::Failed(what, errno)) => Err(error!["suspend: ", what, ": ", errno]),
        Err(SleepError::Refused(program, status)) => {
            let status = i64::from(status);
            Err(error!["the helper program '", program, "' returned an unexpected exit status code (", status, ")"])
        }
    }
}

macro_rules! suspend_commands {
    ($($command:ident is $name:literal, $how:ident;)+) => {
        $(impl<G: Suspend + 'static> Handler<G> for $command {
            const NAME: &'static str = $name;
            const FLAGS: Flags = Flags { silent: true, flush_first: true, ..Flags::NONE };
            const OBSTACLE: Option<Obstacle<G>> = Some(|guest| guest.sleep_obstacle(Sleep::$how));
            type Arguments<'a> = NoArguments;

            fn run<'a>(_: NoArguments, context: Context<'a, G>, reply: Reply<'_, '_>) -> Result<Done, Error<'a>> {
                suspend(Sleep::$how, context.guest, reply)
            }
        })+
    };
}

suspend_commands! {
    SuspendRam is "guest-suspend-ram", Ram;
    SuspendDisk is "guest-suspend-disk", Disk;
    SuspendHybrid is "guest-suspend-hybrid", Hybrid;
}

//! `guest-get-time`: the time of day in the guest.
//!
//! Schema 10.0, since 1.5.
//! Arguments: none.
//! Returns: nanoseconds since 1970-01-01 00:00:00 UTC.
//! Errors: `Failed to get time`, with the reason.
//! Differs from qemu-ga by its resolution, which is that of the clock and not a microsecond.
//! Needs [`Clock`]; does not run while frozen; no memory.

use super::{Context, Done, Handler, Reply};
use crate::args::NoArguments;
use crate::error;
use crate::error::Error;
use crate::guest::Clock;

/// `guest-get-time`.
#[derive(Debug)]
pub struct GetTime;

impl<G: Clock + 'static> Handler<G> for GetTime {
    const NAME: &'static str = "guest-get-time";
    type Arguments<'a> = NoArguments;

    fn run<'a>(_: NoArguments, context: Context<'a, G>, reply: Reply<'_, '_>) -> Result<Done, Error<'a>> {
        match context.guest.real_time_ns() {
            Ok(time) => Ok(reply.integer(time)),
            Err(errno) => Err(error!["Failed to get time: ", errno]),
        }
    }
}

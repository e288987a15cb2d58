//! `guest-set-time`: sets the time of day in the guest.
//!
//! Schema 10.0, since 1.5.
//! Arguments: `time`, nanoseconds since 1970-01-01 00:00:00 UTC, up to the end of 2069; without it the time is taken from
//! the clock that runs while the machine is off.
//! Returns: nothing. With `time`, that clock is set as well, where there is one.
//! Errors: a time out of range; `Failed to set time to guest` with the reason; without `time`, no clock to take it from, or
//! one that fails; with it, a clock that is there but fails: the time of day has been set then.
//! Differs from qemu-ga in that no helper program is needed, and that a guest without such a clock is set all the same
//! (differences.md: set-time-rtc).
//! Needs [`SetClock`]; does not run while frozen; no memory.

use super::{Context, Done, Handler, Reply};
use crate::error::Error;
use crate::guest::{RtcError, SetClock};
use crate::{arguments, error};

arguments! {
    /// `guest-set-time`.
    pub struct SetTimeArguments {
        /// The time, in nanoseconds.
        "time" => time: Option<i64>,
    }
}

/// The first second of 2070: what comes from there on is taken for a mistake, as qemu-ga does.
const END_S: i64 = 3_155_760_000;
const NANOSECONDS: i64 = 1_000_000_000;

/// `guest-set-time`.
#[derive(Debug)]
pub struct SetTime;

impl<G: SetClock + 'static> Handler<G> for SetTime {
    const NAME: &'static str = "guest-set-time";
    type Arguments<'a> = SetTimeArguments;

    fn run<'a>(arguments: SetTimeArguments, context: Context<'a, G>, reply: Reply<'_, '_>) -> Result<Done, Error<'a>> {
        let guest = context.guest;
        let time_ns = match arguments.time {
            Some(time_ns) => time_ns,
            None => match guest.rtc_time_s() {
                Ok(time_s) => time_s.saturating_mul(NANOSECONDS),
                Err(RtcError::Missing) => return Err(error!["no hardware clock to take the time from: no /dev/rtc0"]),
                Err(RtcError::System(errno)) => return Err(error!["failed to read the hardware clock: ", errno]),
            },
        };
        let time_s = time_ns.div_euclid(NANOSECONDS);
        if !(0..END_S).contains(&time_s) {
            return Err(error!["Invalid time"]);
        }
        if let Err(errno) = guest.set_real_time_ns(time_ns) {
            return Err(error!["Failed to set time to guest: ", errno]);
        }
        if arguments.time.is_some()
            && let Err(RtcError::System(errno)) = guest.set_rtc_time_s(time_s)
        {
            return Err(error!["the time is set, but the hardware clock is not: ", errno]);
        }
        Ok(reply.empty())
    }
}

//! `guest-get-timezone`: the time zone of the guest.
//!
//! Schema 10.0, since 2.10.
//! Arguments: none.
//! Returns: `zone`, its name at this moment, such as `CEST`; `offset`, seconds east of UTC, summer time included.
//! Errors: `Couldn't retrieve local timezone`, with the reason.
//! Differs from qemu-ga where /etc/localtime is a plain file, which qemu-ga takes for UTC (differences.md: timezone-file).
//! Needs [`TimeZone`] and [`Clock`]; does not run while frozen; the zone's file is read into the scratch room.

use super::{Context, Done, Handler, Reply};
use crate::args::NoArguments;
use crate::error;
use crate::error::Error;
use crate::guest::{Clock, TimeZone};

/// `guest-get-timezone`.
#[derive(Debug)]
pub struct GetTimezone;

impl<G: Clock + TimeZone + 'static> Handler<G> for GetTimezone {
    const NAME: &'static str = "guest-get-timezone";
    type Arguments<'a> = NoArguments;

    fn run<'a>(_: NoArguments, context: Context<'a, G>, reply: Reply<'_, '_>) -> Result<Done, Error<'a>> {
        let Context { guest, scratch, .. } = context;
        let time = guest.real_time_ns().map(|time_ns| time_ns.div_euclid(1_000_000_000));
        match time.and_then(|time_s| guest.local_time(time_s, scratch)) {
            Ok(local) => Ok(reply.object(|object| {
                object.member("zone").text(local.abbreviation);
                object.member("offset").integer(i64::from(local.offset_s));
            })),
            Err(errno) => Err(error!["Couldn't retrieve local timezone: ", errno]),
        }
    }
}

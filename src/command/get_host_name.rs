//! `guest-get-host-name`: the name of the guest.
//!
//! Schema 10.0, since 2.10.
//! Arguments: none.
//! Returns: `host-name`, as gethostname(2) gives it.
//! Errors: `cannot get hostname`, with the reason.
//! No difference from qemu-ga.
//! Needs [`HostName`]; does not run while frozen; the name is put into the scratch room.

use super::{Context, Done, Handler, Reply};
use crate::args::NoArguments;
use crate::error;
use crate::error::Error;
use crate::guest::HostName;

/// `guest-get-host-name`.
#[derive(Debug)]
pub struct GetHostName;

impl<G: HostName + 'static> Handler<G> for GetHostName {
    const NAME: &'static str = "guest-get-host-name";
    type Arguments<'a> = NoArguments;

    fn run<'a>(_: NoArguments, context: Context<'a, G>, reply: Reply<'_, '_>) -> Result<Done, Error<'a>> {
        match context.guest.host_name(context.scratch) {
            Ok(name) => Ok(reply.object(|object| object.member("host-name").text(name))),
            Err(errno) => Err(error!["cannot get hostname: ", errno]),
        }
    }
}

//! `guest-shutdown`: stops the guest.
//!
//! Schema 10.0, since 0.15.
//! Arguments: `mode`: `powerdown` (the default), `halt` or `reboot`.
//! Returns: no reply at all when it succeeds. Replies that were not sent yet are sent first.
//! Errors: another mode; a guest that cannot be stopped, with the reason.
//! Differs from qemu-ga in that no helper program is needed.
//! Needs [`Power`]; does not run while frozen; no memory.

use super::{Context, Done, Flags, Handler, Reply};
use crate::args::Text;
use crate::error::Error;
use crate::guest::{Power, Shutdown as How};
use crate::{arguments, error};

arguments! {
    /// `guest-shutdown`.
    pub struct ShutdownArguments<'a> {
        /// How to stop.
        "mode" => mode: Option<Text<'a>>,
    }
}

/// `guest-shutdown`.
#[derive(Debug)]
pub struct Shutdown;

impl<G: Power + 'static> Handler<G> for Shutdown {
    const NAME: &'static str = "guest-shutdown";
    const FLAGS: Flags = Flags { silent: true, flush_first: true, ..Flags::NONE };
    type Arguments<'a> = ShutdownArguments<'a>;

    fn run<'a>(
        arguments: ShutdownArguments<'a>,
        context: Context<'a, G>,
        reply: Reply<'_, '_>,
    ) -> Result<Done, Error<'a>> {
        let how = match arguments.mode.map_or(Some(0), |mode| mode.position(b"powerdown halt reboot")) {
            Some(0) => How::PowerDown,
            Some(1) => How::Halt,
            Some(2) => How::Reboot,
            _ => return Err(error!["mode is invalid (valid values are: halt|powerdown|reboot"]),
        };
        match context.guest.shut_down(how) {
            Ok(()) => Ok(reply.empty()),
            Err(errno) => Err(error!["failed to shut down: ", errno]),
        }
    }
}

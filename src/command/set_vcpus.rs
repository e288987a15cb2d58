//! `guest-set-vcpus`: takes processors into use and out of it.
//!
//! Schema 10.0, since 1.5.
//! Arguments: `vcpus`, a list of `logical-id`, `online`, and `can-offline`, which is not looked at.
//! Returns: how many elements of the list were done, from its start on; one that is in its state already counts. The
//! list ends at the first that fails, which is told as an error only if nothing was done before it: a client that gets
//! fewer than it asked for asks again for the rest, and is told then.
//! Errors: `logical processor #N can't be offlined` for one that has no switch; the file that can not be opened, read or
//! written, with the reason: `No such file or directory` for an unknown processor.
//! Differs from qemu-ga in that `/sys` need not be mounted (differences.md: sys-not-mounted).
//! Needs [`Cpus`]; does not run while frozen; the list stays in the request and takes no memory of its own.

use super::get_vcpus::told;
use super::{Context, Done, Handler, Obstacle, Reply};
use crate::args::List;
use crate::arguments;
use crate::error::Error;
use crate::guest::Cpus;

arguments! {
    /// A processor, and the state it is to have.
    pub struct CpuArgument {
        /// Its number.
        "logical-id" => id: i64,
        /// Whether it is to be in use.
        "online" => online: bool,
        /// As guest-get-vcpus tells it; here it means nothing.
        "can-offline" => can_offline: Option<bool>,
    }
}

arguments! {
    /// `guest-set-vcpus`.
    pub struct SetVcpusArguments<'a> {
        /// The processors.
        "vcpus" => vcpus: List<'a, CpuArgument>,
    }
}

/// `guest-set-vcpus`.
#[derive(Debug)]
pub struct SetVcpus;

impl<G: Cpus + 'static> Handler<G> for SetVcpus {
    const NAME: &'static str = "guest-set-vcpus";
    const OBSTACLE: Option<Obstacle<G>> = Some(G::cpus_obstacle);
    type Arguments<'a> = SetVcpusArguments<'a>;

    fn run<'a>(
        SetVcpusArguments { vcpus }: SetVcpusArguments<'a>,
        context: Context<'a, G>,
        reply: Reply<'_, '_>,
    ) -> Result<Done, Error<'a>> {
        let mut done = 0_i64;
        for cpu in vcpus.elements() {
            match context.guest.set_cpu(cpu.id, cpu.online) {
                Ok(()) => done = done.saturating_add(1),
                Err(error) if done == 0 => return Err(told(error)),
                Err(_) => break,
            }
        }
        Ok(reply.integer(done))
    }
}

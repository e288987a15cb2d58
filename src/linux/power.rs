//! Stopping the machine: PID 1 is asked where it listens; where it does not, or does nothing in time, the agent does it.
//! Putting the machine to sleep is in `suspend`.

mod force;
mod init;
mod suspend;

use super::Linux;
use super::log::Level;
use crate::errno::Errno;
use crate::error::Part;
use crate::guest::{Power, Shutdown};
use crate::sys::{power, system};

/// What is under way.
#[derive(Debug)]
pub struct PowerState {
    timeout_s: u32,
    /// When PID 1 has had its time, and what it was to do.
    due: Option<(i64, Shutdown)>,
}

impl PowerState {
    /// Nothing under way. PID 1 will have `timeout_s` seconds.
    pub const fn new(timeout_s: u32) -> Self {
        PowerState { timeout_s, due: None }
    }

    /// When PID 1 has had its time, in nanoseconds since boot.
    pub fn deadline_ns(&self) -> Option<i64> {
        self.due.map(|(at_ns, _)| at_ns)
    }
}

impl Power for Linux {
    fn shut_down(&mut self, how: Shutdown) -> Result<(), Errno> {
        power::is_allowed()?;
        if let Some(name) = init::ask(&mut self.proc, how) {
            self.log.write(Level::Info, &[Part::Words("shutdown: asked "), Part::Words(name)]);
            let timeout_ns = i64::from(self.power.timeout_s).wrapping_mul(1_000_000_000);
            self.power.due = Some((system::boot_time_ns()?.wrapping_add(timeout_ns), how));
            return Ok(());
        }
        self.log.write(Level::Info, &[Part::Words("shutdown: PID 1 does not listen, stopping the machine here")]);
        force::stop(&mut self.proc, how)
    }
}

impl Linux {
    /// Stops the machine, if PID 1 was to and has not in its time.
    pub fn force_shutdown_if_due(&mut self, now_ns: i64) {
        let Some((_, how)) = self.power.due.take_if(|(at_ns, _)| *at_ns <= now_ns) else { return };
        // What is frozen can not be written out.
        #[cfg(feature = "freeze")]
        self.thaw_by_itself("the machine is to stop");
        self.log.write(Level::Warning, &[Part::Words("shutdown: PID 1 did nothing, stopping the machine here")]);
        if let Err(errno) = force::stop(&mut self.proc, how) {
            self.log.write(Level::Error, &[Part::Words("shutdown failed: "), Part::Errno(errno)]);
        }
    }
}

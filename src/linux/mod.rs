//! The Linux platform, in safe code: the capabilities over `/proc`, `/sys` and system calls, the line to the host, the
//! options, and the loop that waits.

mod calendar;
pub mod channel;
pub mod clock;
#[cfg(feature = "cpu-memory")]
pub mod cpus;
pub mod device;
#[cfg(feature = "inventory")]
pub mod disks;
#[cfg(feature = "inventory")]
pub mod file_systems;
pub mod files;
pub mod line;
pub mod lines;
pub mod log;
#[cfg(feature = "cpu-memory")]
pub mod memory_blocks;
#[cfg(any(feature = "freeze", feature = "inventory"))]
pub mod mount_list;
pub mod mounts;
#[cfg(feature = "network")]
pub mod netlink;
#[cfg(feature = "network")]
pub mod network;
#[cfg(feature = "cpu-memory")]
pub mod numbered;
pub mod options;
pub mod path;
pub mod port;
pub mod posix_zone;
#[cfg(feature = "power")]
pub mod power;
pub mod pseudo;
pub mod run;
pub mod spool;
pub mod start;
pub mod system;
pub mod table;
pub mod timezone;
#[cfg(feature = "freeze")]
pub mod trim;
pub mod tzif;

use crate::guest::{Guest, Spool};
use files::FileTable;
use log::Log;
use pseudo::Pseudo;
use spool::MemorySpool;

/// A Linux guest.
#[derive(Debug)]
pub struct Linux {
    pub(crate) files: FileTable,
    spool: MemorySpool,
    /// `/proc`, mounted or not.
    #[cfg_attr(not(any(feature = "freeze", feature = "inventory", feature = "power")), allow(dead_code))]
    // then nothing reads it
    pub(crate) proc: Pseudo,
    /// `/sys`, mounted or not.
    pub(crate) sys: Pseudo,
    #[cfg(feature = "network")]
    pub(crate) interfaces: Option<network::Interfaces>,
    #[cfg(feature = "power")]
    pub(crate) power: power::PowerState,
    /// Where messages go.
    pub log: Log,
}

impl Linux {
    /// The guest that this process runs in. `shutdown_timeout_s` is how long PID 1 has to stop the machine.
    pub fn new(log: Log, shutdown_timeout_s: u32) -> Self {
        let _ = shutdown_timeout_s;
        Linux {
            files: FileTable::new(crate::sys::system::boot_time_ns().unwrap_or(0)),
            spool: MemorySpool::new(),
            proc: Pseudo::proc(),
            sys: Pseudo::sys(),
            #[cfg(feature = "network")]
            interfaces: None,
            #[cfg(feature = "power")]
            power: power::PowerState::new(shutdown_timeout_s),
            log,
        }
    }

    /// When something is to be done though nothing happens, in nanoseconds of the time since boot.
    pub fn deadline_ns(&self) -> Option<i64> {
        #[cfg(feature = "power")]
        return self.power.deadline_ns();
        #[cfg(not(feature = "power"))]
        None
    }

    /// Does what is due at `now_ns`.
    pub fn run_deadlines(&mut self, now_ns: i64) {
        #[cfg(feature = "power")]
        self.force_shutdown_if_due(now_ns);
        #[cfg(not(feature = "power"))]
        let _ = now_ns;
    }
}

impl Guest for Linux {
    fn spool(&mut self) -> Option<&mut dyn Spool> {
        Some(&mut self.spool)
    }
}

//! The Linux platform, in safe code: the capabilities over `/proc`, `/sys` and system calls, the line to the host, the
//! options, and the loop that waits.

#[cfg(feature = "accounts")]
pub mod account_failure;
#[cfg(feature = "accounts")]
pub mod account_files;
#[cfg(feature = "accounts")]
pub mod account_locks;
#[cfg(feature = "accounts")]
pub mod accounts;
#[cfg(all(test, feature = "accounts"))]
mod accounts_scene;
#[cfg(feature = "accounts")]
pub mod authorized_keys;
#[cfg(feature = "inventory")]
pub mod block_devices;
mod calendar;
pub mod channel;
#[cfg(feature = "check")]
pub mod check;
#[cfg(feature = "exec")]
pub mod children;
pub mod clock;
pub mod complaint;
#[cfg(feature = "cpu-memory")]
pub mod cpus;
pub mod device;
#[cfg(feature = "inventory")]
pub mod disks;
#[cfg(feature = "accounts")]
pub mod entry;
#[cfg(feature = "exec")]
pub mod exec;
#[cfg(feature = "inventory")]
pub mod file_systems;
pub mod files;
#[cfg(feature = "freeze")]
pub mod freeze;
#[cfg(any(feature = "freeze", feature = "power"))]
pub mod helper;
#[cfg(feature = "accounts")]
pub mod home;
pub mod line;
pub mod lines;
pub mod log;
#[cfg(feature = "accounts")]
pub mod logins;
#[cfg(feature = "cpu-memory")]
pub mod memory_blocks;
#[cfg(any(feature = "freeze", feature = "inventory"))]
pub mod mount_list;
pub mod mounts;
#[cfg(feature = "network")]
pub mod netlink;
#[cfg(feature = "network")]
pub mod network;
#[cfg(feature = "accounts")]
pub mod new_file;
#[cfg(feature = "cpu-memory")]
pub mod numbered;
pub mod options;
#[cfg(any(feature = "daemon", feature = "log"))]
pub mod own_files;
#[cfg(feature = "accounts")]
pub mod passwords;
pub mod path;
#[cfg(any(feature = "accounts", feature = "daemon", feature = "log"))]
pub mod pid_file;
pub mod port;
pub mod posix_zone;
#[cfg(feature = "power")]
pub mod power;
pub mod print;
#[cfg(any(feature = "inventory", feature = "network"))]
mod proc_lines;
pub mod pseudo;
#[cfg(feature = "network")]
pub mod routes;
pub mod run;
#[cfg(feature = "accounts")]
pub mod sha512_crypt;
#[cfg(feature = "long-texts")]
pub mod spool;
pub mod start;
#[cfg(feature = "inventory")]
pub mod statistics;
pub mod system;
pub mod table;
pub mod timezone;
#[cfg(feature = "freeze")]
pub mod trim;
pub mod tzif;

#[cfg(feature = "long-texts")]
use crate::guest::Spool;
use crate::guest::{Flags, Guest};
use crate::sys::fd::Fd;
use files::FileTable;
use log::Log;
use options::{Lists, Options};
#[cfg(any(feature = "daemon", feature = "log"))]
use own_files::OwnFiles;
use pseudo::Pseudo;
#[cfg(feature = "long-texts")]
use spool::MemorySpool;

/// Room for what is kept in large lists. It is lent, in the binary's zero-initialised data, because on the stack all pages of
/// it would be touched.
#[derive(Debug)]
pub struct Rooms {
    files: files::Room,
    #[cfg(feature = "exec")]
    children: children::Room,
    #[cfg(feature = "freeze")]
    held: freeze::HeldRoom,
}

impl Rooms {
    /// Nothing is kept.
    pub const fn new() -> Self {
        Rooms {
            files: files::Room::new(),
            #[cfg(feature = "exec")]
            children: children::Room::new(),
            #[cfg(feature = "freeze")]
            held: freeze::HeldRoom::new(),
        }
    }
}

impl Default for Rooms {
    fn default() -> Self {
        Self::new()
    }
}

/// A Linux guest.
#[derive(Debug)]
pub struct Linux {
    pub(crate) files: FileTable,
    #[cfg(feature = "long-texts")]
    spool: MemorySpool,
    /// `/proc`, mounted or not.
    // Only commands of these groups read it.
    #[cfg_attr(
        not(any(feature = "freeze", feature = "inventory", feature = "network", feature = "power")),
        allow(dead_code)
    )]
    pub(crate) proc: Pseudo,
    /// `/sys`, mounted or not.
    pub(crate) sys: Pseudo,
    #[cfg(feature = "exec")]
    pub(crate) children: children::Children,
    #[cfg(feature = "network")]
    pub(crate) interfaces: Option<network::Interfaces>,
    #[cfg(any(feature = "inventory", feature = "network"))]
    pub(crate) told: Option<proc_lines::Told>,
    #[cfg(feature = "power")]
    pub(crate) power: power::PowerState,
    #[cfg(feature = "freeze")]
    pub(crate) freeze: freeze::FreezeState,
    #[cfg(any(feature = "daemon", feature = "log"))]
    pub(crate) own_files: OwnFiles,
    /// The commands that may not run.
    pub lists: Lists,
    /// Where messages go.
    pub log: Log,
}

impl Linux {
    /// The guest that this process runs in.
    pub fn new(log: Log, options: &Options, rooms: &'static mut Rooms) -> Self {
        #[cfg_attr(not(feature = "freeze"), allow(unused_mut))] // it is as it should be
        let mut linux = Linux {
            files: FileTable::new(crate::sys::system::boot_time_ns().unwrap_or(0), &mut rooms.files),
            #[cfg(feature = "long-texts")]
            spool: MemorySpool::new(),
            proc: Pseudo::proc(),
            sys: Pseudo::sys(),
            #[cfg(feature = "exec")]
            children: children::Children::new(&mut rooms.children),
            #[cfg(feature = "network")]
            interfaces: None,
            #[cfg(any(feature = "inventory", feature = "network"))]
            told: None,
            #[cfg(feature = "power")]
            power: power::PowerState::new(options.shutdown_timeout_s),
            #[cfg(feature = "freeze")]
            freeze: freeze::FreezeState::new(options, &mut rooms.held),
            #[cfg(any(feature = "daemon", feature = "log"))]
            own_files: OwnFiles::new(options),
            lists: options.lists,
            log,
        };
        #[cfg(feature = "freeze")]
        linux.log.mute(linux.freeze.is_frozen());
        linux
    }

    /// As [`Linux::new`], for a test.
    #[cfg(test)]
    pub(crate) fn for_test(options: &Options) -> Self {
        Self::new(Log::new(None, false), options, Box::leak(Box::default()))
    }

    /// When something is to be done though nothing happens, in nanoseconds of the time since boot.
    pub fn deadline_ns(&self) -> Option<i64> {
        let earliest_ns = None;
        #[cfg(feature = "freeze")]
        let earliest_ns = earlier(earliest_ns, self.freeze.deadline_ns());
        #[cfg(feature = "power")]
        let earliest_ns = earlier(earliest_ns, self.power.deadline_ns());
        earliest_ns
    }

    /// Does what is due at `now_ns`.
    pub fn run_deadlines(&mut self, now_ns: i64) {
        #[cfg(feature = "freeze")]
        self.end_freeze_if_due(now_ns);
        #[cfg(feature = "power")]
        self.force_shutdown_if_due(now_ns);
        let _ = now_ns;
    }
}

/// The earlier of two times, either of which may never come.
pub(crate) fn earlier(one_ns: Option<i64>, other_ns: Option<i64>) -> Option<i64> {
    match (one_ns, other_ns) {
        (Some(one_ns), Some(other_ns)) => Some(one_ns.min(other_ns)),
        (one_ns, other_ns) => one_ns.or(other_ns),
    }
}

impl Linux {
    /// Can be read while programs that guest-exec started have something for [`Linux::attend_children`].
    pub fn child_events(&self) -> Option<&Fd> {
        #[cfg(feature = "exec")]
        return self.children.events();
        #[cfg(not(feature = "exec"))]
        None
    }

    /// Takes what those programs wrote, and the ends of processes that have ended.
    pub fn attend_children(&mut self) {
        #[cfg(feature = "exec")]
        {
            self.children.take_output();
            self.children.reap();
        }
    }
}

impl Guest for Linux {
    /// While file systems are frozen, what may run is another matter than the lists.
    fn refusal(&self, name: &str, flags: Flags) -> Option<&'static str> {
        #[cfg(feature = "freeze")]
        let may_run = if self.freeze.is_frozen() { flags.while_frozen } else { self.lists.allow(name) };
        #[cfg(not(feature = "freeze"))]
        let may_run = self.lists.allow(name);
        let _ = flags;
        (!may_run).then_some("the command is not allowed")
    }

    fn called(&mut self, name: &'static str) {
        self.log.called(name);
    }

    #[cfg(feature = "long-texts")]
    fn spool(&mut self) -> Option<&mut dyn Spool> {
        Some(&mut self.spool)
    }
}

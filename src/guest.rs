//! What a platform can do: small capability traits. A row of the command table compiles only for a platform that has
//! the traits its command needs.

use core::ffi::CStr;
use core::net::IpAddr;

use crate::errno::Errno;

mod authorized_keys;
mod counters;
mod cpu_memory;
mod exec;
pub mod fake;
mod freeze;
mod routes;
mod storage;

pub use authorized_keys::{AuthorizedKeys, KeyChange, KeyEdit, KeysError, KeysReason};
pub use counters::{CpuStatistics, CpuTimes, DiskCounters, DiskStatistics, Load, LongLists, ShortName};
pub use cpu_memory::*;
pub use exec::{Capture, Ended, Exec, Execution, Finished, Kept, StartError, Status, Stream};
pub use freeze::*;
pub use routes::{Route, RouteError, Routes, Way};
pub use storage::*;

/// What is special about a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// It may run while file systems are frozen.
    pub while_frozen: bool,
    /// It sends no reply when it succeeds.
    pub silent: bool,
    /// The byte FF goes before its successful reply.
    pub delimited: bool,
    /// Replies before it are sent out before it runs, because it may end the machine.
    pub flush_first: bool,
    /// The steps of its reply do what was asked for, so all of them are taken, also when the host goes in the middle.
    pub acts_in_steps: bool,
    /// Its arguments are nobody else's business: they, and the scratch room it had, are overwritten once it is answered. It
    /// replies at once, not in steps.
    pub secret: bool,
}

impl Flags {
    /// Nothing special.
    pub const NONE: Flags = Flags {
        while_frozen: false,
        silent: false,
        delimited: false,
        flush_first: false,
        acts_in_steps: false,
        secret: false,
    };
    /// It may run while file systems are frozen.
    pub const WHILE_FROZEN: Flags = Flags { while_frozen: true, ..Flags::NONE };
    /// The steps of its reply do what was asked for.
    pub const ACTS_IN_STEPS: Flags = Flags { acts_in_steps: true, ..Flags::NONE };
    /// Its arguments are overwritten.
    pub const SECRET: Flags = Flags { secret: true, ..Flags::NONE };
}

/// What every platform is asked for; all of it may be left as it is.
pub trait Guest {
    /// Why the command may not run now (`the command is not allowed`), or `None` if it may.
    fn refusal(&self, name: &str, flags: Flags) -> Option<&'static str> {
        let _ = (name, flags);
        None
    }

    /// A command is about to run: for a log. Nothing of its arguments is told, since they may hold a password.
    fn called(&mut self, name: &'static str) {
        let _ = name;
    }

    /// Where texts go that are too long to be held, and come before it is known what they are for.
    fn spool(&mut self) -> Option<&mut dyn Spool> {
        None
    }
}

/// Room outside of the agent's memory for one text.
pub trait Spool {
    /// The most it takes, in bytes.
    fn capacity(&self) -> u64;

    /// Empties it.
    ///
    /// # Errors
    /// It can not be had.
    fn clear(&mut self) -> Result<(), Errno>;

    /// Appends all of `bytes`.
    ///
    /// # Errors
    /// It is full, or failed; what it holds is then undefined.
    fn append(&mut self, bytes: &[u8]) -> Result<(), Errno>;

    /// Reads from `offset` on; 0 bytes at the end.
    ///
    /// # Errors
    /// It failed.
    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, Errno>;
}

/// The time of day.
pub trait Clock {
    /// Nanoseconds since 1970-01-01 00:00:00 UTC.
    ///
    /// # Errors
    /// The clock can not be read.
    fn real_time_ns(&mut self) -> Result<i64, Errno>;
}

/// Why the clock that runs while the machine is off can not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RtcError {
    /// There is none.
    Missing,
    /// It failed.
    System(Errno),
}

/// Setting the time of day.
pub trait SetClock: Clock {
    /// Sets the time, in nanoseconds since 1970-01-01 00:00:00 UTC.
    ///
    /// # Errors
    /// It can not be set; nothing has changed.
    fn set_real_time_ns(&mut self, time_ns: i64) -> Result<(), Errno>;

    /// Reads the clock that runs while the machine is off: seconds since 1970-01-01 00:00:00 UTC.
    ///
    /// # Errors
    /// There is none, or it fails.
    fn rtc_time_s(&mut self) -> Result<i64, RtcError>;

    /// Sets the clock that runs while the machine is off.
    ///
    /// # Errors
    /// There is none, or it fails.
    fn set_rtc_time_s(&mut self, time_s: i64) -> Result<(), RtcError>;
}

/// The time of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime<'b> {
    /// Its name, such as `CEST`.
    pub abbreviation: &'b [u8],
    /// Seconds east of UTC.
    pub offset_s: i32,
}

/// The time zone.
pub trait TimeZone {
    /// The local time at `time_s`, seconds since 1970-01-01 00:00:00 UTC; `buffer` may hold what is read for it.
    ///
    /// # Errors
    /// The zone is set, but cannot be read.
    fn local_time<'b>(&mut self, time_s: i64, buffer: &'b mut [u8]) -> Result<LocalTime<'b>, Errno>;
}

/// The name of the machine.
pub trait HostName {
    /// The name, in `buffer`.
    ///
    /// # Errors
    /// It can not be had, or does not fit.
    fn host_name<'b>(&mut self, buffer: &'b mut [u8]) -> Result<&'b [u8], Errno>;
}

/// What the system calls itself, and where it describes itself.
pub trait System {
    /// Gives release, version and machine of the kernel, in this order, to `use_names`.
    ///
    /// # Errors
    /// The kernel does not tell.
    fn kernel_names(&mut self, use_names: &mut dyn FnMut([&[u8]; 3])) -> Result<(), Errno>;

    /// Gives each line of the os-release file to `visit`, by way of `buffer`; longer lines are left out.
    fn os_release(&mut self, buffer: &mut [u8], visit: &mut dyn FnMut(&[u8]));
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenMode {
    /// It can be read.
    pub read: bool,
    /// It can be written.
    pub write: bool,
    /// It is made if it does not exist.
    pub create: bool,
    /// Its contents are dropped.
    pub truncate: bool,
    /// Writes go to its end.
    pub append: bool,
}

/// From where an offset counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whence {
    /// The start of the file.
    Start,
    /// The position reached.
    Current,
    /// The end of the file.
    End,
}

/// Why a file command fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileError {
    /// No file is open under the handle.
    UnknownHandle,
    /// That many files are open already.
    TooManyFiles(u64),
    /// The system refused.
    System(Errno),
}

/// Files of the guest, by handle. Nothing blocks: what would is `EAGAIN`.
pub trait Files {
    /// Opens a file; the handle is never used again.
    ///
    /// # Errors
    /// All but `UnknownHandle`.
    fn open(&mut self, path: &CStr, mode: OpenMode) -> Result<i64, FileError>;

    /// Whether a file is open under the handle.
    fn is_open(&self, handle: i64) -> bool;

    /// Reads what one system call gives; 0 bytes at the end of the file.
    ///
    /// # Errors
    /// All but `TooManyFiles`.
    fn read(&mut self, handle: i64, buffer: &mut [u8]) -> Result<usize, FileError>;

    /// Keeps an error that came too late for its reply; the next read tells it.
    fn defer_error(&mut self, handle: i64, errno: Errno);

    /// Writes what one system call takes. It has then reached the system: nothing is buffered here.
    ///
    /// # Errors
    /// All but `TooManyFiles`.
    fn write(&mut self, handle: i64, bytes: &[u8]) -> Result<usize, FileError>;

    /// Moves the position; answers the new one, in bytes from the start.
    ///
    /// # Errors
    /// All but `TooManyFiles`.
    fn seek(&mut self, handle: i64, offset: i64, whence: Whence) -> Result<i64, FileError>;

    /// Closes the file. The handle is gone, whatever the system says.
    ///
    /// # Errors
    /// All but `TooManyFiles`.
    fn close(&mut self, handle: i64) -> Result<(), FileError>;
}

/// How a machine can be stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Off.
    PowerDown,
    /// Stopped, but with power.
    Halt,
    /// Started again.
    Reboot,
}

/// Stopping the machine.
pub trait Power {
    /// Begins to stop the machine. The agent goes on until it is stopped.
    ///
    /// # Errors
    /// It can not be stopped; nothing has happened.
    fn shut_down(&mut self, how: Shutdown) -> Result<(), Errno>;
}

/// How a machine can sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sleep {
    /// With its memory powered.
    Ram,
    /// Off, with its memory on a disk.
    Disk,
    /// With its memory powered, and on a disk in case the power fails.
    Hybrid,
}

/// Why a machine does not sleep. It goes on as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SleepError {
    /// This way of sleeping needs something that the guest does not have: what, in words.
    Missing(&'static str),
    /// What failed, in words, and why.
    Failed(&'static str, Errno),
    /// The system's own program for it, with its argument, refuses, with this exit status.
    Refused(&'static str, i32),
}

/// Putting the machine to sleep.
pub trait Suspend {
    /// Puts the machine to sleep. Comes back when it is awake again.
    ///
    /// # Errors
    /// It does not sleep.
    fn suspend(&mut self, how: Sleep) -> Result<(), SleepError>;

    /// What the guest lacks for this sleep now, if that is known.
    fn sleep_obstacle(&mut self, how: Sleep) -> Option<&'static str> {
        let _ = how;
        None
    }
}

/// A user who is logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Login<'b> {
    /// The user's name.
    pub user: &'b [u8],
    /// When the first of the user's sessions began: microseconds since 1970-01-01 00:00:00 UTC.
    pub time_us: i64,
}

/// Who is logged in.
pub trait Logins {
    /// The next user behind `place`, which moves on; `None` behind the last. Each user is given once, however many sessions
    /// there are. `buffer` is room to work in, and holds the name.
    ///
    /// # Errors
    /// The guest does not tell.
    fn next_login<'b>(&mut self, place: &mut ListPlace, buffer: &'b mut [u8]) -> Result<Option<Login<'b>>, Errno>;
}

/// A password, as a client gives it. It can not be printed, so that no log ever has it.
#[derive(Clone, Copy)]
pub enum Password<'p> {
    /// As the user types it.
    Raw(&'p [u8]),
    /// As it is kept, hashed already.
    Crypted(&'p [u8]),
}

/// Why a password can not be set. No password has changed, unless it says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordError {
    /// There is no such user.
    UnknownUser,
    /// What was tried, such as `cannot open`, with what, and why it failed: `EBUSY` for a lock that another process has.
    System(&'static str, &'static str, Errno),
}

/// Passwords of the guest's users.
pub trait Passwords {
    /// Sets the password of a user. Neither text holds a line feed or NUL, and neither the name nor a crypted password a
    /// colon. `buffer` is room to work in, overwritten afterwards.
    ///
    /// # Errors
    /// Those of the type.
    fn set_password(&mut self, user: &[u8], password: Password<'_>, buffer: &mut [u8]) -> Result<(), PasswordError>;
}

/// What went through a network interface, and what did not, since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InterfaceStatistics {
    /// Bytes received.
    pub received_bytes: u64,
    /// Packets received.
    pub received_packets: u64,
    /// Packets that came with errors.
    pub receive_errors: u64,
    /// Packets that came and were dropped.
    pub receive_dropped: u64,
    /// Bytes sent.
    pub sent_bytes: u64,
    /// Packets sent.
    pub sent_packets: u64,
    /// Packets that could not be sent.
    pub send_errors: u64,
    /// Packets that were dropped instead of being sent.
    pub send_dropped: u64,
}

/// A piece of the list of network interfaces: for each of them a name, its addresses, and the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterfacePiece<'p> {
    /// An interface begins.
    Name(&'p [u8]),
    /// One of its addresses.
    Address {
        /// The address.
        address: IpAddr,
        /// How many bits of it name the network.
        prefix: u8,
    },
    /// The interface ends.
    End {
        /// What went through it, if that is counted.
        statistics: Option<&'p InterfaceStatistics>,
        /// The hardware address; one of another length is cut or filled up with zeros.
        hardware_address: [u8; 6],
    },
}

/// Where the list of network interfaces stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterfaceList {
    /// There is more of it.
    More,
    /// That was all of it.
    Complete {
        /// Interfaces or addresses came or went meanwhile: some may be missing.
        changed: bool,
    },
}

/// The network. One list is told at a time.
pub trait Network {
    /// Begins the list of interfaces, whatever became of an earlier one.
    ///
    /// # Errors
    /// The system does not tell.
    fn begin_interfaces(&mut self) -> Result<(), Errno>;

    /// Gives the next pieces of the list to `visit`, by way of `buffer`, until it answers false, which means that the
    /// piece is to be given again by the next call, or the list is complete. It is then ended.
    ///
    /// # Errors
    /// The list can not be completed. It is ended.
    fn interfaces(
        &mut self,
        buffer: &mut [u8],
        visit: &mut dyn FnMut(InterfacePiece<'_>) -> bool,
    ) -> Result<InterfaceList, Errno>;

    /// Nobody wants the rest of the list.
    fn end_interfaces(&mut self);
}

/// Where a list that is given in pieces goes on, in numbers that only the platform understands. The default is its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListPlace(pub [i64; 2]);

//! What the guest counts: its load, and what its processors and disks have done.

use super::ListPlace;
use crate::errno::Errno;

/// How busy the guest was.
pub trait Load {
    /// How many tasks ran or waited to run, in units of 1/65536, on average over 1, 5 and 15 minutes.
    ///
    /// # Errors
    /// The system does not tell.
    fn load_averages(&mut self) -> Result<[u64; 3], Errno>;
}

/// A name of up to 31 bytes, as devices and network interfaces have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShortName {
    /// Filled up with NULs.
    bytes: [u8; 31],
}

impl ShortName {
    /// The name, cut after 31 bytes.
    pub fn of(name: &[u8]) -> Self {
        let mut short = ShortName::default();
        short.bytes.iter_mut().zip(name).for_each(|(to, from)| *to = *from);
        short
    }

    /// The name.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.split(|&byte| byte == 0).next().unwrap_or_default()
    }
}

/// Lists that are read from a source which may stay open between two pieces of a list. The room to work in that a list is
/// given must be left alone until its next piece: what was read ahead is in it.
pub trait LongLists {
    /// Nobody wants the rest of the list that is being told.
    fn end_list(&mut self);
}

/// What a processor has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuTimes {
    /// The number that the guest's kernel has given it.
    pub id: u64,
    /// For how long since the guest started, in milliseconds, as far as the system counts it, it ran: programs; programs
    /// that gave way to others (nice(1)); the kernel; nothing; nothing, while something waited for a disk; interrupts; what
    /// they left to be done; nothing, though it was wanted, because the host ran something else; guests of the guest, also
    /// counted as programs; such guests that gave way.
    pub times_ms: [Option<u64>; 10],
}

/// What the processors have done.
pub trait CpuStatistics: LongLists {
    /// Gives each processor in use from a place on to `visit`, with the place behind it, until that answers false. For
    /// `buffer` see [`LongLists`].
    ///
    /// # Errors
    /// The system does not tell.
    fn cpu_times(
        &mut self,
        from: ListPlace,
        buffer: &mut [u8],
        visit: &mut dyn FnMut(&CpuTimes, ListPlace) -> bool,
    ) -> Result<(), Errno>;
}

/// What a disk, or a part of one, has done since it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskCounters {
    /// Its name, such as `vda1`.
    pub name: ShortName,
    /// The number of its device, upper part.
    pub major: u64,
    /// The number of its device, lower part.
    pub minor: u64,
    /// As far as the system counts it: reads done, reads that were made part of another one, what they read in units of 512
    /// bytes, how long they took in milliseconds; the same four of writes; requests begun and not yet done, milliseconds
    /// while there were some, the same times their number; the first four again, of discards; flushes done, and how long
    /// they took in milliseconds.
    pub counters: [Option<u64>; 17],
}

/// What the disks have done.
pub trait DiskStatistics: LongLists {
    /// Gives each disk and each part of one from a place on to `visit`, with the place behind it, until that answers false.
    /// For `buffer` see [`LongLists`].
    ///
    /// # Errors
    /// The system does not tell.
    fn disk_counters(
        &mut self,
        from: ListPlace,
        buffer: &mut [u8],
        visit: &mut dyn FnMut(&DiskCounters, ListPlace) -> bool,
    ) -> Result<(), Errno>;
}

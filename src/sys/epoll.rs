//! Waiting for descriptors and signals at once (epoll(7)).

use core::ffi::c_int;

use super::fd::Fd;
use super::signal::DuringWait;
use super::{check, kernel, last_errno};
use crate::errno::Errno;

/// What a descriptor is waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// It can be read.
    pub read: bool,
    /// It can be written.
    pub write: bool,
    /// Only changes are told, once each.
    pub edge: bool,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// The number the descriptor was added under.
    pub token: u64,
    /// It can be read.
    pub read: bool,
    /// It can be written.
    pub write: bool,
    /// The other side is gone. Told whether asked for or not.
    pub hang_up: bool,
}

/// A set of descriptors to wait for.
#[derive(Debug)]
pub struct Epoll(Fd);

/// How many descriptors are told at a time.
const EVENTS: usize = 4;

impl Epoll {
    /// An empty set.
    ///
    /// # Errors
    /// Those of epoll_create1(2).
    pub fn new() -> Result<Self, Errno> {
        // SAFETY: the call touches no memory; on success the descriptor is new.
        check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) }).map(|raw| Epoll(Fd::from_raw(raw)))
    }

    /// The set as a descriptor, which can be read while something has happened: a set can be waited for in another one.
    pub fn fd(&self) -> &Fd {
        &self.0
    }

    /// Adds a descriptor under a number. It leaves the set when it is closed.
    ///
    /// # Errors
    /// Those of epoll_ctl(2): `EPERM` for a file that can not be waited for.
    pub fn add(&self, fd: &Fd, token: u64, interest: Interest) -> Result<(), Errno> {
        self.control(libc::EPOLL_CTL_ADD, fd, token, interest)
    }

    /// Changes what a descriptor is waited for.
    ///
    /// # Errors
    /// Those of epoll_ctl(2).
    pub fn change(&self, fd: &Fd, token: u64, interest: Interest) -> Result<(), Errno> {
        self.control(libc::EPOLL_CTL_MOD, fd, token, interest)
    }

    fn control(&self, operation: c_int, fd: &Fd, token: u64, interest: Interest) -> Result<(), Errno> {
        let mut bits = 0;
        for (wanted, bit) in
            [(interest.read, libc::EPOLLIN), (interest.write, libc::EPOLLOUT), (interest.edge, libc::EPOLLET)]
        {
            if wanted {
                bits |= bit;
            }
        }
        let mut event = libc::epoll_event { events: bits.cast_unsigned(), u64: token };
        // SAFETY: both descriptors are open, the event is valid, and the call keeps no pointer.
        check(unsafe { libc::epoll_ctl(self.0.raw(), operation, fd.raw(), &raw mut event) }).map(drop)
    }

    /// Waits until something happens, a signal comes or `timeout_ms` passes (-1: for ever). Signals that are held back
    /// otherwise come through here, without a gap.
    ///
    /// # Errors
    /// Those of epoll_pwait(2), but for `EINTR`.
    pub fn wait(&self, timeout_ms: i32, signals: &DuringWait, events: &mut Events) -> Result<(), Errno> {
        self.wait_with(timeout_ms, Some(signals), events)
    }

    /// What has happened already. No signal comes through.
    ///
    /// # Errors
    /// Those of epoll_pwait(2).
    pub fn poll(&self, events: &mut Events) -> Result<(), Errno> {
        self.wait_with(0, None, events)
    }

    fn wait_with(&self, timeout_ms: i32, signals: Option<&DuringWait>, events: &mut Events) -> Result<(), Errno> {
        events.next = 0;
        events.count = 0;
        let room = c_int::try_from(EVENTS).unwrap_or(1);
        let mask = signals.map_or(core::ptr::null(), DuringWait::mask);
        // SAFETY: the events are writable for `room` of them, the mask is valid or null, which leaves the signals as they are,
        // and the call keeps no pointer.
        let count = unsafe { kernel::epoll_pwait(self.0.raw(), events.events.as_mut_ptr(), room, timeout_ms, mask) };
        let Ok(count) = usize::try_from(count) else {
            return match last_errno() {
                Errno::EINTR => Ok(()),
                errno => Err(errno),
            };
        };
        events.count = count;
        Ok(())
    }
}

/// What happened, one after the other.
pub struct Events {
    events: [libc::epoll_event; EVENTS],
    next: usize,
    count: usize,
}

impl Events {
    /// Nothing.
    pub const NONE: Events = Events { events: [libc::epoll_event { events: 0, u64: 0 }; EVENTS], next: 0, count: 0 };
}

impl Iterator for Events {
    type Item = Ready;

    fn next(&mut self) -> Option<Ready> {
        let event = self.events.get(..self.count)?.get(self.next)?;
        self.next = self.next.wrapping_add(1);
        let has = |bits: c_int| event.events & bits.cast_unsigned() != 0;
        Some(Ready {
            token: event.u64,
            read: has(libc::EPOLLIN),
            write: has(libc::EPOLLOUT),
            hang_up: has(libc::EPOLLHUP | libc::EPOLLERR),
        })
    }
}

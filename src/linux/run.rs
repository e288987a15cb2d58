//! The loop: waits for the line, the listener, device events, signals and deadlines, and lets the agent work.
//!
//! While the host is connected the line is level-triggered: a wait, a read and a write for a request. After the host hung
//! up on a virtio port, which then stays readable for ever, it is edge-triggered until bytes come again; so the agent
//! does not wake at all while there is nothing to do.

use super::Linux;
use super::channel::Channel;
use super::line::Line;
use super::log::Level;
use crate::agent::{Agent, Progress};
use crate::errno::Errno;
use crate::error::Part;
use crate::sys::epoll::{Epoll, Interest, Ready};
use crate::sys::fd::Fd;
use crate::sys::signal::{self, DuringWait};
use crate::sys::{socket, system};

const LINE: u64 = 1;
const LISTENER: u64 = 2;
const DEVICES: u64 = 3;

/// How long to wait before a port or line that cannot be opened is tried again: at first, and at most.
const RETRY_FIRST_MS: i64 = 250;
const RETRY_LAST_MS: i64 = 5000;

/// The loop.
#[derive(Debug)]
pub struct Runner<'b> {
    epoll: Epoll,
    signals: DuringWait,
    channel: Channel,
    agent: Agent<'b, Linux>,
    guest: &'b mut Linux,
    line: Option<Connection>,
    /// Tells of devices that come; `None` where the kernel does not.
    devices: Option<Fd>,
    retry: Retry,
}

/// The line, and what it is waited for.
#[derive(Debug)]
struct Connection {
    line: Line,
    interest: Interest,
    /// The host is gone, as far as is known; what it sent is still being read.
    host_is_gone: bool,
}

/// When a port that could not be opened is tried again.
#[derive(Debug, Default)]
struct Retry {
    at_ns: Option<i64>,
    pause_ms: i64,
    /// Why the last try failed, so that a reason is logged once.
    reason: Option<Errno>,
}

const READING: Interest = Interest { read: true, write: false, edge: false };

impl<'b> Runner<'b> {
    /// A loop over what is given. Nothing is opened yet.
    ///
    /// # Errors
    /// The system cannot wait.
    pub fn new(
        channel: Channel,
        agent: Agent<'b, Linux>,
        guest: &'b mut Linux,
        signals: DuringWait,
    ) -> Result<Self, Errno> {
        let epoll = Epoll::new()?;
        if let Some(listener) = channel.listener() {
            epoll.add(listener, LISTENER, READING)?;
        }
        let devices = match channel {
            Channel::Port { .. } => socket::device_events().ok(),
            _ => None,
        };
        if let Some(devices) = &devices {
            epoll.add(devices, DEVICES, READING)?;
        }
        Ok(Runner { epoll, signals, channel, agent, guest, line: None, devices, retry: Retry::default() })
    }

    /// Runs until SIGTERM or SIGINT comes.
    ///
    /// # Errors
    /// At the start, the line can not be opened for a reason that time does not mend; later, the system can not wait.
    pub fn run(&mut self) -> Result<(), Errno> {
        if self.channel.listener().is_none()
            && let Err(errno) = self.connect()
            && !may_come(errno)
        {
            return Err(errno);
        }
        loop {
            self.work();
            if signal::wants_termination() {
                return Ok(());
            }
            self.wait()?;
            let now_ns = system::boot_time_ns().unwrap_or(0);
            self.guest.run_deadlines(now_ns);
            if self.line.is_none() && self.retry.at_ns.is_some_and(|at_ns| at_ns <= now_ns) {
                // A reason that it can not be opened for is logged by `connect`.
                let _: Result<(), Errno> = self.connect();
            }
        }
    }

    /// Waits for something to happen, and notes what did.
    fn wait(&mut self) -> Result<(), Errno> {
        let retry_ns = if self.line.is_none() { self.retry.at_ns } else { None };
        let deadline_ns = match (self.guest.deadline_ns(), retry_ns) {
            (Some(left), Some(right)) => Some(left.min(right)),
            (left, right) => left.or(right),
        };
        let timeout_ms = match deadline_ns {
            None => -1,
            Some(deadline_ns) => {
                let left_ns = deadline_ns.saturating_sub(system::boot_time_ns().unwrap_or(0)).max(0);
                // Rounded up: a wait that ends just before the deadline would only be repeated.
                i32::try_from((left_ns / 1_000_000).saturating_add(1)).unwrap_or(i32::MAX)
            }
        };
        let mut events = [Ready::default(); 4];
        let mut next = events.iter_mut();
        self.epoll.wait(timeout_ms, &self.signals, |ready| {
            if let Some(event) = next.next() {
                *event = ready;
            }
        })?;
        for event in events {
            match event.token {
                LINE => self.line_event(event),
                LISTENER if self.line.is_none() => {
                    let _: Result<(), Errno> = self.connect();
                }
                DEVICES => self.device_event(),
                _ => {}
            }
        }
        Ok(())
    }

    /// A device came, went or changed: if the port is missing, this may be it.
    fn device_event(&mut self) {
        let mut message = [0; 2048];
        let mut port = false;
        while let Some(Ok(length)) = self.devices.as_ref().map(|devices| devices.read(&mut message)) {
            let message = message.get(..length).unwrap_or_default();
            port |= message.windows(6).any(|window| window == b"virtio" || window == b"/vport");
        }
        if port && self.line.is_none() {
            let _: Result<(), Errno> = self.connect();
        }
    }

    /// Opens the line, or plans to try again.
    fn connect(&mut self) -> Result<(), Errno> {
        if let (Some(listener), Some(_)) = (self.channel.listener(), self.retry.reason) {
            self.epoll.change(listener, LISTENER, READING)?;
        }
        let opened = self.channel.connect(self.guest).and_then(|fd| {
            let Some(fd) = fd else { return Ok(None) };
            self.epoll.add(&fd, LINE, READING)?;
            Ok(Some(fd))
        });
        match opened {
            Ok(None) => {
                self.retry = Retry::default();
                Ok(())
            }
            Ok(Some(fd)) => {
                if let Some(listener) = self.channel.listener() {
                    // One client at a time; the next one waits in the backlog, and must not wake the agent.
                    self.epoll.change(listener, LISTENER, Interest::default())?;
                }
                let name = Part::Bytes(self.channel.name());
                self.guest.log.write(Level::Info, &[Part::Words("channel '"), name, Part::Words("' is open")]);
                self.retry.at_ns = None;
                self.retry.reason = None;
                let line = Line::new(fd);
                self.line = Some(Connection { line, interest: READING, host_is_gone: false });
                Ok(())
            }
            Err(errno) => {
                if self.retry.reason != Some(errno) {
                    let name = Part::Bytes(self.channel.name());
                    let level = if may_come(errno) { Level::Error } else { Level::Warning };
                    let open = Part::Words("error opening channel '");
                    let why = Part::Errno(errno);
                    self.guest.log.write(level, &[open, name, Part::Words("': "), why, Part::Words("; trying again")]);
                }
                self.retry.reason = Some(errno);
                // A port that is not there yet is announced.
                if errno == Errno::ENOENT && self.devices.is_some() && self.waits_for_port() {
                    self.retry.at_ns = None;
                } else {
                    self.retry_later();
                }
                if let Some(listener) = self.channel.listener() {
                    // The client that could not be accepted must not wake the agent before that.
                    self.epoll.change(listener, LISTENER, Interest::default())?;
                }
                Err(errno)
            }
        }
    }

    /// Plans the next try, each time after a longer pause, until bytes come.
    fn retry_later(&mut self) {
        self.retry.pause_ms = self.retry.pause_ms.saturating_mul(2).clamp(RETRY_FIRST_MS, RETRY_LAST_MS);
        let pause_ns = self.retry.pause_ms.saturating_mul(1_000_000);
        self.retry.at_ns = Some(system::boot_time_ns().unwrap_or(0).saturating_add(pause_ns));
    }

    /// Whether what is missing is a virtio port, of which the kernel tells.
    fn waits_for_port(&self) -> bool {
        matches!(self.channel, Channel::Port { path } if path.to_bytes().starts_with(b"/dev/v"))
    }

    fn line_event(&mut self, event: Ready) {
        let Some(connection) = &mut self.line else { return };
        if connection.host_is_gone && !event.hang_up {
            // A new host is there, before the end of the old one's bytes was seen.
            self.agent.hang_up(self.guest);
            connection.host_is_gone = false;
        }
        if event.write {
            connection.line.ready_to_write();
        }
        if event.read || event.hang_up {
            connection.line.ready_to_read();
        }
        if event.hang_up {
            let is_port = matches!(self.channel, Channel::Port { .. });
            if is_port && connection.interest.read && !event.read {
                // A port whose host is gone can still be read; one that can not has been unplugged.
                return self.disconnect();
            }
            connection.host_is_gone = true;
            self.agent.discard_replies();
        }
    }

    /// Lets the agent work until it has to wait.
    fn work(&mut self) {
        while let Some(connection) = &mut self.line {
            if signal::wants_termination() {
                return;
            }
            match self.agent.step(&mut connection.line, self.guest) {
                Ok(Progress::Again) => {}
                Ok(Progress::Wait { read, write }) => {
                    let edge = connection.interest.edge;
                    return self.wait_for(Interest { read, write, edge });
                }
                Ok(Progress::Ended) => return self.ended(),
                Err(error) if connection.host_is_gone => {
                    self.lost(error.0);
                    return self.disconnect();
                }
                Err(_) => {
                    // What came before is still answered to nobody; then the read fails as well, or ends.
                    connection.host_is_gone = true;
                    connection.line.ready_to_read();
                    self.agent.discard_replies();
                }
            }
        }
    }

    fn lost(&self, errno: Errno) {
        self.guest.log.write(Level::Warning, &[Part::Words("channel lost: "), Part::Errno(errno)]);
    }

    /// Waits for the line to be ready. Edge-triggered waiting ends with the first byte that comes.
    fn wait_for(&mut self, mut interest: Interest) {
        let Some(connection) = &mut self.line else { return };
        if connection.line.take_had_bytes() {
            interest.edge = false;
            self.retry.pause_ms = 0;
        }
        if interest != connection.interest {
            connection.interest = interest;
            if let Err(errno) = self.epoll.change(connection.line.fd(), LINE, interest) {
                self.lost(errno);
                self.disconnect();
            }
        }
    }

    /// The host hung up, and what it sent is done with.
    fn ended(&mut self) {
        self.agent.hang_up(self.guest);
        match self.channel {
            Channel::Port { .. } => {
                if let Some(connection) = &mut self.line {
                    connection.host_is_gone = false;
                    connection.line.take_had_bytes();
                }
                self.wait_for(Interest { read: true, write: false, edge: true });
            }
            _ => self.disconnect(),
        }
    }

    /// Closes the line, and looks for the next one.
    fn disconnect(&mut self) {
        self.agent.hang_up(self.guest);
        self.line = None;
        match self.channel.listener() {
            Some(listener) => {
                if let Err(errno) = self.epoll.change(listener, LISTENER, READING) {
                    self.lost(errno);
                }
            }
            None => self.retry_later(),
        }
    }
}

/// Whether a line that cannot be opened may still come, or be let go of by another process.
fn may_come(errno: Errno) -> bool {
    matches!(errno, Errno::ENOENT | Errno::EBUSY | Errno::ENXIO | Errno::ENODEV | Errno::EAGAIN | Errno::EINTR)
}

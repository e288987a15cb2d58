//! The loop: waits for the line, the listener, device events, children, signals and deadlines, and lets the agent work.
//!
//! While the host is connected the line is level-triggered: a wait, a read and a write for a request. After the host hung
//! up on a virtio port, which then stays readable for ever, it is edge-triggered until a host is there again; so the agent
//! does not wake at all while there is nothing to do.
//!
//! That a host is there, and what it sends, reach a virtio port by different ways, so the first bytes of a new host may be
//! there while the port still says that nobody is. They are told from the last bytes of the old one by the end of file
//! that was read between them; the reply then waits for the host to be announced, who else has come and gone unseen.

use super::channel::Channel;
use super::line::Line;
use super::log::Level;
use super::{Linux, earlier};
use crate::agent::{Agent, Progress};
use crate::errno::Errno;
use crate::error::Part;
use crate::sys::epoll::{Epoll, Events, Interest, Ready};
use crate::sys::fd::Fd;
use crate::sys::signal::{self, DuringWait};
use crate::sys::{socket, system};

const LINE: u64 = 1;
const LISTENER: u64 = 2;
const DEVICES: u64 = 3;
const CHILDREN: u64 = 4;

/// How often, and after how long each time, it is looked whether a host is announced whose first bytes have come. Times are
/// counted and not only the time: where the whole guest stands still, that passes, but what the kernel has to do before the
/// announcement is done as soon as the guest goes on. Not for longer, because what came may be the last words of somebody who
/// has gone, whose replies must not wait for somebody else.
const ARRIVAL_LOOKS: u8 = 10;
const ARRIVAL_LOOK_NS: i64 = 25_000_000;

/// How long to wait before a port or line that cannot be opened is tried again: at first, and at most.
const RETRY_FIRST_MS: i64 = 250;
const RETRY_LAST_MS: i64 = 5000;

/// The loop.
#[derive(Debug)]
pub struct Runner<'b> {
    epoll: Epoll,
    signals: DuringWait,
    channel: Channel,
    agent: &'b mut Agent<'static, Linux>,
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
    host: Host,
    /// Of a host that is [`Host::Arriving`]: when to look for it next, in nanoseconds since boot, and how often.
    look_ns: i64,
    looks: u8,
}

/// What is known of the host at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Host {
    /// It is there.
    Here,
    /// It is gone; what it sent is still being read.
    Leaving,
    /// It is gone, and all that was read of it is answered. What is read now is either the last it sent, or the first of a
    /// host that is about to be announced.
    Left,
    /// Nobody is there, and nothing is left to read. Only of a port: other lines are closed then.
    Away,
    /// Bytes came, though nobody is said to be there. If nobody is by then, they came too late.
    Arriving,
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
/// Of a port without a host.
const LISTENING: Interest = Interest { read: true, write: false, edge: true };
/// Of a port whose host is about to be announced.
const ARRIVING: Interest = Interest { read: true, write: true, edge: true };

impl<'b> Runner<'b> {
    /// A loop over what is given. Nothing is opened yet.
    ///
    /// # Errors
    /// The system cannot wait.
    #[inline(never)] // smaller so
    pub fn new(
        channel: Channel,
        agent: &'b mut Agent<'static, Linux>,
        guest: &'b mut Linux,
        signals: DuringWait,
    ) -> Result<Self, Errno> {
        let epoll = Epoll::new()?;
        if let Some(listener) = channel.listener() {
            epoll.add(listener, LISTENER, READING)?;
        }
        let devices = if channel.may_be_plugged_in() { socket::device_events().ok() } else { None };
        if let Some(devices) = &devices {
            epoll.add(devices, DEVICES, READING)?;
        }
        if let Some(children) = guest.child_events() {
            epoll.add(children, CHILDREN, READING)?;
        }
        Ok(Runner { epoll, signals, channel, agent, guest, line: None, devices, retry: Retry::default() })
    }

    /// Opens the line, or plans to try again where it may come later.
    ///
    /// # Errors
    /// It can not be opened for a reason that time does not mend.
    pub fn start(&mut self) -> Result<(), Errno> {
        match self.connect() {
            Err(errno) if !may_come(errno) => Err(errno),
            _ => Ok(()),
        }
    }

    /// The guest, between [`Runner::start`] and [`Runner::run`].
    pub fn guest(&mut self) -> &mut Linux {
        self.guest
    }

    /// Runs until SIGTERM or SIGINT comes, or until the only line there can be is gone.
    ///
    /// # Errors
    /// The system can not wait.
    #[inline(never)] // so that what the start had on the stack is not under it for ever, and lies near where it is
    pub fn run(&mut self) -> Result<(), Errno> {
        loop {
            self.work();
            if signal::wants_termination() || (self.line.is_none() && self.channel.is_spent()) {
                return Ok(());
            }
            let deadline_ns = self.deadline_ns();
            self.wait(deadline_ns)?;
            if deadline_ns.is_some() {
                self.run_deadlines(system::boot_time_ns().unwrap_or(0));
            }
        }
    }

    /// The next time at which something has to be done, in nanoseconds since boot.
    fn deadline_ns(&self) -> Option<i64> {
        let retry_ns = if self.line.is_none() { self.retry.at_ns } else { None };
        earlier(self.guest.deadline_ns(), earlier(retry_ns, self.arrival_deadline_ns()))
    }

    /// Does what had to be done by now.
    fn run_deadlines(&mut self, now_ns: i64) {
        self.guest.run_deadlines(now_ns);
        self.give_up_arrival(now_ns);
        if self.line.is_none() && self.retry.at_ns.is_some_and(|at_ns| at_ns <= now_ns) {
            // A reason that it can not be opened for is logged by `connect`.
            let _: Result<(), Errno> = self.connect();
        }
    }

    /// Waits for something to happen, until the deadline at most, and notes what did.
    fn wait(&mut self, deadline_ns: Option<i64>) -> Result<(), Errno> {
        let timeout_ms = match deadline_ns {
            None => -1,
            Some(deadline_ns) => {
                let left_ns = deadline_ns.saturating_sub(system::boot_time_ns().unwrap_or(0)).max(0);
                // Rounded up: a wait that ends just before the deadline would only be repeated.
                i32::try_from((left_ns / 1_000_000).saturating_add(1)).unwrap_or(i32::MAX)
            }
        };
        let mut events = Events::NONE;
        self.epoll.wait(timeout_ms, &self.signals, &mut events)?;
        let mut children_wrote = false;
        for event in &mut events {
            match event.token {
                LINE => self.line_event(event),
                LISTENER if self.line.is_none() => {
                    let _: Result<(), Errno> = self.connect();
                }
                DEVICES => self.device_event(),
                CHILDREN => {
                    children_wrote = true;
                    // One that writes without end must not keep SIGTERM away.
                    self.signals.let_through();
                }
                _ => {}
            }
        }
        if signal::child_has_ended() || children_wrote {
            self.guest.attend_children();
        }
        Ok(())
    }

    /// A device came, went or changed: if the port is missing, this may be it.
    #[inline(never)] // so that its buffer is not on the stack of the loop
    fn device_event(&mut self) {
        // Its start, which says where the device is.
        let mut message = [0; 1024];
        let mut port = false;
        while let Some(devices) = &self.devices {
            match devices.read(&mut message) {
                Ok(length) => {
                    let message = message.get(..length).unwrap_or_default();
                    port |= message.windows(6).any(|window| window == b"virtio" || window == b"/vport");
                }
                Err(Errno::EAGAIN) => break,
                Err(_) => {
                    // Too many events came at once, and some were lost: it may have been among them.
                    port = true;
                    break;
                }
            }
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
        // A port says whether a host is there once it is waited for.
        let (host, interest) = if self.channel.is_port() { (Host::Away, LISTENING) } else { (Host::Here, READING) };
        match self.open(interest) {
            Ok(None) => {
                self.retry = Retry::default();
                Ok(())
            }
            Ok(Some(fd)) => {
                if let Some(listener) = self.channel.listener() {
                    // One client at a time; the next one waits in the backlog, and must not wake the agent.
                    self.epoll.change(listener, LISTENER, Interest::default())?;
                }
                let name = Part::Bytes(self.channel.name().to_bytes());
                self.guest.log.find_system_log();
                self.guest.log.write(Level::Info, &[Part::Words("channel '"), name, Part::Words("' is open")]);
                self.retry.at_ns = None;
                self.retry.reason = None;
                self.line = Some(Connection { line: Line::new(fd), interest, host, look_ns: 0, looks: 0 });
                Ok(())
            }
            Err(errno) => {
                if self.retry.reason != Some(errno) {
                    let name = Part::Bytes(self.channel.name().to_bytes());
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

    /// Opens the line or accepts a client, and waits for what was opened. `None` if no client is there.
    fn open(&mut self, interest: Interest) -> Result<Option<Fd>, Errno> {
        if let Some(listener) = self.channel.listen()? {
            self.epoll.add(listener, LISTENER, READING)?;
        }
        let Some(fd) = self.channel.connect(self.guest)? else { return Ok(None) };
        self.epoll.add(&fd, LINE, interest)?;
        Ok(Some(fd))
    }

    /// Plans the next try, each time after a longer pause, until bytes come.
    fn retry_later(&mut self) {
        self.retry.pause_ms = self.retry.pause_ms.saturating_mul(2).clamp(RETRY_FIRST_MS, RETRY_LAST_MS);
        let pause_ns = self.retry.pause_ms.saturating_mul(1_000_000);
        self.retry.at_ns = Some(system::boot_time_ns().unwrap_or(0).saturating_add(pause_ns));
    }

    /// Whether what is missing is a virtio port, of which the kernel tells.
    fn waits_for_port(&self) -> bool {
        self.channel.may_be_plugged_in() && self.channel.name().to_bytes().starts_with(b"/dev/v")
    }

    fn line_event(&mut self, event: Ready) {
        let is_port = self.channel.is_port();
        let Some(connection) = &mut self.line else { return };
        if event.write {
            connection.line.ready_to_write();
        }
        if event.read || event.hang_up {
            connection.line.ready_to_read();
        }
        if !event.hang_up {
            if connection.host == Host::Leaving {
                // A new host is there, before the end of the old one's bytes was seen.
                self.agent.hang_up(self.guest);
            }
            if core::mem::replace(&mut connection.host, Host::Here) != Host::Here {
                self.guest.log.find_system_log();
            }
        } else if is_port && connection.interest.read && !event.read {
            // A port whose host is gone can still be read; one that cannot has been unplugged.
            self.disconnect();
        } else if connection.host == Host::Here && is_port && self.agent.is_at_rest() {
            connection.host = Host::Left;
        } else if connection.host == Host::Here {
            connection.host = Host::Leaving;
            self.agent.discard_replies();
        }
    }

    /// Lets the agent work until it has to wait.
    #[inline(never)] // smaller so
    fn work(&mut self) {
        while let Some(connection) = &mut self.line {
            if signal::wants_termination() {
                return;
            }
            match self.agent.step(&mut connection.line, self.guest) {
                Ok(Progress::Again) => {}
                Ok(Progress::Wait { read, write }) => return self.wait_for(read, write),
                Ok(Progress::Ended) => return self.ended(),
                Err(error) if connection.host == Host::Leaving => {
                    self.lost(error.0);
                    return self.disconnect();
                }
                Err(_) => {
                    // What came before is still answered to nobody; then the read fails as well, or ends.
                    connection.host = Host::Leaving;
                    connection.line.ready_to_read();
                    self.agent.discard_replies();
                }
            }
        }
    }

    fn lost(&self, errno: Errno) {
        self.guest.log.write(Level::Warning, &[Part::Words("channel lost: "), Part::Errno(errno)]);
    }

    /// Waits for the line to be ready.
    fn wait_for(&mut self, read: bool, write: bool) {
        let Some(connection) = &mut self.line else { return };
        if connection.line.take_had_bytes() {
            self.retry.pause_ms = 0;
            if let Host::Away | Host::Left = connection.host {
                connection.host = Host::Arriving;
                connection.looks = ARRIVAL_LOOKS;
                connection.look_ns = system::boot_time_ns().unwrap_or(0).wrapping_add(ARRIVAL_LOOK_NS);
            }
        }
        let interest = match connection.host {
            Host::Here | Host::Leaving => Interest { read, write, edge: false },
            Host::Away | Host::Left => LISTENING,
            Host::Arriving => ARRIVING,
        };
        if interest != connection.interest {
            connection.interest = interest;
            if let Err(errno) = self.epoll.change(connection.line.fd(), LINE, interest) {
                self.lost(errno);
                self.disconnect();
            }
        }
    }

    /// When to look next whether a host is announced, in nanoseconds since boot.
    fn arrival_deadline_ns(&self) -> Option<i64> {
        let connection = self.line.as_ref()?;
        (connection.host == Host::Arriving).then_some(connection.look_ns)
    }

    /// Takes the sender of bytes for gone who was not announced in time.
    fn give_up_arrival(&mut self, now_ns: i64) {
        if let Some(connection) = &mut self.line
            && connection.host == Host::Arriving
            && connection.look_ns <= now_ns
        {
            connection.look_ns = now_ns.wrapping_add(ARRIVAL_LOOK_NS);
            connection.looks = connection.looks.wrapping_sub(1);
            if connection.looks == 0 {
                connection.host = Host::Leaving;
                connection.line.ready_to_read();
                self.agent.discard_replies();
            }
        }
    }

    /// The host hung up, and what it sent is done with.
    fn ended(&mut self) {
        match &mut self.line {
            Some(connection) if self.channel.is_port() => {
                connection.line.take_had_bytes();
                if connection.host == Host::Arriving {
                    // The end of file only says again that nobody is there yet.
                    self.agent.resume_input();
                } else {
                    self.agent.hang_up(self.guest);
                    connection.host = Host::Away;
                }
                self.wait_for(true, false);
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

/// Whether a line or socket that cannot be opened may still come, or be let go of by another process.
fn may_come(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::ENOENT
            | Errno::EBUSY
            | Errno::ENXIO
            | Errno::ENODEV
            | Errno::EAGAIN
            | Errno::EINTR
            // The drivers of the hypervisor's sockets are not loaded.
            | Errno::EAFNOSUPPORT
            | Errno::EADDRNOTAVAIL
    )
}
